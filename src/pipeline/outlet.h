/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flusher at work: a bounded queue of chunks, and the thread that hands them over. The reader
 * thread pushes and never waits here; one slow flusher holds up nobody but itself.
 *
 * A chunk holds its place in the ring until the flusher has it in custody, or until it is in the
 * outlet's backlog, a file that outlives the agent.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "metrics/metrics.h"
#include "pipeline/chunk.h"
#include "pipeline/part.h"
#include "pipeline/queue.h"
#include "plugin/plugin.h"

struct outlet_counters {
	metric_value in;	    /* records offered to it */
	metric_value delivered;	    /* records in its custody */
	metric_value dropped;	    /* records that it could not take; written by its thread */
	metric_value overflowed;    /* records its queue had no room for; written by the reader */
	metric_value repeated;	    /* records that it had already; written by the reader */
	metric_value reports;	    /* lost records in its custody about what it dropped */
	metric_value bytes;	    /* in its custody */
	metric_value queue_bytes;   /* now */
	metric_value backlog_bytes; /* now */
	metric_value is_failing;    /* 1: the last flush failed */
	metric_value error;	    /* the errno of that; not shown */
	struct metric_histogram latency;
};

extern const struct metric outlet_metrics[];

struct outlet {
	struct part part;
	const struct flusher *flusher;
	size_t queue_bytes;   /* of its queue, at most; 0: QUEUE_BYTES */
	size_t feed;	      /* index in pipeline.feeds */
	const char *pipeline; /* its name, for the log; borrowed */
	struct outlet_counters counters;
	struct metric_set *metric_set; /* the pipeline's */

	pthread_t thread;
	bool has_thread, has_lock;
	pthread_mutex_t lock;	/* guards what follows */
	pthread_cond_t changed; /* the queue, or what is asked of the thread */
	struct queue queue;
	uint64_t stop_ns; /* CLOCK_MONOTONIC: when to give up on what is queued; 0: run on */
	bool wants_reopen;
	bool is_called; /* what is queued is the thread's, not left to the reader */
	bool is_torn;	/* the flusher is to be told that a record was begun in another life */
	bool is_gone;	/* it will never take anything again */
	bool is_busy;	/* somebody is with the flusher: its thread, or the reader */
	bool is_prompt; /* the flusher says so */

	/* The reader's own. */
	uint64_t skip_before; /* records before this position were dealt with in another life */

	/* Of whoever is with the flusher. */
	int64_t delivered_wall_ns; /* when the last record was that the flusher took */
	uint64_t overflowed_said;  /* of counters.overflowed, what the log has told */
	uint64_t n_unsaid;	   /* records dropped since the last log line about it */
	int unsaid_reason;	   /* why, a negative errno */
	uint64_t said_at_ns;	   /* 0: never */
};

/* Starts the flusher and its thread. 0 or a negative errno, after an error was logged. */
int outlet_start(struct outlet *o, const char *pipeline);

/*
 * Takes up what an agent before, or an outlet of the same name, has left: what waits in the backlog
 * is queued, and what it has dealt with is skipped when it is pushed again. Between outlet_start()
 * and the first push. What fails is logged, and the outlet goes on without.
 */
void outlet_set_state(struct outlet *o, const struct pipeline_state *state);

/*
 * What its queue may hold, at most QUEUE_BYTES, from now on: before it is started or while it runs.
 * What a smaller bound has no room for is still delivered.
 */
void outlet_bound_queue(struct outlet *o, size_t bytes);

/*
 * Lets the thread finish what is queued, until `deadline_ns` (CLOCK_MONOTONIC), and stops. What is
 * left then goes into the backlog, for the next start; without a backlog it is dropped. What the
 * outlet counts may still be asked for; nothing may be pushed. outlet_ask_to_stop() alone does not
 * wait.
 */
void outlet_ask_to_stop(struct outlet *o, uint64_t deadline_ns);
void outlet_stop(struct outlet *o, uint64_t deadline_ns);
/* Stops it, at once, and frees what it owns. Also for one that was never started, or half. */
void outlet_done(struct outlet *o);

/*
 * Offers a chunk: queued, with a reference of its own, or dropped and counted when there is no
 * room. Of what is prompt, outlet_serve() is to follow.
 */
void outlet_push(struct outlet *o, struct chunk *c);

/*
 * How the reader may do the work of flushers itself, though one of them may hang. It leaves its
 * post first, which may not be possible now; when it comes back somebody else may have read on in
 * its place: then `come_back` says false.
 */
struct post {
	bool (*leave)(void *ctx);
	bool (*come_back)(void *ctx);
	void *ctx;
};

/*
 * Has what is queued written: by the caller, where the flusher is prompt and has nothing else to
 * do, and the post can be left; else by the thread. NULL: by the thread. False: others have read
 * meanwhile, and everything may have changed; the outlet may be gone.
 */
bool outlet_serve(struct outlet *o, const struct post *post);
/*
 * Whether a lost record is due in front of a chunk: about what this outlet has dropped, now that
 * there is room again. The caller gives the event its node, makes a report of it, a chunk of its
 * own, and pushes that, or puts the loss back.
 */
bool outlet_owes(struct outlet *o, const struct chunk *next, struct event *ret,
		 struct loss *ret_loss);
void outlet_put_back(struct outlet *o, const struct loss *loss);

bool outlet_has_room(struct outlet *o);
bool outlet_is_gone(struct outlet *o);

/*
 * Where the oldest chunk begins that holds the ring, being neither in custody nor in the backlog;
 * UINT64_MAX: there is none.
 */
uint64_t outlet_pending(struct outlet *o);
/*
 * Puts chunks that begin before this into the backlog, so that they hold the ring no longer; they
 * stay queued. Where that fails they go on holding it. Without a backlog they are let go of: a
 * crash would lose them.
 */
void outlet_secure(struct outlet *o, uint64_t before);

void outlet_reopen(struct outlet *o);
