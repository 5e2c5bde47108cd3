/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A path as the process sees it, from its leaf to its root: names, each with its NUL. bpf_d_path()
 * is not for tracepoints, so this walks the dentries: the first steps, within one mount, through
 * typed pointers; what is deeper or crosses a mount in a bpf_loop, at any depth.
 */
#pragma once

#include "read.h"

#include "abi/event.h"

#define PATH_QUICK_STEPS 12
#define PATH_SLOW_STEPS 4096 /* names of one byte fill EVENT_PATH_MAX in 2048; the rest is mounts */

/* What a walk found; the flags of cwd and exe are shifts of these. */
#define PATH_CUT 0x1
#define PATH_DELETED 0x2
#define PATH_DETACHED 0x4
#define PATH_ANONYMOUS 0x8

/* `to` is the record's data area; all writes are at off & PATH_OFF_MASK, EVENT_NAME_MAX long. */
#define PATH_OFF_MASK 0x3fff

/*
 * The state of a walk lies in the scratch, a map value: what is read back from there is unknown to
 * the verifier, so that all turns of the loop look the same to it. On the stack it would follow
 * `off` through every sum of lengths, and give up.
 */
struct path_walk {
	struct dentry *dentry, *root_dentry;
	struct vfsmount *mnt, *root_mnt;
	__u32 off, begin; /* of the record's data */
	__u32 flags;
	__u32 is_done;
};

/* bpf_loop hands its callback a pointer to the stack only. */
struct path_loop {
	struct path_walk *w;
	char *to;
};

static __always_inline void path_put_name(struct path_walk *w, char *to, const unsigned char *name)
{
	long n = bpf_probe_read_kernel_str(to + (w->off & PATH_OFF_MASK), EVENT_NAME_MAX, name);

	if (n > 1)
		w->off += n;
	if (w->off - w->begin > EVENT_PATH_MAX) {
		w->flags |= PATH_CUT;
		w->is_done = 1;
	}
}

/* From the root of a mount to where it is mounted; false: there is nothing above. */
static __always_inline bool path_cross_mount(struct path_walk *w)
{
	struct mount *m = (void *)w->mnt - bpf_core_field_offset(struct mount, mnt);
	struct mount *above = BPF_CORE_READ(m, mnt_parent);

	if (above == m || !above)
		return false;
	w->dentry = BPF_CORE_READ(m, mnt_mountpoint);
	w->mnt = (void *)above + bpf_core_field_offset(struct mount, mnt);
	return true;
}

/* One step without types: a name, or across a mount. Returns 1 at the end. */
static long path_step(__u32 i, struct path_loop *loop)
{
	struct path_walk *w = loop->w;
	struct dentry *dentry = w->dentry, *parent;
	struct vfsmount *mnt = w->mnt;

	if (w->is_done || (dentry == w->root_dentry && mnt == w->root_mnt)) {
		w->is_done = 1;
		return 1;
	}
	if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
		if (path_cross_mount(w))
			return 0;
		w->flags |= PATH_DETACHED;
		w->is_done = 1;
		return 1;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	path_put_name(w, loop->to, BPF_CORE_READ(dentry, d_name.name));
	if (parent == dentry || !parent) {
		w->flags |= PATH_ANONYMOUS;
		w->is_done = 1;
	}
	w->dentry = parent;
	return 0;
}

/*
 * Walks from (dentry, mnt) to the root of `fs`, writing to `to` from w->off on. Afterwards w->off
 * is behind the last name, and w->flags says what is to be known of the path.
 */
static __always_inline void path_walk(struct path_walk *w, char *to, struct dentry *dentry,
				      struct vfsmount *mnt, struct fs_struct *fs)
{
	struct path_loop loop = { .w = w, .to = to };
	struct dentry *root = GET(fs, root.dentry), *parent = GET(dentry, d_parent);
	struct vfsmount *root_mnt = GET(fs, root.mnt);

	w->root_dentry = root;
	w->root_mnt = root_mnt;
	w->mnt = mnt;
	w->begin = w->off;
	w->is_done = 0;
	w->flags = 0;
	if (!GET(dentry, d_hash.pprev) && parent != dentry)
		w->flags = PATH_DELETED;
#ifndef RAW_TP
#pragma unroll
	for (int i = 0; i < PATH_QUICK_STEPS; i++) {
		if (dentry == mnt->mnt_root)
			break;
		if (dentry == root && mnt == root_mnt)
			break;
		parent = dentry->d_parent;
		if (parent == dentry)
			break;
		path_put_name(w, to, dentry->d_name.name);
		dentry = parent;
	}
#endif
	w->dentry = dentry;
	if (dentry == root && mnt == root_mnt)
		return;
	bpf_loop(PATH_SLOW_STEPS, path_step, &loop, 0);
	if (!w->is_done)
		w->flags |= PATH_CUT;
}

/* The flags of a record for what a walk found. */
static __always_inline __u16 path_flags(__u32 flags, bool is_exe)
{
	__u16 f = 0;

	if (flags & PATH_CUT)
		f |= is_exe ? EVENT_F_EXE_CUT : EVENT_F_CWD_CUT;
	if (flags & PATH_DELETED)
		f |= is_exe ? EVENT_F_EXE_DELETED : EVENT_F_CWD_DELETED;
	if (flags & PATH_DETACHED)
		f |= is_exe ? EVENT_F_EXE_DETACHED : EVENT_F_CWD_DETACHED;
	if (flags & PATH_ANONYMOUS)
		f |= is_exe ? EVENT_F_EXE_ANONYMOUS : EVENT_F_CWD_ANONYMOUS;
	return f;
}
