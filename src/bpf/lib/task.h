/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a record says of a task: each fill_x() reads the kernel and writes one structure of the
 * wire.
 */
#pragma once

#include "read.h"
#include "user.h"

#include "abi/event.h"
#include "abi/knobs.h"

static __always_inline void fill_identity(struct event_head *h, struct task_struct *t)
{
	h->start_ns = GET(t, group_leader, start_boottime);
	h->exec_count = GET(t, self_exec_id);
	h->tgid = GET(t, tgid);
	h->tid = GET(t, pid);
}

/*
 * The image that forked this process. parent_exec_id is the forker's counter at the fork; greater
 * than the counter of real_parent now, it cannot be that one's: the process was adopted.
 */
static __always_inline __u16 fill_parent(struct event_id *id, struct task_struct *t)
{
	struct task_struct *parent = GET(t, real_parent);
	__u64 count = GET(t, parent_exec_id);

	id->start_ns = GET(parent, group_leader, start_boottime);
	id->exec_count = count;
	id->tgid = GET(parent, tgid);
	id->reserved = 0;
	return count > GET(parent, self_exec_id) ? EVENT_F_ADOPTED : 0;
}

static __always_inline __u16 task_flags(struct task_struct *t)
{
	unsigned int flags = GET(t, flags);

	return (flags & PF_KTHREAD ? EVENT_F_KTHREAD : 0) |
	       (flags & PF_FORKNOEXEC ? EVENT_F_NEVER_EXEC : 0);
}

struct cap_sets {
	__u64 inheritable, permitted, effective, bounding, ambient;
};

/*
 * The five sets lie side by side in struct cred, in this order, since 4.3; each was two words of 32
 * bits until 6.3 (f122a08b197d), one of 64 since: on little-endian machines the same bytes.
 */
static __always_inline void fill_caps(struct cap_sets *caps, const struct cred *cred)
{
	bpf_core_read(caps, sizeof(*caps), &cred->cap_inheritable);
}

static __always_inline void fill_cred(struct event_cred *c, const struct cap_sets *caps,
				      const struct cred *cred)
{
	c->euid = GET(cred, euid.val);
	c->euid_shift = uid_shift(GET(cred, user_ns), c->euid);
	c->inheritable = caps->inheritable;
	c->permitted = caps->permitted;
	c->effective = caps->effective;
}

/* 0: the host's own, or none, as of a task on its way out. */
static __always_inline __u32 mnt_ns_of(struct task_struct *t, const struct knobs *k)
{
	__u32 inum = GET(t, nsproxy, mnt_ns, ns.inum);

	return inum == k->host_mnt_ns ? 0 : inum;
}

/*
 * The place of a controller in css_set.subsys[], if this kernel has it. The empty statement keeps
 * what is loaded behind the question: a kernel without it must not see it.
 */
#define SUBSYS(ret, id)                                                            \
	do {                                                                       \
		if (!bpf_core_enum_value_exists(enum cgroup_subsys_id___some, id)) \
			break;                                                     \
		asm volatile("");                                                  \
		(ret) = bpf_core_enum_value(enum cgroup_subsys_id___some, id);     \
	} while (0)

static __always_inline struct cgroup *v1_cgroup(struct css_set *set, __u32 controller)
{
	struct cgroup_subsys_state *css = NULL;
	__u64 i = ~0ULL;

	switch (controller) {
	case KNOBS_CGROUP_MEMORY:
		SUBSYS(i, memory_cgrp_id);
		break;
	case KNOBS_CGROUP_PIDS:
		SUBSYS(i, pids_cgrp_id);
		break;
	case KNOBS_CGROUP_DEVICES:
		SUBSYS(i, devices_cgrp_id);
		break;
	case KNOBS_CGROUP_CPU:
		SUBSYS(i, cpu_cgrp_id);
		break;
	}
	asm volatile("" : "+r"(i));
	if (i > 15)
		return NULL;
	bpf_core_read(&css, sizeof(css), &set->subsys[i]);
	return BPF_CORE_READ(css, cgroup);
}

