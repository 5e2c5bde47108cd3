/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The wire: the records of the log, as the BPF programs put them into the ring, as the agent's own
 * facts are written, and as recordings store them. One record is a fixed structure, then its
 * variable parts in the order in which their lengths are listed, with no padding between them. The
 * whole is at most EVENT_SIZE_MAX bytes. Integers are in the byte order of the machine. Everything
 * here is compiled by both sides: plain integers only, padding written out, sizes asserted.
 *
 * User space treats every record as hostile input: see event/decode.h.
 */
#ifndef PROCTRAIL_ABI_EVENT_H
#define PROCTRAIL_ABI_EVENT_H

#include <linux/types.h>

#define EVENT_LAYOUT 1 /* of the bodies below; the first 24 bytes of a record never change */

#define EVENT_PATH_MAX 4096		 /* longest path that is kept whole, in bytes */
#define EVENT_NAME_MAX 256		 /* one name of a path, its NUL included */
#define EVENT_COMM_MAX 16		 /* TASK_COMM_LEN */
#define EVENT_ARGS_MAX (2 * 1024 * 1024) /* largest MaxArgumentBytes */
#define EVENT_ENV_MAX (256 * 1024)	 /* of the environment; looked through for a few names */
#define EVENT_SIZE_MAX (EVENT_ARGS_MAX + EVENT_ENV_MAX + 32 * 1024)

enum event_type {
	EVENT_INVALID,
#define EVENT(id, name, doc) EVENT_##id,
#include "abi/event_types.def"
#undef EVENT
	_EVENT_MAX,
};

/*
 * Streams: records with the same generation and cpu are numbered together. The pseudo-streams are
 * above every CPU's number.
 */
#define EVENT_CPU_MISSED 0xfffd	  /* what the kernel did not run the programs for; STREAM alone */
#define EVENT_CPU_SNAPSHOT 0xfffe /* the task iterator, which may be preempted and moved */
#define EVENT_CPU_AGENT 0xffff	  /* facts that the agent wrote; they are not in the ring */

/* event_head.flags */
#define EVENT_F_KTHREAD 0x0001	    /* the task is a kernel thread (PF_KTHREAD) */
#define EVENT_F_NEVER_EXEC 0x0002   /* no exec since the fork (PF_FORKNOEXEC) */
#define EVENT_F_ADOPTED 0x0004	    /* real_parent is not who forked it: parent unknown */
#define EVENT_F_BY_KTHREAD 0x0008   /* FORK: forked by a kernel thread (a user-mode helper) */
#define EVENT_F_ARGS_CUT 0x0010	    /* argv was longer than what is here */
#define EVENT_F_ARGS_BAD 0x0020	    /* part of argv could not be read and is zeros */
#define EVENT_F_CWD_CUT 0x0040	    /* the head of the cwd is missing */
#define EVENT_F_CWD_DELETED 0x0080  /* the cwd was removed */
#define EVENT_F_CWD_DETACHED 0x0100 /* the cwd is not below the process's root */
#define EVENT_F_EXE_CUT 0x0200	    /* as above, for the executable */
#define EVENT_F_EXE_DELETED 0x0400
#define EVENT_F_EXE_DETACHED 0x0800
#define EVENT_F_EXE_ANONYMOUS 0x1000 /* the executable has a name but no directory: a memfd */
#define EVENT_F_TASK_EXT 0x2000	     /* a struct event_task_ext is here */
#define EVENT_F_EXE_EXT 0x4000	     /* a struct event_exe_ext is here */
#define EVENT_F_CWD_ANONYMOUS 0x8000

struct event_head {
	__u32 size;	   /* of the whole record, this head included */
	__u8 layout;	   /* EVENT_LAYOUT of whoever wrote it */
	__u8 type;	   /* enum event_type */
	__u16 generation;  /* of the programs that wrote it */
	__u16 cpu;	   /* with the generation: the stream */
	__u16 flags;	   /* EVENT_F_* */
	__u32 lost_budget; /* of lost_exec and lost_fork: over a control group's budget */
	__u64 seq;	   /* per stream, from 1, without holes: a hole is records that were lost */
	__u64 time_ns;	   /* CLOCK_BOOTTIME */
	__u64 start_ns;	   /* group_leader->start_boottime: with tgid the process */
	__u64 exec_count;  /* task_struct.self_exec_id: with the two above the image */
	__u32 tgid;
	__u32 tid;
	__u32 lost_exec; /* records lost on this stream so far, by type */
	__u32 lost_exit;
	__u32 lost_fork;
	__u32 lost_other;
};
_Static_assert(sizeof(struct event_head) == 72, "event_head is wire format");

