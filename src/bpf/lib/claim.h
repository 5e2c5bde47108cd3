/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which of several generations records an event. While one takes over from another the programs of
 * both are on a hook, and run one after the other for the same event, on the same CPU, with
 * preemption off. Whoever comes first takes the event up, and says so in a word per CPU that all
 * generations share; whoever finds that the event has been taken up is silent: it neither records
 * nor counts it. So an event is recorded, or counted as lost, once, whatever programs come and go.
 *
 * The word names the event, since what was said before a program came or went means nothing. (Where
 * another task can get in between, on PREEMPT_RT from 7.0 on, both may record it: the table takes
 * the first of two twins.)
 */
#pragma once

#include "maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct claim);
} pt_claim SEC(".maps") __weak;

/* Whether the event that is named so is for this generation. */
static __always_inline bool claim_event(__u32 type, __u64 start_ns, __u64 exec_count, __u32 tgid)
{
	__u32 zero = 0;
	struct claim *last = bpf_map_lookup_elem(&pt_claim, &zero);

	if (!last)
		return true;
	if (last->start_ns == start_ns && last->exec_count == exec_count && last->tgid == tgid &&
	    last->type == type)
		return false;
	last->start_ns = start_ns;
	last->exec_count = exec_count;
	last->tgid = tgid;
	last->type = type;
	return true;
}

/* The same for an event of the process that the head names. */
static __always_inline bool claim_head(const struct event_head *h, __u32 type)
{
	return claim_event(type, h->start_ns, h->exec_count, h->tgid);
}
