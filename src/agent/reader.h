/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: the one thread that takes records from where they come (the ring, a recording), folds
 * them and hands the events to the pipelines, which encode and queue them.
 *
 * Custody: what is in the custody of every flusher goes into the journal, and then the ring gets
 * its room back. All three happen in this order, so that whatever instant the agent dies at, its
 * successor goes on with what is missing: it folds the journal, and then reads on in the ring.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/enrichment.h"
#include "agent/facts.h"
#include "agent/naming.h"
#include "agent/pipelines.h"
#include "agent/store.h"
#include "event/batch.h"
#include "journal/recording.h"
#include "probe/probe.h"
#include "proc/fold.h"

/* Asked while the flushers have no room: true ends the waiting. */
typedef bool reader_give_up_fn(void *ctx);

/* Told of every record of the ring before it is folded; may put another in its place (borrowed). */
typedef const struct event_head *reader_filter_fn(void *ctx, const struct event_head *record);

struct reader_counters {
	metric_value records[_CALL_MAX]; /* events that the fold gave, by call */
	metric_value batches;
};

extern const struct metric reader_metrics[];

struct reader {
	/* Set by the owner; all borrowed, NULL where there is none. */
	struct probe *probe;
	struct facts *facts;
	struct enrichment *enrichment;
	struct naming *naming;
	struct recording_writer *writer;
	struct store *store;
	struct pipelines *pipelines;
	reader_give_up_fn *give_up;
	void *give_up_ctx;
	reader_filter_fn *filter;
	void *filter_ctx;
	/* Not NULL where the reader may write itself: nothing of its callers' is half done. */
	const struct post *post;

	/* The reader's own. */
	struct fold *fold;
	struct batch batch;
	struct reader_counters counters;
	uint64_t begin;		 /* where the batch that is being made begins in the ring */
	uint64_t n_folded;	 /* records in it */
	size_t room;		 /* events of it that pipelines get before room is looked for */
	uint64_t position;	 /* of the record that is being folded, or that comes next */
	const void *current;	 /* that record, if it is one of the ring; else NULL */
	bool is_recovering;	 /* what is folded is known, and told of, already */
	struct fold_losses told; /* losses that the agent before has told of */
	uint64_t checkpoint_ns;	 /* not before this is the journal tried again; CLOCK_MONOTONIC */
};

/* After the owner's members are set. 0 or a negative errno. */
int reader_init(struct reader *r, const struct proc_limits *limits);
void reader_done(struct reader *r);

/*
 * Takes all that is in the ring, in batches. Returns the number of records, or a negative errno:
 * -EPIPE when nobody is left to deliver to, -ECANCELED when waiting for room was given up, -ENOMEM,
 * what a recording's write says.
 */
int64_t reader_drain(struct reader *r);

/* Folds one record that does not come from the ring. 0 or a negative errno. */
int reader_fold(struct reader *r, const void *record, size_t size);
/* The same for a record of a recording, at its place in the ring of then. */
int reader_replay(struct reader *r, const void *record, size_t size, uint64_t seq);
/* A recording is at its end: what waits in the fold is handed over, too. As reader_deliver(). */
int reader_end_replay(struct reader *r);
/* Folds an EVENT_MARK_*. 0 or a negative errno. */
int reader_mark(struct reader *r, uint32_t mark);

/*
 * Folds a record of the journal: the table learns from it, and nobody is told. 0 or a negative
 * errno. Afterwards, or where the ring is another one, reader_go_on() from where the stream is;
 * `is_next`: that is where the journal ends. Then the events of the facts that it ends with are in
 * the next batch, since they may have been in nobody's custody: who has them skips them.
 */
int reader_recover(struct reader *r, const struct event_head *record, uint64_t seq);
void reader_go_on(struct reader *r, bool is_next);

/* Hands over what has been folded so far. 0 or as reader_drain(). */
int reader_deliver(struct reader *r);

/*
 * The same for facts that what is told follows from, and that no ring has: of streams, of the end
 * of a pass. They are in the journal before anybody is told, so that whoever comes next tells the
 * same, to those who have not heard it. That is, if reader_secure() said that all before them is in
 * custody, and nothing of the ring was folded since.
 */
int reader_tell(struct reader *r);

/* Hands the living processes, as events CALL_SNAPSHOT, to one pipeline. 0 or -ENOMEM. */
int reader_snapshot(struct reader *r, struct pipeline *p, uint64_t boot_ns);

/* Journals what everybody has, and gives the ring its room back. */
void reader_commit(struct reader *r);

/*
 * Brings all that has been delivered into custody: waits a moment, then has it written to the
 * backlogs. False where some of it still is not.
 */
bool reader_secure(struct reader *r);

/* Losses since this agent began, those included that happened while none was running. */
void reader_losses(const struct reader *r, struct fold_losses *ret);

/*
 * For whoever comes next: the journal is written anew, as small as it can be. Not where something
 * was folded and could not be handed over: the journal must not know of it. Nor while events are
 * held, of which only the journal as it is knows.
 */
void reader_leave(struct reader *r);

/* Writes the journal anew, if it is due and all is in custody. */
void reader_checkpoint(struct reader *r);