/* Names an image: one program in the life of one process. tgid 0: unknown. */
struct event_id {
	__u64 start_ns;
	__u64 exec_count;
	__u32 tgid;
	__u32 reserved;
};
_Static_assert(sizeof(struct event_id) == 24, "event_id is wire format");

#define EVENT_UID_UNKNOWN 0xffffffff /* (uid_t)-1, which is nobody's */

/*
 * euid is as the initial user namespace has it. Added to it, modulo 2^32, euid_shift gives what the
 * task's own namespace has, EVENT_UID_UNKNOWN where it has no id for it: 0 in the initial one.
 */
struct event_cred {
	__u32 euid;
	__u32 euid_shift;
	__u64 inheritable;
	__u64 permitted;
	__u64 effective;
};
_Static_assert(sizeof(struct event_cred) == 32, "event_cred is wire format");

/*
 * The control group that tells the container: of the v1 memory or pids hierarchy where that is
 * mounted as v1 and the task is not at its root, else of the unified hierarchy. And the mount
 * namespace of the task, which tells whose files name its users.
 */
struct event_cgroup {
	__u64 id;	 /* kernfs node id: the inode number of its directory */
	__u32 hierarchy; /* cgroup_root.hierarchy_id, 0 for the unified one */
	__u32 mnt_ns;	 /* inode number; 0: the host's own, or no task's */
};
_Static_assert(sizeof(struct event_cgroup) == 16, "event_cgroup is wire format");

/*
 * What only extended fields need, of a task. Ids are those of the initial user and pid namespaces.
 */
struct event_task_ext {
	__u32 ruid, suid, gid, egid;
	__u32 loginuid, audit_session;
	__u32 session_id;
	__u32 pid_inner; /* the tgid in the task's own pid namespace */
	__u64 bounding, ambient;
	__u64 cgroup_id; /* of the unified hierarchy */
	__u32 ns_mnt, ns_pid, ns_net, ns_user, ns_uts, ns_ipc, ns_cgroup; /* inode numbers */
	__u32 no_new_privs;
	char tty[EVENT_COMM_MAX]; /* the kernel's name, "pts0"; all zeros: none */
};
_Static_assert(sizeof(struct event_task_ext) == 104, "event_task_ext is wire format");

#define EVENT_EXE_SETUID 0x1 /* the exec changed ids because of the set-user-id bit */
#define EVENT_EXE_SETGID 0x2
#define EVENT_EXE_FILE_CAPS 0x4 /* the file's capabilities raised the permitted set */
#define EVENT_EXE_UPPER 0x8	/* on overlayfs: in the upper layer, written at run time */

/* What only extended fields need, of the executed file. */
struct event_exe_ext {
	__u64 inode;
	__u32 dev_major, dev_minor;
	__u32 nlink;
	__u32 bits; /* EVENT_EXE_* */
};
_Static_assert(sizeof(struct event_exe_ext) == 24, "event_exe_ext is wire format");

/*
 * FORK. The head names the child. Followed by: a struct event_task_ext if EVENT_F_TASK_EXT. Written
 * before the child can run (kernel/fork.c: copy_process, trace_sched_process_fork comes before
 * wake_up_new_task), so it precedes everything that the child does.
 */
struct event_fork {
	struct event_head head;
	struct event_id forker;	    /* the image that called clone: what the child is a copy of */
	struct event_id parent;	    /* real_parent at the fork; differs under CLONE_PARENT */
	struct event_cred cred;	    /* the child's */
	struct event_cgroup cgroup; /* the child's */
	char comm[EVENT_COMM_MAX];
};
_Static_assert(sizeof(struct event_fork) == 184, "event_fork is wire format");

/*
 * EXEC. Followed by, each as long as its length says: filename, interp, cwd, exe, a struct
 * event_task_ext if EVENT_F_TASK_EXT, a struct event_exe_ext if EVENT_F_EXE_EXT, args.
 *   filename  the path as it was given to exec (bprm->filename), without NUL
 *   interp    bprm->interp where it differs: the interpreter of a script
 *   cwd, exe  a path as the process sees it, as the walk from the leaf gave it: names, leaf first,
 *             each with its NUL; no names: "/"
 *   args      the bytes from mm->arg_start on: each argument with its NUL
 *   env       the bytes from mm->env_start on, where some pipeline asks for names of it
 */
