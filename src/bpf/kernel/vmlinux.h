/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's types, as far as the programs here read them. CO-RE moves every access to where the
 * running kernel has the field, so order and gaps mean nothing, names and nesting do.
 * `tools/check-vmlinux` holds this file against a kernel's BTF. What only some kernels have is a
 * flavour, x___y.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/bpf.h>
#include <linux/types.h>

#define NULL ((void *)0)

typedef _Bool bool;
#define false ((bool)0)
#define true ((bool)1)
typedef __u32 u32;
typedef __u64 u64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct list_head {
	struct list_head *next, *prev;
};

/* cgroups */

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

/* Each of them depends on how the kernel was built. */
enum cgroup_subsys_id___some {
	memory_cgrp_id,
	pids_cgrp_id,
	devices_cgrp_id,
	cpu_cgrp_id,
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

/* include/trace/events/sched.h: what the tracepoint has since 6.16 */
struct trace_event_raw_sched_process_exit___group {
	bool group_dead;
};

/* files and paths */

struct qstr {
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct super_block {
	unsigned long s_magic;
	__u32 s_dev;
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct fs_struct {
	struct path root, pwd;
};

/* namespaces */

struct ns_common {
	unsigned int inum;
};

struct uid_gid_extent {
	u32 first, lower_first, count;
};

struct uid_gid_map {
	union {
		struct {
			struct uid_gid_extent extent[5];
			u32 nr_extents;
		};
		struct {
			struct uid_gid_extent *forward, *reverse;
		};
	};
};

struct user_namespace {
	struct uid_gid_map uid_map;
	int level;
	struct ns_common ns;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
	struct cgroup_namespace *cgroup_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

/* tasks */

/* Two words of 32 bits until 6.3 (f122a08b197d), one of 64 since: nobody may look inside. */
typedef struct {
	__u64 opaque;
} kernel_cap_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t suid;
	kuid_t euid;
	kgid_t egid;
	kernel_cap_t cap_inheritable; /* four more sets follow: see fill_caps() */
	struct user_namespace *user_ns;
};

struct tty_struct {
	char name[64];
};

struct signal_struct {
	atomic_t live;
	struct list_head thread_head;
	int group_exit_code;
	unsigned int flags;
	struct pid *pids[4];
	struct tty_struct *tty;
	__u64 utime, stime;
	unsigned long maxrss;
	unsigned long long sum_sched_runtime;
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct task_struct {
	unsigned int flags;
	int exit_state, exit_code;
	int pid, tgid;
	unsigned long atomic_flags;
	struct sched_entity se;
	struct mm_struct *mm;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	struct list_head thread_node;
	__u64 utime, stime;
	__u64 start_boottime;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid;
	unsigned int sessionid;
	__u64 parent_exec_id, self_exec_id;
	struct css_set *cgroups;
};

struct linux_binprm {
	struct file *file;
	unsigned int per_clear;
	int argc;
	const char *filename, *interp;
};

/* iterators */

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* What is no type: from the kernel's headers, unchanged for many years. */
#define PF_FORKNOEXEC 0x00000040 /* include/linux/sched.h */
#define PF_KTHREAD 0x00200000
#define PFA_NO_NEW_PRIVS 0
#define SIGNAL_GROUP_EXIT 0x00000004 /* include/linux/sched/signal.h */
#define SIGNAL_UNKILLABLE 0x00000040
#define PER_CLEAR_ON_SETID 0x00740000 /* include/uapi/linux/personality.h */
#define S_ISUID 0004000		      /* include/uapi/linux/stat.h */
#define S_ISGID 0002000
#define S_IXGRP 00010
#define OVERLAYFS_SUPER_MAGIC 0x794c7630 /* include/uapi/linux/magic.h */
#define MINOR_BITS 20			 /* include/linux/kdev_t.h */
#define PIDTYPE_SID 3			 /* include/linux/pid_types.h */
#define UID_GID_MAP_MAX_BASE_EXTENTS 5	 /* include/linux/user_namespace.h */
#define UID_GID_MAP_STEPS 9		 /* to find one of UID_GID_MAP_MAX_EXTENTS: 340 */

#endif
