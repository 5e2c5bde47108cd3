/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunks that wait for one flusher, oldest first, and what must be known of them when the agent
 * dies: those in front may be in the backlog, the others hold the ring; what was dropped is counted
 * until it is reported.
 *
 * Belongs to its outlet's lock. Only the chunk that is first is looked at without it, by the thread
 * that works on it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/backlog.h"
#include "pipeline/chunk.h"
#include "pipeline/custody.h"
#include "pipeline/pipeline.h"
#include "pipeline/shortfall.h"

struct link {
	struct chunk *chunk;
	size_t first;	     /* record that is to be delivered; those before are */
	uint64_t kept_bytes; /* in the backlog; 0: it is not there, and holds the ring */
	struct link *next;
};

/* Of encoded records, for each flusher: those of some 5,000 executions. */
#define QUEUE_BYTES (8 * 1024 * 1024)

struct queue {
	const char *pipeline, *flusher; /* whose it is, for the log; borrowed */
	struct link *first, **last;
	size_t bytes;	      /* encoded, the chunk at work included */
	size_t max_bytes;     /* QUEUE_BYTES, or less */
	uint64_t held_from;   /* without a backlog: what begins before this was let go of */
	int64_t last_wall_ns; /* when the last record was that was put; 0: none yet */
	struct shortfall shortfall;
	struct backlog *backlog;   /* or NULL */
	struct custody *custody;   /* of the slot; borrowed */
	struct custody_slot *slot; /* or NULL; constant while there are chunks */
	bool has_state;		   /* nothing is let go of that is not in a backlog */
	bool has_secure_failed;	   /* the log knows */
};

void queue_init(struct queue *q, const char *pipeline, const char *flusher);

struct queue_found {
	uint64_t skip_before; /* everything before this position was dealt with in another life */
	size_t n;	      /* records that waited, and are queued now */
	bool is_torn;	      /* a record was begun where the flusher writes, and not ended */
};

/*
 * Takes up what a queue of the same name has left. What cannot be used or read is logged, and what
 * of it is lost will be reported.
 */
void queue_set_state(struct queue *q, const struct pipeline_state *state, struct queue_found *ret);

bool queue_has_room_for(const struct queue *q, const struct chunk *c);
/*
 * Takes a reference; records before `first` are not delivered. False: there was no room or no
 * memory, so they were dropped, which will be reported.
 */
bool queue_put(struct queue *q, struct chunk *c, size_t first);
/* The first chunk is dealt with. */
void queue_pop(struct queue *q);

/* As outlet_pending() and outlet_secure() have it. */
uint64_t queue_pending(const struct queue *q);
void queue_secure(struct queue *q, uint64_t before);

struct queue_left {
	size_t n_waiting, n_lost; /* records */
	char *path;		  /* of the backlog that they wait in; NULL: there is none */
};

/*
 * What was not delivered waits in the backlog for the next life, or is lost. The queue is empty
 * afterwards. The caller frees the path.
 */
void queue_leave(struct queue *q, struct queue_left *ret);