struct event_exec {
	struct event_head head;
	struct event_id parent; /* real_parent in the image that forked (parent_exec_id) */
	struct event_cred cred;
	struct event_cgroup cgroup;
	__u32 argc;
	__u32 args_total; /* bytes of argv as the kernel has it, terminating NULs included */
	__u32 args_len;
	__u16 filename_len;
	__u16 interp_len;
	__u16 cwd_len;
	__u16 exe_len;
	__u32 env_len;
};
_Static_assert(sizeof(struct event_exec) == 168, "event_exec is wire format");

/* EXIT. Nothing follows. The head's tid is that of the last thread. */
struct event_exit {
	struct event_head head;
	struct event_id parent; /* real_parent at the end; may be an adopter: EVENT_F_ADOPTED */
	struct event_cgroup cgroup;
	__u32 status; /* as wait4(2) gives it */
	__u32 euid;
	__u64 utime_ns, stime_ns; /* of all threads, as the kernel's ticks saw it */
	__u64 runtime_ns;	  /* of all threads: time on a CPU */
	__u64 peak_bytes;	  /* resident set */
	char comm[EVENT_COMM_MAX];
};
_Static_assert(sizeof(struct event_exit) == 168, "event_exit is wire format");

/* CGROUP. The head's tgid is 0. Followed by: path, from the root of its hierarchy, without NUL. */
struct event_cgroup_made {
	struct event_head head;
	struct event_cgroup cgroup;
	__u32 path_len;
	__u32 reserved;
};
_Static_assert(sizeof(struct event_cgroup_made) == 96, "event_cgroup_made is wire format");

/*
 * PROCESS. Followed by the same as EXEC, without filename and interp. A process whose argv could
 * not be read consistently has exec_count_after != head.exec_count: its strings are to be
 * discarded.
 */
struct event_process {
	struct event_head head;
	struct event_id parent;
	struct event_cred cred;
	struct event_cgroup cgroup;
	char comm[EVENT_COMM_MAX];
	__u64 exec_count_after;	 /* self_exec_id again, after argv was copied */
	__u64 parent_exec_count; /* real_parent->self_exec_id now */
	__u32 live;		 /* signal->live: 0 is neither alive nor a confirmation */
	__u32 exit_state;
	__u32 argc; /* 0: unknown, count the NULs */
	__u32 args_total;
	__u32 args_len;
	__u16 cwd_len;
	__u16 exe_len;
};
_Static_assert(sizeof(struct event_process) == 200, "event_process is wire format");

/* NODE. Followed by: name, address (text), without NULs. */
struct event_node {
	struct event_head head;
	char boot_id[40]; /* /proc/sys/kernel/random/boot_id, zero padded */
	__u16 name_len;
	__u16 address_len;
	__u32 reserved;
};
_Static_assert(sizeof(struct event_node) == 120, "event_node is wire format");

/* CLOCK: wall-clock time = boot time + offset, from this record on. */
struct event_clock {
	struct event_head head;
	__s64 offset_ns;
};
_Static_assert(sizeof(struct event_clock) == 80, "event_clock is wire format");

/* USER. Followed by: name, without NUL; empty: the id has no name (any more). */
struct event_user {
	struct event_head head;
	__u32 uid;
	__u16 name_len;
	__u16 reserved;
};
_Static_assert(sizeof(struct event_user) == 80, "event_user is wire format");

#define EVENT_MARK_PASS_BEGIN 1 /* a pass of the task iterator begins */
#define EVENT_MARK_PASS_END 2	/* it has seen everything: what it did not confirm is gone */
#define EVENT_MARK_RING_BEGIN 3 /* the ring is a new one: every stream begins anew */

struct event_mark {
	struct event_head head;
	__u32 mark; /* EVENT_MARK_* */
	__u32 reserved;
};
_Static_assert(sizeof(struct event_mark) == 80, "event_mark is wire format");

/*
 * STREAM. The head's generation and cpu name the stream, seq and lost_* are its counters as the
 * map has them: at least what the records of the stream that were read so far say. So a loss shows
 * behind which no record came. In a state they are what the fold knew, and seq is that of the last
 * record. Written by the agent.
 */
