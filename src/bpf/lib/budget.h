/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How much of the stream one control group may take, on all CPUs together: so many execs in a
 * second, and four times as many forks. Each has a time at which all that was recorded would have
 * been due; a record that would move it more than a second ahead is dropped (a leaky bucket that
 * holds one second's worth; GCRA). Off, it costs a test of one word.
 */
#pragma once

#include "maps.h"

#define BUDGET_AHEAD_NS 1000000000ULL
#define BUDGET_FORKS 4 /* for each exec */

/*
 * Least recently used ones go: who is noisy is used. The loader makes it of one entry where there
 * is no budget.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct budget);
} pt_budget SEC(".maps") __weak;

/* NULL: no memory, then nothing is dropped. */
static __always_inline struct budget *budget_get(__u64 cgroup)
{
	struct budget *b = bpf_map_lookup_elem(&pt_budget, &cgroup);
	struct budget none = {};

	if (b)
		return b;
	bpf_map_update_elem(&pt_budget, &cgroup, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&pt_budget, &cgroup);
}

/* Who loses the race to another CPU is let through, and charged all the same. */
static __always_inline bool budget_charge(__u64 *due, __u64 cost, __u64 now)
{
	__u64 was = *(volatile __u64 *)due, from = was > now ? was : now;

	if (from + cost > now + BUDGET_AHEAD_NS)
		return false;
	if (__sync_val_compare_and_swap(due, was, from + cost) != was)
		__sync_fetch_and_add(due, cost);
	return true;
}

/*
 * Whether a record of this control group is over the budget; then it is counted as lost for that
 * reason, and in *lost.
 */
static __always_inline bool budget_is_over(const struct knobs *k, struct stream_counters *s,
					   const struct event_head *h, __u64 cgroup, __u32 *lost)
{
	bool is_exec = h->type == EVENT_EXEC;
	__u64 cost = BUDGET_AHEAD_NS / (is_exec ? 1 : BUDGET_FORKS) / k->budget;
	struct budget *b = budget_get(cgroup);

	if (!b || budget_charge(is_exec ? &b->exec_due_ns : &b->fork_due_ns, cost, h->time_ns))
		return false;
	__sync_fetch_and_add(&b->dropped, 1);
	++s->lost_budget;
	++*lost;
	return true;
}
