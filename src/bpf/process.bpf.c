/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How processes begin and end, by two tracepoints of the scheduler. Like that of exec they are
 * present in every kernel, fire in process context, cost other system calls nothing, and see what
 * the kernel decided:
 *
 *   fork   fires before the child is woken, for threads too (skipped)
 *   exit   fires for every thread; the last of a group ends the process
 *
 * No state is kept about any process.
 */
#include "lib/budget.h"
#include "lib/claim.h"
#include "lib/emit.h"
#include "lib/task.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct fork_record {
	struct event_fork e;
	struct event_task_ext ext;
};

static __always_inline void fill_fork(struct event_fork *e, struct task_struct *forker,
				      struct task_struct *child, const struct cap_sets *caps,
				      const struct cred *cred)
{
	e->head.flags = task_flags(child) | EVENT_F_NEVER_EXEC;
	if (GET(forker, flags) & PF_KTHREAD)
		e->head.flags |= EVENT_F_BY_KTHREAD;
	e->forker.start_ns = GET(forker, group_leader, start_boottime);
	e->forker.exec_count = GET(forker, self_exec_id);
	e->forker.tgid = GET(forker, tgid);
	e->forker.reserved = 0;
	fill_parent(&e->parent, child);
	fill_cred(&e->cred, caps, cred);
	bpf_core_read(e->comm, sizeof(e->comm), &forker->comm);
}

TRACEPOINT("sched_process_fork")
int BPF_PROG(pt_fork, struct task_struct *forker, struct task_struct *child)
{
	struct stream_counters *s = stream_get();
	struct knobs *k = knobs_get();
	const struct cred *cred;
	struct fork_record r;
	struct cap_sets caps;
	__u32 size = sizeof(r.e);

	if (!s || !k)
		return 0;
	if (GET(child, pid) != GET(child, tgid) || GET(child, flags) & PF_KTHREAD)
		return 0;
	fill_identity(&r.e.head, child);
	if (!claim_head(&r.e.head, EVENT_FORK))
		return 0;

	head_fill(&r.e.head, EVENT_FORK, s, k);
	fill_cgroup(&r.e.cgroup, child, k);
	if (k->budget && budget_is_over(k, s, &r.e.head, r.e.cgroup.id, &s->lost_fork))
		return 0;
	cred = GET(child, cred);
	fill_caps(&caps, cred);
	fill_fork(&r.e, forker, child, &caps, cred);
	if (k->want & KNOBS_WANT_EXT) {
		fill_task_ext(&r.ext, child, &caps, cred);
		r.e.head.flags |= EVENT_F_TASK_EXT;
		size = sizeof(r);
	}
	ring_put(k, &r.e.head, size, &s->lost_fork);
	return 0;
}

/*
 * CPU time of the threads that have left but are not yet reaped, which signal's sums do not have.
 */
struct thread_sum {
	struct list_head *at, *head;
	struct task_struct *except;
	__u64 utime, stime, runtime;
};

static long thread_add(__u32 i, struct thread_sum *sum)
{
	/* CO-RE takes no chain that begins in a structure of our own */
	struct list_head *at = sum->at;
	struct task_struct *t;

	if (at == sum->head || !at)
		return 1;
	t = (void *)at - bpf_core_field_offset(struct task_struct, thread_node);
	sum->at = BPF_CORE_READ(at, next);
	if (t == sum->except)
		return 0;
	sum->utime += BPF_CORE_READ(t, utime);
	sum->stime += BPF_CORE_READ(t, stime);
	sum->runtime += BPF_CORE_READ(t, se.sum_exec_runtime);
	return 0;
}

#define THREADS_MAX 8192 /* walked at an exit; nearly always 1 or 2 are there */

static __always_inline void fill_usage(struct event_exit *e, struct task_struct *t,
				       struct signal_struct *signal)
{
	struct thread_sum sum = {
		.at = GET(signal, thread_head.next),
		.head = (void *)signal + bpf_core_field_offset(struct signal_struct, thread_head),
		.except = t,
		.utime = GET(signal, utime) + GET(t, utime),
		.stime = GET(signal, stime) + GET(t, stime),
		.runtime = GET(signal, sum_sched_runtime) + GET(t, se.sum_exec_runtime),
	};

	if (sum.at != GET(signal, thread_head.prev))
		bpf_loop(THREADS_MAX, thread_add, &sum, 0);
	e->utime_ns = sum.utime;
	e->stime_ns = sum.stime;
	e->runtime_ns = sum.runtime;
}

/* What wait4(2) gives: kernel/exit.c, wait_task_zombie. */
static __always_inline __u32 exit_status(struct task_struct *t, struct signal_struct *signal)
{
	if (GET(signal, flags) & SIGNAL_GROUP_EXIT)
		return GET(signal, group_exit_code);
	return GET(t, group_leader, exit_code);
}

static __always_inline int process_exit(struct task_struct *t, struct signal_struct *signal)
{
	struct stream_counters *s = stream_get();
	struct knobs *k = knobs_get();
	struct event_exit e;

	if (!s || !k || GET(t, flags) & PF_KTHREAD)
		return 0;
	fill_identity(&e.head, t);
	if (!claim_head(&e.head, EVENT_EXIT))
		return 0;
	head_fill(&e.head, EVENT_EXIT, s, k);
	e.head.flags = task_flags(t) | fill_parent(&e.parent, GET(t, group_leader));
	fill_cgroup(&e.cgroup, t, k);
	e.status = exit_status(t, signal);
	e.euid = GET(t, cred, euid.val);
	fill_usage(&e, t, signal);
	e.peak_bytes = GET(signal, maxrss) * (__u64)k->page_size;
	bpf_core_read(e.comm, sizeof(e.comm), &t->comm);
	ring_put(k, &e.head, sizeof(e), &s->lost_exit);
	return 0;
}

/*
 * Until 6.16 the tracepoint does not say it. Two last threads may both see that nobody lives: the
 * table takes the first of two exits. Volatile, since a kernel without the argument must not see
 * that it is loaded.
 */
static __always_inline bool is_group_dead(const __u64 *ctx, struct signal_struct *signal)
{
	if (bpf_core_field_exists(struct trace_event_raw_sched_process_exit___group, group_dead))
		return *(const volatile __u64 *)&ctx[1] & 1;
	return GET(signal, live.counter) == 0;
}

TRACEPOINT("sched_process_exit")
int pt_exit(__u64 *ctx)
{
	struct task_struct *t = (void *)ctx[0];
	struct signal_struct *signal = GET(t, signal);

	return is_group_dead(ctx, signal) ? process_exit(t, signal) : 0;
}
