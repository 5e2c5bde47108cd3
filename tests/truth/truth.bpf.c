/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The witness: programs on the same tracepoints as the agent's, that share nothing with them. Each
 * fork of a process, exec and end of a process becomes a few words in a ring of its own; what that
 * cannot take is counted.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "truth.h"

#define PF_KTHREAD 0x00200000
#define RING_BYTES (32 * 1024 * 1024)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct signal_struct {
	struct {
		int counter;
	} live;
	int group_exit_code;
};

struct task_struct {
	unsigned int flags;
	int pid, tgid;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct task_struct *group_leader, *real_parent;
	struct signal_struct *signal;
};
#pragma clang attribute pop

struct linux_binprm;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} truth_ring SEC(".maps");

__u64 n_dropped;

static __always_inline void witness(struct task_struct *t, __u32 type, __u32 status)
{
	struct truth_event *e = bpf_ringbuf_reserve(&truth_ring, sizeof(*e), 0);

	if (!e) {
		__sync_fetch_and_add(&n_dropped, 1);
		return;
	}
	e->start_ns = t->group_leader->start_boottime;
	e->exec_count = t->self_exec_id;
	e->tgid = t->tgid;
	e->type = type;
	e->parent = t->real_parent->tgid;
	e->status = status;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/* What a kernel thread makes is a program only once it has exec'ed: a user-mode helper. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(truth_fork, struct task_struct *forker, struct task_struct *child)
{
	if (child->pid == child->tgid && !((child->flags | forker->flags) & PF_KTHREAD))
		witness(child, TRUTH_CLONE, 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(truth_exec, struct task_struct *t, int old_pid, struct linux_binprm *bprm)
{
	witness(t, TRUTH_EXECVE, 0);
	return 0;
}

/* Two last threads may both see that nobody lives: the reader takes the first. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(truth_exit, struct task_struct *t)
{
	if (t->signal->live.counter == 0 && !(t->flags & PF_KTHREAD))
		witness(t, TRUTH_EXIT, t->signal->group_exit_code);
	return 0;
}
