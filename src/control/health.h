/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the agent does its work, as /healthz says it. The agent notes what happens, without a
 * lock; the judgement is made when somebody asks. Times are CLOCK_MONOTONIC:
 * clock_now_ns(CLOCK_MONOTONIC).
 *
 * Unhealthy is: not ready yet; a reader that has not turned for 5 s; records lost within the last
 * minute; a check that fails.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/list.h"

#define HEALTH_TURN_NS UINT64_C(5000000000)
#define HEALTH_LOSS_NS UINT64_C(60000000000)

struct health {
	_Atomic uint64_t turned_ns; /* 0: not ready yet */
	_Atomic uint64_t lost_ns;   /* 0: nothing was ever lost */
	_Atomic uint64_t n_lost;
	pthread_mutex_t lock; /* guards the list */
	struct list checks;
};

/* Something of which there may be many, and each may fail: a flusher of a pipeline. One writer. */
struct health_check;

void health_init(struct health *h);
void health_done(struct health *h); /* with the checks that are left */

/* The reader is alive. Called at each of its turns, once it is ready, by its thread alone. */
static inline void health_turn(struct health *h, uint64_t now_ns)
{
	atomic_store_explicit(&h->turned_ns, now_ns, memory_order_relaxed);
}

/* n more records were lost. By the reader's thread alone. */
void health_lose(struct health *h, uint64_t n, uint64_t now_ns);

/*
 * `what` begins a sentence: "pipeline 'web', flusher_file". Copied. Passes at first. 0 or -ENOMEM.
 * Any thread.
 */
int health_add(struct health *h, const char *what, struct health_check **ret);
void health_remove(struct health *h, struct health_check *check);

/*
 * It fails, for the reason r (a negative errno), until it passes. Cheap enough to be said each
 * time.
 */
void health_fail(struct health_check *check, int r, uint64_t now_ns);
void health_pass(struct health_check *check);

/*
 * Appends {"healthy":true,"reasons":[]}, a sentence for each reason; returns whether it is healthy.
 * Any thread.
 */
bool health_judge(struct health *h, uint64_t now_ns, struct buf *out);
/* The same of the reader's turns alone: of what a restart could mend. */
bool health_judge_life(struct health *h, uint64_t now_ns, struct buf *out);
