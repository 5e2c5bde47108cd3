/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The life of processes: fork, exec, exit, by the three tracepoints of the scheduler. They are
 * present in every kernel, fire in process context, cost other system calls nothing, and see what
 * the kernel decided:
 * argv from the new image's own memory, not from pointers that another thread may still change.
 *
 *   fork   fires before the child is woken, for threads too (skipped)
 *   exec   fires when the new image is in place; an exec that fails never gets here
 *   exit   fires for every thread; the last of a group ends the process
 *
 * No state is kept about any process. Each program that needs more room than the stack has a
 * scratch of its own.
 */
#include "lib/emit.h"
#include "lib/path.h"
#include "lib/task.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* argv up to here goes through the scratch; longer ones are copied in slices */
#define ARGS_INLINE 8192
#define ENV_INLINE 4096
#define ARGS_SLICE 4096
#define ARGS_CROWDED 4096 /* kept of argv while the ring is more than half full */
#define INTERP_MAX 1024
#define EXEC_DATA (32768 - sizeof(struct path_walk) - sizeof(struct event_exec))

struct exec_scratch {
	struct path_walk walk;
	struct event_exec e;
	char data[EXEC_DATA];
};

_Static_assert(4096 + INTERP_MAX + 2 * (EVENT_PATH_MAX + EVENT_NAME_MAX) <= PATH_OFF_MASK,
	       "the strings before the extensions stay below the mask");

/* The largest value that a per-CPU map takes. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_scratch);
} pt_exec_scratch SEC(".maps");

struct fork_record {
	struct event_fork e;
	struct event_task_ext ext;
};

static __always_inline void fill_fork(struct event_fork *e, struct task_struct *forker,
				      struct task_struct *child, const struct cap_sets *caps,
				      const struct cred *cred, const struct knobs *k)
{
	fill_identity(&e->head, child);
	e->head.flags = task_flags(child) | EVENT_F_NEVER_EXEC;
	if (GET(forker, flags) & PF_KTHREAD)
		e->head.flags |= EVENT_F_BY_KTHREAD;
	e->forker.start_ns = GET(forker, group_leader, start_boottime);
	e->forker.exec_count = GET(forker, self_exec_id);
	e->forker.tgid = GET(forker, tgid);
	e->forker.reserved = 0;
	fill_parent(&e->parent, child);
	fill_cred(&e->cred, caps, cred);
	fill_cgroup(&e->cgroup, child, k);
	bpf_core_read(e->comm, sizeof(e->comm), &forker->comm);
}

TRACEPOINT("sched_process_fork")
int BPF_PROG(pt_fork, struct task_struct *forker, struct task_struct *child)
{
	struct stream *s = stream_get();
	struct knobs *k = knobs_get();
	const struct cred *cred;
	struct fork_record r;
	struct cap_sets caps;
	__u32 size = sizeof(r.e);

	if (!s || !k)
		return 0;
	if (GET(child, pid) != GET(child, tgid) || GET(child, flags) & PF_KTHREAD)
		return 0;

	cred = GET(child, cred);
	fill_caps(&caps, cred);
	head_fill(&r.e.head, EVENT_FORK, s, k);
	fill_fork(&r.e, forker, child, &caps, cred, k);
	if (k->want & KNOBS_WANT_EXT) {
		fill_task_ext(&r.ext, child, &caps, cred);
		r.e.head.flags |= EVENT_F_TASK_EXT;
		size = sizeof(r);
	}
	ring_put(k, &r.e.head, size, &s->lost_fork);
	return 0;
}

/*
 * The kernel's name for what fexecve(3) runs; the file itself has to be looked at (fs/exec.c:
 * alloc_bprm).
 */
static __always_inline bool is_fd_path(const char *name)
{
	return name[0] == '/' && name[1] == 'd' && name[2] == 'e' && name[3] == 'v' &&
	       name[4] == '/' && name[5] == 'f' && name[6] == 'd' && name[7] == '/';
}

