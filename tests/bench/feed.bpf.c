/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copies slots into a collector's ring, as its own programs would have put them there. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "feed.h"
#include "lib/wake.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define FEED_LEAST 64 /* bytes: less is no record of anybody's */

/* Stands for the collector's. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} feed_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct feed);
} feed_slots SEC(".maps");

/* The agent's switches, by which its reader is woken; for a collector without, the feeder's. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct knobs);
} feed_knobs SEC(".maps");

__u64 feed_lost;

SEC("syscall")
int feed_out(void *ctx)
{
	__u32 zero = 0;
	struct feed *f = bpf_map_lookup_elem(&feed_slots, &zero);
	struct knobs *k = bpf_map_lookup_elem(&feed_knobs, &zero);

	(void)ctx;
	if (!f || !k)
		return 0;
	for (__u32 i = 0; i < FEED_SLOTS && i < f->n; i++) {
		__u64 filled = bpf_ringbuf_query(&feed_ring, BPF_RB_AVAIL_DATA);
		__u32 size = f->slots[i].size;

		if (size < FEED_LEAST || size > FEED_BYTES)
			continue;
		if (bpf_ringbuf_output(&feed_ring, f->slots[i].data, size,
				       wake_flags(k, filled, size)))
			feed_lost++;
	}
	return 0;
}
