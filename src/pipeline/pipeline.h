/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline: what one configuration file describes. Owns its plugin instances; built and checked
 * as a whole, then started, fed with batches by the reader, stopped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "conf/diag.h"
#include "event/batch.h"
#include "metrics/metrics.h"
#include "plugin/plugin.h"

struct custody;
struct pipeline;
struct post;

struct pipeline_counters {
	metric_value in;       /* records of the calls that it asks for */
	metric_value filtered; /* dropped by a processor */
	metric_value records;  /* encoded and offered to the flushers */
	metric_value failed;   /* memory did not suffice */
	metric_value bytes;    /* encoded, all encodings together */
	metric_value copied;   /* pieces of records: kept from earlier ones */
	metric_value made;     /* not kept, or not any more */
};

extern const struct metric pipeline_metrics[];

/*
 * Builds a pipeline from a file, or from text that is called `name`. Nothing is opened yet. 0;
 * -EINVAL with the findings in diag; -ENOMEM.
 */
int pipeline_load_file(const char *path, struct diag *reterr, struct pipeline **ret);
int pipeline_load_text(const char *name, const char *text, struct diag *reterr,
		       struct pipeline **ret);
struct pipeline *pipeline_free(struct pipeline *p); /* stops what runs */
DEFINE_CLEANUP(struct pipeline *, pipeline_free)

const char *pipeline_name(const struct pipeline *p); /* the file's stem */
bool pipeline_is_enabled(const struct pipeline *p);
size_t pipeline_n_flushers(const struct pipeline *p);
/* Borrowed, until the pipeline is freed. */
const struct demand *pipeline_demand(const struct pipeline *p);

/*
 * Starts all instances, flushers first, each with its thread. 0 or a negative errno, after an error
 * was logged.
 */
int pipeline_start(struct pipeline *p);

/* Before it is started or while it runs: what the queue of each flusher may hold, at most 8 MiB. */
void pipeline_bound_queues(struct pipeline *p, size_t bytes);

/*
 * What both encode in the same way is encoded once from now on. On the reader thread, as all that
 * follows.
 */
void pipeline_share(struct pipeline *p, const struct pipeline *other);

/* Whether it leaves out events of these calls (bits 1 << enum call), or may drop some. */
bool pipeline_is_selective(const struct pipeline *p, uint32_t calls);

struct pipeline_state {
	const char *folder;	 /* of the instance; backlogs are below it. NULL: no state */
	struct custody *custody; /* NULL: after a crash records may come twice */
};

/*
 * From now on the pipeline survives the agent: what its flushers have in custody is marked, and
 * what waits for them is in files when the ring does not keep it. What another life of a pipeline
 * of this name has left is taken up: its backlogs are queued before anything else, and what it had
 * dealt with is skipped when it is delivered again. Between pipeline_start() and the first batch,
 * and after an older version of the pipeline was stopped. The state outlives the pipeline. What
 * fails is logged.
 */
void pipeline_set_state(struct pipeline *p, const struct pipeline_state *state);

/*
 * Filters and encodes a batch and queues it for the flushers; never waits. The ring is kept from
 * `begin` on until they have it. The numbers of its events never fall, and those of a later batch
 * are larger. Once it is delivered no event before `bound` is owed, should the log be read again
 * (fold_next_owed()). What a flusher has no room for is dropped, counted, logged, and reported to
 * it by a lost record as soon as it has room again.
 *
 * Or stride by stride, which the flushers get as one batch: each is taken, and need not be there
 * any more when the next is. After the last one the batch is pushed; then the flushers are served,
 * as outlet_serve() has it.
 */
void pipeline_deliver(struct pipeline *p, const struct batch *batch, uint64_t begin,
		      uint64_t bound);
void pipeline_take(struct pipeline *p, const struct batch *stride, uint64_t begin, uint64_t bound);
void pipeline_push(struct pipeline *p, uint64_t bound);
bool pipeline_serve(struct pipeline *p, const struct post *post);

/* Whether every flusher has room for more, or its reader has gone; whether any has. */
bool pipeline_has_room(struct pipeline *p);
bool pipeline_has_any_room(struct pipeline *p);
/* Whether no flusher is left that could ever take anything: their readers have gone. */
bool pipeline_is_gone(struct pipeline *p);
/*
 * Where the oldest batch begins that some flusher has neither in custody nor in its backlog;
 * UINT64_MAX: there is none.
 */
uint64_t pipeline_pending(struct pipeline *p);
/*
 * What was queued from before this goes into the backlogs, and holds the ring no longer; where it
 * cannot be written it goes on holding it. Without a state it is let go of: a crash would lose it.
 */
void pipeline_secure(struct pipeline *p, uint64_t before);

/*
 * The agent's own process, which makes no records where ExcludeSelf says so; 0, as at first: none,
 * as in a replay, whose processes are others.
 */
void pipeline_set_self(struct pipeline *p, uint32_t pid);

/* Lets all flushers open their files anew, between two records. */
void pipeline_reopen(struct pipeline *p);

/*
 * Lets the flushers finish until `deadline_ns` (CLOCK_MONOTONIC) and stops them. What is left then
 * waits in the backlogs for a pipeline of the same name; without a state it is dropped. Nothing may
 * be delivered afterwards.
 */
void pipeline_stop(struct pipeline *p, uint64_t deadline_ns);

struct pipeline_totals {
	uint64_t records; /* encoded and offered to the flushers */
	uint64_t dropped; /* that some flusher could not take, or that memory did not suffice for */
};

void pipeline_totals(const struct pipeline *p, struct pipeline_totals *ret);

/* How a flusher fares. Any thread. */
struct pipeline_flusher {
	const char *name;   /* among those of its pipeline */
	int failure;	    /* of its last attempt, a negative errno; 0: there was none */
	uint64_t n_dropped; /* records that it could not take */
};

void pipeline_flusher(const struct pipeline *p, size_t i, struct pipeline_flusher *ret);

/*
 * Shows the counters of the pipeline and of its flushers. 0 or -ENOMEM; removed by pipeline_free().
 */
int pipeline_show_metrics(struct pipeline *p, struct metrics *m);