/* filename, interp, cwd, exe: walk.off is behind them then. */
static __always_inline void exec_put_names(struct exec_scratch *r, struct task_struct *t,
					   struct linux_binprm *bprm, bool wants_exe)
{
	const char *filename = GET(bprm, filename), *interp = GET(bprm, interp);
	struct fs_struct *fs = GET(t, fs);
	struct path_walk *w = &r->walk;
	long n;

	n = bpf_probe_read_kernel_str(r->data, EVENT_PATH_MAX, filename);
	w->off = n > 1 ? n - 1 : 0;
	r->e.filename_len = w->off;
	wants_exe |= is_fd_path(r->data);

	r->e.interp_len = 0;
	if (interp != filename) {
		n = bpf_probe_read_kernel_str(r->data + (w->off & PATH_OFF_MASK), INTERP_MAX,
					      interp);
		if (n > 1) {
			r->e.interp_len = n - 1;
			w->off += n - 1;
		}
	}

	path_walk(w, r->data, GET(fs, pwd.dentry), GET(fs, pwd.mnt), fs);
	r->e.cwd_len = w->off - w->begin;
	r->e.head.flags |= path_flags(w->flags, false);

	r->e.exe_len = 0;
	if (wants_exe) {
		struct file *file = GET(bprm, file);

		path_walk(w, r->data, GET(file, f_path.dentry), GET(file, f_path.mnt), fs);
		r->e.exe_len = w->off - w->begin;
		r->e.head.flags |= path_flags(w->flags, true);
	}
}

/*
 * What the exec gained from its file. per_clear has PER_CLEAR_ON_SETID when ids changed by the
 * file's mode (fs/exec.c: bprm_fill_uid; not on nosuid mounts, not under no_new_privs) or when its
 * capabilities raised the permitted set (security/commoncap.c: cap_bprm_creds_from_file).
 */
static __always_inline __u32 exec_gain(struct linux_binprm *bprm, struct inode *inode)
{
	__u32 mode = GET(inode, i_mode), bits = 0;

	if ((GET(bprm, per_clear) & PER_CLEAR_ON_SETID) == 0)
		return 0;
	if (mode & S_ISUID)
		bits |= EVENT_EXE_SETUID;
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		bits |= EVENT_EXE_SETGID;
	return bits ? bits : EVENT_EXE_FILE_CAPS;
}

/*
 * An overlayfs inode is followed by its dentry in the upper layer (fs/overlayfs/ovl_entry.h:
 * ovl_inode).
 */
static __always_inline bool is_upper(struct inode *inode)
{
	void *upper = NULL;

	if (GET(inode, i_sb, s_magic) != OVERLAYFS_SUPER_MAGIC)
		return false;
	bpf_probe_read_kernel(&upper, sizeof(upper),
			      (void *)inode + bpf_core_type_size(struct inode));
	return upper != NULL;
}

static __always_inline void fill_exe_ext(struct event_exe_ext *x, struct linux_binprm *bprm)
{
	struct inode *inode = GET(bprm, file, f_inode);
	__u32 dev = GET(inode, i_sb, s_dev);

	x->inode = GET(inode, i_ino);
	x->dev_major = dev >> MINOR_BITS;
	x->dev_minor = dev & ((1 << MINOR_BITS) - 1);
	x->nlink = GET(inode, i_nlink);
	x->bits = exec_gain(bprm, inode) | (is_upper(inode) ? EVENT_EXE_UPPER : 0);
}

/* The extensions, where they are wanted. */
static __always_inline void exec_put_ext(struct exec_scratch *r, struct task_struct *t,
					 struct linux_binprm *bprm, const struct cap_sets *caps,
					 const struct cred *cred)
{
	struct {
		struct event_task_ext task;
		struct event_exe_ext exe;
	} x;

	fill_task_ext(&x.task, t, caps, cred);
	fill_exe_ext(&x.exe, bprm);
	r->e.head.flags |= EVENT_F_TASK_EXT | EVENT_F_EXE_EXT;
	bpf_probe_read_kernel(r->data + (r->walk.off & PATH_OFF_MASK), sizeof(x), &x);
	r->walk.off += sizeof(x);
}

