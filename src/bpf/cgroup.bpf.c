/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Control groups as they are made, with their paths: what tells to which container a process
 * belongs. The record comes before anything that runs in the group, so the table knows it in time;
 * and it always wakes the reader, since a container that lives for milliseconds takes with it what
 * its runtime wrote about it. Groups are made seldom.
 */
#include "lib/claim.h"
#include "lib/emit.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct cgroup_scratch {
	struct event_cgroup_made e;
	char path[EVENT_PATH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgroup_scratch);
} pt_cg_scratch SEC(".maps");

TRACEPOINT("cgroup_mkdir")
int BPF_PROG(pt_cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	struct stream_counters *s = stream_get();
	struct knobs *k = knobs_get();
	struct cgroup_scratch *r;
	__u32 zero = 0, n = 0;
	long len;

	r = bpf_map_lookup_elem(&pt_cg_scratch, &zero);
	if (!s || !k || !r)
		return 0;
	r->e.cgroup.id = GET(cgroup, kn, id);
	r->e.cgroup.hierarchy = GET(cgroup, root, hierarchy_id);
	r->e.cgroup.mnt_ns = 0;
	if (!claim_event(EVENT_CGROUP, r->e.cgroup.id, r->e.cgroup.hierarchy, 0))
		return 0;
	head_fill(&r->e.head, EVENT_CGROUP, s, k);
	r->e.head.start_ns = r->e.head.exec_count = 0;
	r->e.head.tgid = r->e.head.tid = 0;
	len = bpf_probe_read_kernel_str(r->path, sizeof(r->path), path);
	if (len > 1)
		n = len - 1;
	r->e.path_len = n;
	r->e.reserved = 0;
	r->e.head.size = sizeof(r->e) + (n & (EVENT_PATH_MAX - 1));
	if (bpf_ringbuf_output(&pt_ring, r, sizeof(r->e) + (n & (EVENT_PATH_MAX - 1)),
			       BPF_RB_FORCE_WAKEUP))
		s->lost_other++;
	return 0;
}
