/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbering a record and putting it into the ring. */
#pragma once

#include "maps.h"
#include "wake.h"

/*
 * Fills the head of a record but for whose it is. The number is taken before the ring is asked for
 * room, so that a record which finds none leaves a hole.
 */
static __always_inline void head_fill(struct event_head *h, __u8 type, struct stream_counters *s,
				      const struct knobs *k)
{
	h->size = 0;
	h->layout = EVENT_LAYOUT;
	h->type = type;
	h->generation = k->generation;
	h->cpu = bpf_get_smp_processor_id();
	h->flags = 0;
	h->lost_budget = s->lost_budget;
	h->seq = ++s->seq;
	h->time_ns = bpf_ktime_get_boot_ns();
	h->lost_exec = s->lost_exec;
	h->lost_exit = s->lost_exit;
	h->lost_fork = s->lost_fork;
	h->lost_other = s->lost_other;
}

/*
 * What the init of a pid namespace executes is the program of a container, as a rule, and may live
 * for milliseconds only, while files are to be read by way of it. copy_process() marks an init, the
 * machine's own as well.
 */
static __always_inline void wake_for_init(struct knobs *k, struct task_struct *t)
{
	if (GET(t, signal, flags) & SIGNAL_UNKILLABLE)
		k->armed = 1;
}

/* Copies a record of h->size == size bytes into the ring: 0, or there is no room. */
static __always_inline long ring_output(struct knobs *k, struct event_head *h, __u32 size,
					__u64 filled)
{
	h->size = size;
	return bpf_ringbuf_output(&pt_ring, h, size, wake_flags(k, filled, size));
}

static __always_inline __u64 ring_filled(void)
{
	return bpf_ringbuf_query(&pt_ring, BPF_RB_AVAIL_DATA);
}

/* The same for a record that is not made smaller: counted in *lost where there is no room. */
static __always_inline void ring_put(struct knobs *k, struct event_head *h, __u32 size, __u32 *lost)
{
	if (ring_output(k, h, size, ring_filled()))
		++*lost;
}