#ifndef RAW_TP
/*
 * User memory that is too long for the scratch: slice after slice through it into the ring. The
 * callback changes nothing but a flag that it only sets, so that the verifier sees the same state
 * at every turn.
 */
struct long_copy {
	struct bpf_dynptr to;
	struct exec_scratch *r;
	__u64 from;
	__u32 len, off;
	__u32 is_bad;
};

static long copy_slice(__u32 i, struct long_copy *c)
{
	__u64 done = (__u64)i * ARGS_SLICE, n;

	if (done >= c->len)
		return 1;
	n = c->len - done;
	BOUND(n, ARGS_SLICE);
	if (bpf_probe_read_user(c->r->data, n, (void *)(c->from + done)))
		c->is_bad = 1;
	bpf_dynptr_write(&c->to, c->off + done, c->r->data, n, 0);
	return 0;
}

/*
 * `off` bytes of data are in the scratch; argv and the environment follow, as long as the record
 * says. A slice that is not there (it was written moments ago: only reclaim takes it) reads as
 * zeros and is flagged.
 */
static __always_inline void exec_put_long(struct knobs *k, struct stream *s, struct exec_scratch *r,
					  __u32 off, __u64 arg_start, __u64 env_start)
{
	__u64 filled = bpf_ringbuf_query(&pt_ring, BPF_RB_AVAIL_DATA);
	__u32 fixed = sizeof(r->e) + (off & PATH_OFF_MASK), env_len = r->e.env_len;
	struct long_copy c = { .r = r, .from = arg_start, .len = r->e.args_len, .off = fixed };
	__u32 size = fixed + c.len + env_len;

	r->e.head.size = size;
	if (bpf_ringbuf_reserve_dynptr(&pt_ring, size, 0, &c.to)) {
		bpf_ringbuf_discard_dynptr(&c.to, BPF_RB_NO_WAKEUP);
		s->lost_exec++;
		return;
	}
	bpf_dynptr_write(&c.to, 0, &r->e, fixed, 0);
	bpf_loop(EVENT_ARGS_MAX / ARGS_SLICE, copy_slice, &c, 0);
	if (c.is_bad) {
		r->e.head.flags |= EVENT_F_ARGS_BAD;
		bpf_dynptr_write(&c.to, offsetof(struct event_head, flags), &r->e.head.flags,
				 sizeof(__u16), 0);
	}
	if (env_len) {
		c.off = fixed + c.len;
		c.from = env_start;
		c.len = env_len;
		bpf_loop(EVENT_ENV_MAX / ARGS_SLICE, copy_slice, &c, 0);
	}
	bpf_ringbuf_submit_dynptr(&c.to, wake_flags(k, filled, size));
}
#endif

/*
 * How much of argv is kept: what was asked for, less while the ring fills up, and what this kernel
 * can.
 */
static __always_inline __u32 args_wanted(const struct knobs *k, __u64 total)
{
	__u32 max = k->max_args;

	if (bpf_ringbuf_query(&pt_ring, BPF_RB_AVAIL_DATA) > k->ring_bytes / 2 &&
	    max > ARGS_CROWDED)
		max = ARGS_CROWDED;
	if (max > EVENT_ARGS_MAX)
		max = EVENT_ARGS_MAX;
#ifdef RAW_TP
	if (max > ARGS_INLINE)
		max = ARGS_INLINE;
#endif
	return total < max ? total : max;
}

