/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent counts beyond its pipelines: the stream, the ring, the table, reloads. */
#pragma once

#include "agent/reader.h"
#include "metrics/metrics.h"

struct agent_counters {
	metric_value lost_exec, lost_exit, lost_fork, lost_other;
	metric_value lost_ring_full, lost_budget, lost_skipped, lost_unreadable;
	metric_value ring_bytes, ring_fill_bytes;
	metric_value processes, images, table_bytes;
	metric_value evicted_exited, evicted_living;
	metric_value unknown_parent, unknown_process, twins, malformed;
	metric_value reloads, reloads_failed;
	metric_value pipelines;
	metric_value journal_bytes, journal_batches, journal_rewrites, journal_failures;
	metric_value is_pinned, is_adopted;
};

extern const struct metric agent_metrics[];

/* Takes over what the reader's parts count; their owner is this thread. */
void agent_counters_update(struct agent_counters *c, const struct reader *r);
uint64_t agent_counters_n_lost(const struct agent_counters *c);
