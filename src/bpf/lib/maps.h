/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps that all programs share: weak, so that the objects that are linked together have one of
 * each. All records go through one ring, whoever writes them: its order is the order of the log.
 */
#pragma once

#include "read.h"

#include "abi/event.h"
#include "abi/knobs.h"

/*
 * The size is the loader's. When it is full, records are lost, and the stream's counters say which.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} pt_ring SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct knobs);
} pt_knobs SEC(".maps") __weak;

/*
 * Tracepoint programs run with preemption off and none of ours nests in another, so the programs of
 * one CPU may share a stream. (Where that does not hold, PREEMPT_RT from 7.0 on, the kernel skips
 * the inner run and counts it in recursion_misses.)
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stream_counters);
} pt_streams SEC(".maps") __weak;

static __always_inline struct knobs *knobs_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pt_knobs, &zero);
}

static __always_inline struct stream_counters *stream_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pt_streams, &zero);
}
