/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flusher at work: a bounded queue of chunks, and the thread that hands them over. The reader
 * thread pushes and never waits here; one slow flusher holds up nobody but itself.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "metrics/metrics.h"
#include "pipeline/chunk.h"
#include "pipeline/part.h"
#include "plugin/plugin.h"

struct outlet_counters {
	metric_value in;	  /* records offered to it */
	metric_value delivered;	  /* records in its custody */
	metric_value dropped;	  /* records that it could not take; written by its thread */
	metric_value overflowed;  /* records its queue had no room for; written by the reader */
	metric_value bytes;	  /* in its custody */
	metric_value queue_bytes; /* now */
	metric_value is_failing;  /* 1: the last flush failed */
	metric_value error;	  /* the errno of that; not shown */
	struct metric_histogram latency;
};

extern const struct metric outlet_metrics[];

struct link {
	struct chunk *chunk;
	struct link *next;
};

struct outlet {
	struct part part;
	const struct flusher *flusher;
	size_t feed;	      /* index in pipeline.feeds */
	const char *pipeline; /* its name, for the log; borrowed */
	struct outlet_counters counters;
	struct metric_set *metric_set; /* the pipeline's */

	pthread_t thread;
	bool has_thread, has_lock;
	pthread_mutex_t lock;	/* guards what follows */
	pthread_cond_t changed; /* the queue, or what is asked of the thread */
	struct link *first, **last;
	uint64_t held_from;  /* chunks that begin before this were let go of */
	size_t queued_bytes; /* the chunk at work included */
	uint64_t stop_ns;    /* CLOCK_MONOTONIC: when to give up on what is queued; 0: run on */
	bool wants_reopen;
	bool is_gone; /* it will never take anything again */

	/* The thread's own. */
	uint64_t overflowed_said; /* of counters.overflowed, what the log has told */
	uint64_t n_unsaid;	  /* records dropped since the last log line about it */
	uint64_t said_at_ns;	  /* 0: never */
};

/* Starts the flusher and its thread. 0 or a negative errno, after an error was logged. */
int outlet_start(struct outlet *o, const char *pipeline);

/*
 * Lets the thread finish what is queued, until `deadline_ns` (CLOCK_MONOTONIC); drops the rest;
 * stops. What the outlet counts may still be asked for; nothing may be pushed.
 */
void outlet_stop(struct outlet *o, uint64_t deadline_ns);
/* Stops it, at once, and frees what it owns. Also for one that was never started, or half. */
void outlet_done(struct outlet *o);

/*
 * Offers a chunk: queued, with a reference of its own, or dropped and counted when there is no
 * room.
 */
void outlet_push(struct outlet *o, struct chunk *c);
bool outlet_has_room(struct outlet *o);
bool outlet_is_gone(struct outlet *o);

/*
 * Where the oldest chunk begins that is not in custody and was not let go of; UINT64_MAX: there is
 * none.
 */
uint64_t outlet_pending(struct outlet *o);
/* Chunks that begin before this hold the ring no longer. They stay queued. */
void outlet_let_go(struct outlet *o, uint64_t begin);

void outlet_reopen(struct outlet *o);
