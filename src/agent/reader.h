/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: the one thread that takes records from where they come (the ring, a recording), folds
 * them and hands the events to the pipelines, which encode and queue them. A batch is given back to
 * the ring when it is in the recording and in the custody of every flusher; what is not would be
 * read again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/facts.h"
#include "agent/pipelines.h"
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
	struct recording_writer *writer;
	struct pipelines *pipelines;
	reader_give_up_fn *give_up;
	void *give_up_ctx;
	reader_filter_fn *filter;
	void *filter_ctx;

	/* The reader's own. */
	struct fold *fold;
	struct batch batch;
	struct reader_counters counters;
	uint64_t begin;	   /* where the batch that is being made begins in the ring */
	uint64_t n_folded; /* records in it */
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
int reader_fold(struct reader *r, const void *record, size_t size, uint64_t seq);

/* Hands over what has been folded so far. 0 or as reader_drain(). */
int reader_deliver(struct reader *r);

/* Hands the living processes, as events CALL_SNAPSHOT, to one pipeline. 0 or -ENOMEM. */
int reader_snapshot(struct reader *r, struct pipeline *p, uint64_t boot_ns);

/* Gives the ring back what everybody has. */
void reader_commit(struct reader *r);
