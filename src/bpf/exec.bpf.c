/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a process becomes: the exec tracepoint of the scheduler fires when the new image is in place
 * (an exec that fails never gets here), so argv is read from the image's own memory, not from
 * pointers that another thread may still change.
 *
 * A record has names and arguments of any length: it is put together in a scratch, and copied into
 * the ring whole.
 */
#include "lib/budget.h"
#include "lib/claim.h"
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
/* what a record takes beside itself: its header, its padding, and the byte that stays free */
#define RING_SPARE 16
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
 * zeros and is flagged. 0, or there is no room.
 */
static __always_inline int exec_put_long(struct knobs *k, struct exec_scratch *r, __u64 filled,
					 __u64 arg_start, __u64 env_start)
{
	__u32 fixed = sizeof(r->e) + (r->walk.off & PATH_OFF_MASK), env_len = r->e.env_len;
	struct long_copy c = { .r = r, .from = arg_start, .len = r->e.args_len, .off = fixed };
	__u32 size = fixed + c.len + env_len;

	r->e.head.size = size;
	if (bpf_ringbuf_reserve_dynptr(&pt_ring, size, 0, &c.to)) {
		bpf_ringbuf_discard_dynptr(&c.to, BPF_RB_NO_WAKEUP);
		return -1;
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
	return 0;
}
#endif

/*
 * How much of argv is kept: what was asked for, less while the ring is crowded, and what this
 * kernel can.
 */
static __always_inline __u32 args_wanted(const struct knobs *k, bool is_crowded, __u64 total)
{
	__u32 max = k->max_args;

	if (is_crowded && max > ARGS_CROWDED)
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
static __always_inline __u32 env_wanted(const struct knobs *k, bool is_crowded, __u64 total)
{
	__u32 max = is_crowded ? 0 : k->max_env;

	if (max > EVENT_ENV_MAX)
		max = EVENT_ENV_MAX;
#ifdef RAW_TP
	if (max > ENV_INLINE)
		max = ENV_INLINE;
#endif
	return total < max ? total : max;
}

/*
 * Without the environment, and with as much of argv as there is room for: argv goes before the
 * exec.
 */
static __always_inline int exec_put_cut(struct knobs *k, struct stream_counters *s,
					struct exec_scratch *r)
{
	__u32 off = r->walk.off & PATH_OFF_MASK;
	__u64 filled = ring_filled(), taken = filled + sizeof(r->e) + off + RING_SPARE;
	__u64 n = r->e.args_len;

	if (taken >= k->ring_bytes) {
		s->lost_exec++;
		return 0;
	}
	if (n > k->ring_bytes - taken)
		n = k->ring_bytes - taken;
	BOUND(n, ARGS_CROWDED);
	r->e.env_len = 0;
	r->e.args_len = n;
	if (n < r->e.args_total)
		r->e.head.flags |= EVENT_F_ARGS_CUT;
	if (ring_output(k, &r->e.head, (sizeof(r->e) + off + n) & 0x7fff, filled))
		s->lost_exec++;
	return 0;
}

/* argv and the environment behind the rest of the record, and the record into the ring. */
static __always_inline int exec_put_memory(struct knobs *k, struct stream_counters *s,
					   struct exec_scratch *r, struct mm_struct *mm)
{
	__u64 arg_start = GET(mm, arg_start), env_start = GET(mm, env_start);
	__u64 total = GET(mm, arg_end) - arg_start, filled = ring_filled(), n, m;
	bool is_crowded = filled > k->ring_bytes / 2;
	__u32 off = r->walk.off & PATH_OFF_MASK;

	n = args_wanted(k, is_crowded, total);
	m = env_wanted(k, is_crowded, GET(mm, env_end) - env_start);
	r->e.args_total = total;
	r->e.args_len = n;
	r->e.env_len = m;
	if (n < total)
		r->e.head.flags |= EVENT_F_ARGS_CUT;
#ifndef RAW_TP
	if ((n > ARGS_INLINE || m > ENV_INLINE) &&
	    exec_put_long(k, r, filled, arg_start, env_start) == 0)
		return 0;
#endif
	BOUND(n, ARGS_INLINE);
	if (bpf_probe_read_user(r->data + off, n, (void *)arg_start))
		r->e.head.flags |= EVENT_F_ARGS_BAD;
	if (r->e.args_len > ARGS_INLINE || r->e.env_len > ENV_INLINE)
		return exec_put_cut(k, s, r);
	BOUND(m, ENV_INLINE);
	if (m)
		bpf_probe_read_user(r->data + off + n, m, (void *)env_start);
	if (ring_output(k, &r->e.head, (sizeof(r->e) + off + n + m) & 0x7fff, filled))
		return exec_put_cut(k, s, r);
	return 0;
}

TRACEPOINT("sched_process_exec")
int BPF_PROG(pt_exec, struct task_struct *t, int old_pid, struct linux_binprm *bprm)
{
	struct stream_counters *s = stream_get();
	struct knobs *k = knobs_get();
	const struct cred *cred;
	struct exec_scratch *r;
	struct cap_sets caps;
	__u32 zero = 0;

	r = bpf_map_lookup_elem(&pt_exec_scratch, &zero);
	if (!s || !k || !r)
		return 0;
	fill_identity(&r->e.head, t);
	if (!claim_head(&r->e.head, EVENT_EXEC))
		return 0;

	head_fill(&r->e.head, EVENT_EXEC, s, k);
	fill_cgroup(&r->e.cgroup, t, k);
	if (k->budget && budget_is_over(k, s, &r->e.head, r->e.cgroup.id, &s->lost_exec))
		return 0;
	cred = GET(t, cred);
	fill_caps(&caps, cred);
	r->e.head.flags = fill_parent(&r->e.parent, t);
	fill_cred(&r->e.cred, &caps, cred);
	r->e.argc = GET(bprm, argc);
	wake_for_init(k, t);

	exec_put_names(r, t, bprm, k->want & KNOBS_WANT_EXT);
	if (k->want & KNOBS_WANT_EXT)
		exec_put_ext(r, t, bprm, &caps, cred);
	return exec_put_memory(k, s, r, GET(t, mm));
}