struct event_stream {
	struct event_head head;
	__u32 lost_ahead; /* in a state: of lost_*, what that last record could not know yet */
	__u32 reserved;
};
_Static_assert(sizeof(struct event_stream) == 80, "event_stream is wire format");

enum event_gap_reason {
	EVENT_GAP_NOT_RUNNING = 1, /* no program was attached */
	EVENT_GAP_PARTIAL,	   /* not all programs were attached */
	EVENT_GAP_UNREADABLE,	   /* records were there, and cannot be read any more */
};

/*
 * GAP. Records that nobody counted may be missing between the two times. Where records cannot be
 * read any more, the streams of the head's generation and of those before it are taken up where
 * they are found: what they lost until then is within the gap.
 */
struct event_gap {
	struct event_head head;
	__u64 since_ns, until_ns; /* CLOCK_BOOTTIME */
	__u32 reason;		  /* enum event_gap_reason */
	__u32 reserved;
};
_Static_assert(sizeof(struct event_gap) == 96, "event_gap is wire format");

#define EVENT_IMAGE_CURRENT 0x1	      /* of a living process, else of one that ended or went on */
#define EVENT_IMAGE_KTHREAD 0x2	      /* as the bits of struct image: event/image.h */
#define EVENT_IMAGE_STUB 0x4	      /* only the identity is known */
#define EVENT_IMAGE_NEVER_EXEC 0x8    /* a clone */
#define EVENT_IMAGE_SAME_PROGRAM 0x10 /* its program is its parent's: no strings follow */
#define EVENT_IMAGE_NO_PROGRAM 0x20   /* nothing is known of its program: no strings follow */
#define EVENT_IMAGE_NO_USER 0x40      /* the user was unknown */
#define EVENT_IMAGE_LIVE 0x80	      /* a fork or exec record of its process was folded */
#define EVENT_IMAGE_LIVE_IMAGE 0x100  /* the image itself came from such a record */
#define EVENT_IMAGE_EXITED 0x200      /* its process has ended, or went on to another image */
#define EVENT_IMAGE_TOLD 0x400	      /* the pipelines know of its process */
#define EVENT_IMAGE_DYING 0x800	      /* the last pass found its process on its way out */
#define EVENT_IMAGE_SEEN 0x1000	      /* the last pass has seen its process, or it came later */
#define EVENT_IMAGE_BARE 0x2000	      /* it lost its strings to a limit */
#define EVENT_IMAGE_ENTRY 0x4000      /* as the bits of struct image */
#define EVENT_IMAGE_ENTERED 0x8000
#define EVENT_IMAGE_INSIDE 0x10000

/*
 * IMAGE. An image as the process table has it, the head naming it; what a compacted journal begins
 * with. Followed by: a struct event_task_ext if
 * EVENT_F_TASK_EXT, a struct event_exe_ext if EVENT_F_EXE_EXT, binary, cwd, interpreter, exe, args,
 * env, each as it is in struct program. Written by the agent.
 */
struct event_image {
	struct event_head head;
	struct event_id parent; /* tgid 0: none or unknown */
	struct event_cred cred;
	struct event_cgroup cgroup; /* id 0: unknown */
	__u32 bits;		    /* EVENT_IMAGE_* */
	__u32 program_flags;	    /* PROGRAM_* of event/image.h */
	__u32 argc;
	__u32 args_total;
	__u32 args_len, env_len;
	__u32 binary_len, cwd_len, interp_len, exe_len;
	__u32 depth; /* as struct image has it */
	__u32 reserved;
};
_Static_assert(sizeof(struct event_image) == 192, "event_image is wire format");

/* A process that has ended, so that what else is heard of it is known to come late. */
struct event_ended {
	__u64 start_ns;
	__u32 tgid;
	__u32 bits; /* EVENT_ENDED_* */
};
_Static_assert(sizeof(struct event_ended) == 16, "event_ended is wire format");

#define EVENT_ENDED_INFERRED 0x1 /* nobody saw its end */

#define EVENT_STATE_BEGIN 0x1	   /* else the end of the state */
#define EVENT_STATE_IN_PASS 0x2	   /* a pass had begun, and was not at its end */
#define EVENT_STATE_WANTS_PASS 0x4 /* records were lost since the last pass began */
#define EVENT_STATE_NO_PASS 0x8	   /* the pass that runs lost records of its own */

