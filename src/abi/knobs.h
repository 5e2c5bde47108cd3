/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * What a running agent may change in the BPF programs, in one map that both sides have mapped.
 * Aligned words, each written by one side: no locking.
 */
#ifndef PROCTRAIL_ABI_KNOBS_H
#define PROCTRAIL_ABI_KNOBS_H

#include <linux/types.h>

/*
 * Container runtimes put every container into the hierarchies of these controllers, where they are
 * mounted as v1.
 */
enum knobs_cgroup_v1 {
	KNOBS_CGROUP_UNIFIED, /* all controllers are on the unified hierarchy */
	KNOBS_CGROUP_MEMORY,
	KNOBS_CGROUP_PIDS,
	KNOBS_CGROUP_DEVICES,
	KNOBS_CGROUP_CPU,
};

#define KNOBS_WANT_EXT 0x1 /* some pipeline asks for extended fields */

/*
 * A map of this is pinned with each generation of programs. The first 16 bytes never change: a
 * newer version reads them of an older one's.
 */
#define KNOBS_STABLE_BYTES 16
struct knobs {
	__u64 ring_base;  /* CLOCK_BOOTTIME when the ring was made: __seq__ is this + position */
	__u32 ring_bytes; /* size of the ring's data */
	__u32 generation; /* event_head.generation */
	__u32 want;	  /* KNOBS_WANT_* */
	__u32 max_args;	  /* bytes of argv to keep, at most EVENT_ARGS_MAX */
	__u32 max_env;	  /* bytes of the environment to keep, at most EVENT_ENV_MAX; 0: none */
	__u32 wake_bytes; /* wake the reader when the ring holds this much */
	__u32 armed;	  /* the reader sleeps for long: the next record wakes it and sets 0 */
	__u32 page_size;  /* of the machine */
	__u32 cgroup_v1;  /* enum knobs_cgroup_v1: whose hierarchy tells the container */
	__u32 cgroup_v1_hierarchy; /* its number (/proc/cgroups) */
	/*
	 * How many execs in a second each control group may make on all CPUs together; above it
	 * they are not recorded, above four times as many its forks neither. 0: no bound.
	 */
	__u32 budget;
	__u32 host_mnt_ns; /* inode number of init's mount namespace; 0: unknown */
};

_Static_assert(sizeof(struct knobs) == 56, "knobs are shared with the kernel side");

/*
 * The counters of a stream (event_head.generation and cpu): records numbered, and records lost.
 * What could not be told in the ring because there was no room for it is counted here. Pinned like
 * the above; what is here never changes, more may follow.
 */
struct stream_counters {
	__u64 seq;
	__u32 lost_exec, lost_exit, lost_fork, lost_other;
	__u32 lost_budget; /* of lost_exec and lost_fork */
	__u32 reserved;
};
_Static_assert(sizeof(struct stream_counters) == 32, "streams are shared with the kernel side");

/*
 * The event that a program on this CPU has taken up last: see bpf/lib/claim.h. Shared by all
 * generations, and pinned like the above.
 */
struct claim {
	__u64 start_ns, exec_count; /* of a control group: its id, its hierarchy */
	__u32 tgid;
	__u32 type; /* enum event_type; 0: none yet */
};
_Static_assert(sizeof(struct claim) == 24, "claims are shared between generations");

/* Of a control group, by its id (struct event_cgroup). */
struct budget {
	/* when what was recorded would be within the budget, had it come evenly: CLOCK_BOOTTIME */
	__u64 exec_due_ns, fork_due_ns;
	__u64 dropped; /* records */
};
_Static_assert(sizeof(struct budget) == 24, "budgets are shared with the kernel side");

#endif