/* How much of the environment is kept: what was asked for, nothing while the ring is crowded. */
static __always_inline __u32 env_wanted(const struct knobs *k, __u64 total)
{
	__u32 max = k->max_env;

	if (!max || bpf_ringbuf_query(&pt_ring, BPF_RB_AVAIL_DATA) > k->ring_bytes / 2)
		return 0;
	if (max > EVENT_ENV_MAX)
		max = EVENT_ENV_MAX;
#ifdef RAW_TP
	if (max > ENV_INLINE)
		max = ENV_INLINE;
#endif
	return total < max ? total : max;
}

/* argv and the environment behind the rest of the record, and the record into the ring. */
static __always_inline int exec_put_memory(struct knobs *k, struct stream *s,
					   struct exec_scratch *r, struct mm_struct *mm)
{
	__u64 arg_start = GET(mm, arg_start), env_start = GET(mm, env_start);
	__u64 total = GET(mm, arg_end) - arg_start, n, m;
	__u32 off = r->walk.off & PATH_OFF_MASK;

	n = args_wanted(k, total);
	m = env_wanted(k, GET(mm, env_end) - env_start);
	r->e.args_total = total;
	r->e.args_len = n;
	r->e.env_len = m;
	if (n < total)
		r->e.head.flags |= EVENT_F_ARGS_CUT;
#ifndef RAW_TP
	if (n > ARGS_INLINE || m > ENV_INLINE) {
		exec_put_long(k, s, r, off, arg_start, env_start);
		return 0;
	}
#endif
	BOUND(n, ARGS_INLINE);
	if (bpf_probe_read_user(r->data + off, n, (void *)arg_start))
		r->e.head.flags |= EVENT_F_ARGS_BAD;
	BOUND(m, ENV_INLINE);
	if (m)
		bpf_probe_read_user(r->data + off + n, m, (void *)env_start);
	ring_put(k, &r->e.head, (sizeof(r->e) + off + n + m) & 0x7fff, &s->lost_exec);
	return 0;
}

TRACEPOINT("sched_process_exec")
int BPF_PROG(pt_exec, struct task_struct *t, int old_pid, struct linux_binprm *bprm)
{
	struct stream *s = stream_get();
	struct knobs *k = knobs_get();
	const struct cred *cred;
	struct exec_scratch *r;
	struct cap_sets caps;
	__u32 zero = 0;

	r = bpf_map_lookup_elem(&pt_exec_scratch, &zero);
	if (!s || !k || !r)
		return 0;

	cred = GET(t, cred);
	fill_caps(&caps, cred);
	head_fill(&r->e.head, EVENT_EXEC, s, k);
	fill_identity(&r->e.head, t);
	r->e.head.flags = fill_parent(&r->e.parent, t);
	fill_cred(&r->e.cred, &caps, cred);
	fill_cgroup(&r->e.cgroup, t, k);
	r->e.argc = GET(bprm, argc);

	exec_put_names(r, t, bprm, k->want & KNOBS_WANT_EXT);
	if (k->want & KNOBS_WANT_EXT)
		exec_put_ext(r, t, bprm, &caps, cred);
	return exec_put_memory(k, s, r, GET(t, mm));
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
	struct stream *s = stream_get();
	struct knobs *k = knobs_get();
	struct event_exit e;

	if (!s || !k || GET(t, flags) & PF_KTHREAD)
		return 0;
	head_fill(&e.head, EVENT_EXIT, s, k);
	fill_identity(&e.head, t);
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

TRACEPOINT("sched_process_exit")
int BPF_PROG(pt_exit, struct task_struct *t, bool group_dead)
{
	return group_dead ? process_exit(t, GET(t, signal)) : 0;
}

/*
 * Until 6.16 the tracepoint does not say whether the group is dead. Two last threads may both see
 * that nobody lives: the table takes the first of two exits.
 */
TRACEPOINT("sched_process_exit")
int BPF_PROG(pt_exit_old, struct task_struct *t)
{
	struct signal_struct *signal = GET(t, signal);

	return GET(signal, live.counter) == 0 ? process_exit(t, signal) : 0;
}