/*
 * STATE. Two of them enclose a fold's whole state, written as records: STREAM, NODE, CLOCK, USER,
 * CONTAINER, INNER_USER, CGROUP and IMAGE. None of these gives an event or is a loss. The head's
 * seq of the one at the beginning is the number that was used last. The one at the end is followed
 * by a struct event_ended for each process that ended lately, in their order. Written by the agent.
 */
struct event_state {
	struct event_head head;
	__u64 ring_begin_ns; /* when the ring was made, CLOCK_BOOTTIME; 0: unknown */
	__u32 pass;	     /* how many passes of the task iterator have begun */
	__u32 bits;	     /* EVENT_STATE_* */
	__u32 n_ended;
	__u32 n_adopted; /* streams of generations below it began before anybody can tell */
};
_Static_assert(sizeof(struct event_state) == 96, "event_state is wire format");

/* What a stream said in records that are not there: the last one's head, and how many they were. */
struct event_stream_step {
	struct event_head last;
	__u64 n;
};
_Static_assert(sizeof(struct event_stream_step) == 80, "event_stream_step is wire format");

/*
 * TRANSIENTS. In the place of a stretch of the ring that had records of processes of which nothing
 * is left but that they have ended. The head's seq is the position of the last one. Followed by: a
 * struct event_stream_step for each stream, in the order of their records, where a stream may come
 * more than once; a struct event_ended for each process whose exit was there. Written by the agent.
 */
struct event_transients {
	struct event_head head;
	__u64 bytes; /* of the ring */
	__u32 n_steps, n_ended;
};
_Static_assert(sizeof(struct event_transients) == 88, "event_transients is wire format");

#define EVENT_CONTAINER_TEXTS 16 /* room for the lengths of so many */

#define EVENT_CONTAINER_PRIVILEGED 0x1 /* as the bits of struct container: event/container.h */
#define EVENT_CONTAINER_SANDBOX 0x2
#define EVENT_CONTAINER_KNOWN 0x4
#define EVENT_CONTAINER_COMPLETE 0x8 /* nothing more is to be expected */
#define EVENT_CONTAINER_AWAITED \
	0x10			   /* it is being looked up: its events wait for the next record */
#define EVENT_CONTAINER_SHORT 0x20 /* in a state: events went out that lacked something */
#define EVENT_CONTAINER_ASKED 0x40 /* in a state: a record had told of it */
#define EVENT_CONTAINER_USED 0x80  /* in a state: it had events */

/*
 * CONTAINER. What is known of the container with this id, all of it each time. Its events wait from
 * a record that says AWAITED until one that does not; in a state, since the time in the head, if
 * there is one. Followed by: the texts, in the order of enum container_text (event/container.h),
 * each as long as its length says, without NULs. Written by the agent.
 */
struct event_container {
	struct event_head head;
	char id[64];	      /* hex digits */
	__s64 started_ns;     /* since the epoch; 0: unknown */
	__u64 entry_start_ns; /* in a state: the process that it began with, and below its pid */
	__u32 entry_pid;
	__u32 bits;	 /* EVENT_CONTAINER_* */
	__u32 hierarchy; /* in a state: of the control group that its last event named */
	__u32 reserved;
	__u16 lens[EVENT_CONTAINER_TEXTS]; /* of the texts */
};
_Static_assert(sizeof(struct event_container) == 200, "event_container is wire format");

#define EVENT_INNER_USER_AWAITED 0x1 /* it is being looked up: another record will have the name */
#define EVENT_INNER_USER_OVERDUE 0x2 /* beside the above: nobody waits for it, any more */

/*
 * INNER_USER. The name of a user id of a container, as the files in a mount namespace of it have
 * it. The container's events wait from a record that says AWAITED until the name is there. Followed
 * by:
 * name, without NUL; empty: it has none, or nobody knows. Written by the agent.
 */
struct event_inner_user {
	struct event_head head;
	char container[64]; /* hex digits */
	__u32 mnt_ns;	    /* as struct event_cgroup has it */
	__u32 uid;	    /* as the user namespace has it */
	__u32 bits;	    /* EVENT_INNER_USER_* */
	__u16 name_len;
	__u16 reserved;
};
_Static_assert(sizeof(struct event_inner_user) == 152, "event_inner_user is wire format");

#endif
