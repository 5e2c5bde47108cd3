/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent may take, all in all: how that is shared out before anything is allocated, and the
 * look, once a second, whether it holds. The plan bounds each part by itself; the watch is for what
 * no plan knows (the heap's holes, the libraries), and takes from the table, which can be made
 * again. Reader thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/metrics.h"
#include "proc/fold.h"

#define MEMORY_TABLE_LEAST (UINT64_C(4) << 20)
#define MEMORY_QUEUE_LEAST (UINT64_C(1) << 20)

struct memory_plan {
	uint64_t table_bytes; /* of the process table, at most */
	uint64_t queue_bytes; /* of each flusher's queue, at most */
};

/* The smallest `max` that does: ring is mapped once, and each flusher has a queue. */
uint64_t memory_plan_least(uint64_t ring_bytes, size_t n_flushers);
/* 0; -ENOSPC: max is less than that. */
int memory_plan(uint64_t max, uint64_t ring_bytes, size_t n_flushers, struct memory_plan *ret);

/* Before any thread: the heap gives back what a burst took, and has one part for all threads. */
void memory_set_up(void);

/*
 * When the start is over: gives back what only that needed. The heap's free pages; and the pages of
 * code and constants, which come back from the page cache one by one as they are used again.
 */
void memory_settle(void);

struct memory_counters {
	metric_value max_bytes;
	metric_value pressure; /* looks that found too much */
};

extern const struct metric memory_metrics[];

struct memory_watch {
	struct memory_counters counters;
	uint64_t looked_ns;
	bool is_told; /* of a pressure that has not ended */
};

void memory_watch_init(struct memory_watch *w, uint64_t max);
/*
 * With no batch in hand, `now_ns` being CLOCK_MONOTONIC: looks once a second, and where the agent
 * takes too much as much of the table goes, and the heap gives back what is free.
 */
void memory_watch_turn(struct memory_watch *w, uint64_t now_ns, struct fold *fold);
/* How many bytes are too many, of what the system calls resident. */
uint64_t memory_watch_judge(struct memory_watch *w, uint64_t resident);