static __always_inline void fill_cgroup(struct event_cgroup *c, struct task_struct *t,
					const struct knobs *k)
{
	struct css_set *set = GET(t, cgroups);

	c->mnt_ns = mnt_ns_of(t, k);
	if (k->cgroup_v1 != KNOBS_CGROUP_UNIFIED) {
		struct cgroup *cgroup = v1_cgroup(set, k->cgroup_v1);

		if (BPF_CORE_READ(cgroup, level) > 0) {
			c->id = BPF_CORE_READ(cgroup, kn, id);
			c->hierarchy = k->cgroup_v1_hierarchy;
			return;
		}
	}
	c->id = GET(set, dfl_cgrp, kn, id);
	c->hierarchy = 0;
}

/* Farther in than any of the 32 levels (include/linux/pid_namespace.h: MAX_PID_NS_LEVEL). */
#define UPID_FAR 2048

/*
 * pid->numbers[level]. The verifier of 6.1 knows nothing of a product unless the right factor is a
 * constant, and here the compiler chooses the order: hence the bound.
 */
static __always_inline void *upid_at(struct pid *pid, __u64 level)
{
	__u64 off = level * bpf_core_type_size(struct upid);

	BOUND(off, UPID_FAR);
	return (void *)pid + bpf_core_field_offset(struct pid, numbers) + off;
}

/* The number of `pid` in the namespace that is `level` deep. */
static __always_inline __u32 pid_nr(struct pid *pid, __u32 level)
{
	__u32 nr = 0;

	bpf_probe_read_kernel(&nr, sizeof(nr),
			      upid_at(pid, level) + bpf_core_field_offset(struct upid, nr));
	return nr;
}

static __always_inline void fill_namespaces(struct event_task_ext *x, struct task_struct *t,
					    struct pid *pid, __u32 level, const struct cred *cred)
{
	struct nsproxy *ns = GET(t, nsproxy);
	struct pid_namespace *pid_ns = NULL;

	x->ns_mnt = GET(ns, mnt_ns, ns.inum);
	x->ns_net = GET(ns, net_ns, ns.inum);
	x->ns_uts = GET(ns, uts_ns, ns.inum);
	x->ns_ipc = GET(ns, ipc_ns, ns.inum);
	x->ns_cgroup = GET(ns, cgroup_ns, ns.inum);
	x->ns_user = GET(cred, user_ns, ns.inum);
	bpf_probe_read_kernel(&pid_ns, sizeof(pid_ns),
			      upid_at(pid, level) + bpf_core_field_offset(struct upid, ns));
	x->ns_pid = BPF_CORE_READ(pid_ns, ns.inum);
}

static __always_inline void fill_task_ext(struct event_task_ext *x, struct task_struct *t,
					  const struct cap_sets *caps, const struct cred *cred)
{
	struct task_struct *leader = GET(t, group_leader);
	struct signal_struct *signal = GET(t, signal);
	struct pid *pid = GET(leader, thread_pid);
	struct tty_struct *tty = GET(signal, tty);
	__u32 level = GET(pid, level);

	x->ruid = GET(cred, uid.val);
	x->suid = GET(cred, suid.val);
	x->gid = GET(cred, gid.val);
	x->egid = GET(cred, egid.val);
	x->loginuid = GET(t, loginuid.val);
	x->audit_session = GET(t, sessionid);
	x->session_id = pid_nr(GET(signal, pids[PIDTYPE_SID]), 0);
	x->pid_inner = pid_nr(pid, level);
	x->bounding = caps->bounding;
	x->ambient = caps->ambient;
	x->cgroup_id = GET(t, cgroups, dfl_cgrp, kn, id);
	x->no_new_privs = (GET(t, atomic_flags) >> PFA_NO_NEW_PRIVS) & 1;
	fill_namespaces(x, t, pid, level, cred);
	__builtin_memset(x->tty, 0, sizeof(x->tty));
	if (tty)
		bpf_core_read_str(x->tty, sizeof(x->tty), &tty->name);
}
