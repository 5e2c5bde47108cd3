/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The losses that no record of the ring tells of: at the tail of a stream, when nothing comes
 * behind them, and what the kernel did not even run the programs for. Their counters are looked at
 * by timer and folded as records. And when the table is repaired after a loss. On the reader
 * thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/reader.h"

struct losses {
	struct probe_stream *told; /* the streams with losses, as the fold was told of them */
	size_t n_told;
	uint64_t looked_ns; /* CLOCK_MONOTONIC */
	uint64_t wanted_ns; /* since when a pass is wanted; 0: none is */
	uint64_t passed_ns; /* when the last one ended */
	uint64_t n_budget;  /* records over a budget, as the log knows */
	uint64_t budget_ns; /* when it was told */
};

void losses_done(struct losses *l);

/*
 * At each turn, with nothing in hand; `is_drained`: the ring was found empty. Looks once a second,
 * somewhat later where the ring does not come to rest, and sooner after a loss. 0 or a negative
 * errno, logged.
 */
int losses_turn(struct losses *l, struct reader *r, bool is_drained);
