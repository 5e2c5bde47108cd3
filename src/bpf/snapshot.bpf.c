/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The processes that were there before the agent, by an iterator over all tasks that writes into
 * the same ring as the live programs, so that what is found has its place in the order of the log.
 * Sleepable where the kernel has that (5.18 on; it reads argv from pages that are not resident);
 * else the plain one, and the agent reads argv from /proc.
 *
 * It is unloaded after a pass: the scratch is as large as the largest argv.
 */
#include "lib/emit.h"
#include "lib/path.h"
#include "lib/task.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SNAPSHOT_DATA (16 * 1024 + EVENT_ARGS_MAX)

struct snapshot_scratch {
	struct path_walk walk;
	struct event_process e;
	char data[SNAPSHOT_DATA];
};

/* One, since one agent reads one iterator at a time; not per CPU, since a sleeping one may move. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct snapshot_scratch);
} pt_snap_scratch SEC(".maps");

/* The iterator's own stream: it may be preempted, and must not share with the tracepoints. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stream_counters);
} pt_snap_stream SEC(".maps");

static __always_inline void fill_process(struct snapshot_scratch *r, struct task_struct *t,
					 const struct knobs *k)
{
	struct cap_sets caps;

	fill_identity(&r->e.head, t);
	r->e.head.flags = task_flags(t) | fill_parent(&r->e.parent, t);
	fill_caps(&caps, t->cred);
	fill_cred(&r->e.cred, &caps, t->cred);
	fill_cgroup(&r->e.cgroup, t, k);
	bpf_core_read(r->e.comm, sizeof(r->e.comm), &t->comm);
	r->e.parent_exec_count = t->real_parent->self_exec_id;
	r->e.live = t->signal->live.counter;
	r->e.exit_state = t->exit_state;
	r->e.argc = 0;
}

/* cwd and exe: walk.off is behind them then. */
static __always_inline void snapshot_put_paths(struct snapshot_scratch *r, struct task_struct *t)
{
	struct path_walk *w = &r->walk;
	struct fs_struct *fs = t->fs;
	struct mm_struct *mm = t->mm;
	struct file *exe;

	w->off = 0;
	r->e.cwd_len = 0;
	r->e.exe_len = 0;
	if (!fs)
		return;
	path_walk(w, r->data, fs->pwd.dentry, fs->pwd.mnt, fs);
	r->e.cwd_len = w->off;
	r->e.head.flags |= path_flags(w->flags, false);
	if (!mm)
		return;
	exe = mm->exe_file;
	if (!exe)
		return;
	path_walk(w, r->data, exe->f_path.dentry, exe->f_path.mnt, fs);
	r->e.exe_len = w->off - w->begin;
	r->e.head.flags |= path_flags(w->flags, true);
}

static __always_inline void snapshot_put_ext(struct snapshot_scratch *r, struct task_struct *t)
{
	struct event_task_ext x;
	struct cap_sets caps;

	fill_caps(&caps, t->cred);
	fill_task_ext(&x, t, &caps, t->cred);
	r->e.head.flags |= EVENT_F_TASK_EXT;
	bpf_probe_read_kernel(r->data + (r->walk.off & PATH_OFF_MASK), sizeof(x), &x);
	r->walk.off += sizeof(x);
}

/* argv as it is now: a process may have written over it since its exec. Returns the bytes. */
static __always_inline __u32 snapshot_put_args(struct snapshot_scratch *r, struct task_struct *t,
					       const struct knobs *k, __u32 off, bool is_sleepable)
{
	struct mm_struct *mm = t->mm;
	__u64 start, total, n;

	r->e.args_total = 0;
	if (!mm)
		return 0;
	start = mm->arg_start;
	total = mm->arg_end - start;
	n = total < k->max_args ? total : k->max_args;
	r->e.args_total = total;
	if (!is_sleepable)
		n = 0;
	if (n < total)
		r->e.head.flags |= EVENT_F_ARGS_CUT;
	BOUND(n, EVENT_ARGS_MAX);
	if (!n)
		return 0;
	if (is_sleepable && bpf_copy_from_user_task(r->data + off, n, (void *)start, t, 0)) {
		r->e.head.flags |= EVENT_F_ARGS_BAD;
		return 0;
	}
	return n;
}

/* 1: the ring is a quarter full; the same task comes again once the reader has drained it. */
static __always_inline int snapshot(struct bpf_iter__task *ctx, bool is_sleepable)
{
	struct task_struct *t = ctx->task;
	struct snapshot_scratch *r;
	struct knobs *k = knobs_get();
	struct stream_counters *s;
	__u32 zero = 0, off, n;

	if (!t || !k || t->pid != t->tgid)
		return 0;
	if (bpf_ringbuf_query(&pt_ring, BPF_RB_AVAIL_DATA) > k->ring_bytes / 4)
		return 1;
	r = bpf_map_lookup_elem(&pt_snap_scratch, &zero);
	s = bpf_map_lookup_elem(&pt_snap_stream, &zero);
	if (!r || !s)
		return 0;

	head_fill(&r->e.head, EVENT_PROCESS, s, k);
	r->e.head.cpu = EVENT_CPU_SNAPSHOT;
	fill_process(r, t, k);
	snapshot_put_paths(r, t);
	if (k->want & KNOBS_WANT_EXT)
		snapshot_put_ext(r, t);
	off = r->walk.off & PATH_OFF_MASK;
	n = snapshot_put_args(r, t, k, off, is_sleepable);
	r->e.args_len = n;
	r->e.exec_count_after = t->self_exec_id;
	ring_put(k, &r->e.head, sizeof(r->e) + off + n, &s->lost_other);
	return 0;
}

SEC("iter.s/task")
int pt_snapshot(struct bpf_iter__task *ctx)
{
	return snapshot(ctx, true);
}

SEC("iter/task")
int pt_snapshot_old(struct bpf_iter__task *ctx)
{
	return snapshot(ctx, false);
}
