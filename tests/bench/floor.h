/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/* The records of the floor, between its BPF programs and its reader. */
#pragma once

#include "abi/event.h"

enum floor_type { FLOOR_FORK, FLOOR_EXEC, FLOOR_EXIT };

struct floor_head {
	__u32 type; /* enum floor_type */
	__u32 tgid;
	__u32 tid;
	__u32 euid;
	__u64 time_ns;
	__u64 start_ns;
	__u64 exec_count;
	struct event_id parent;
	struct event_cgroup cgroup;
};

struct floor_fork {
	struct floor_head head;
	struct event_id forker;
	struct event_cred cred;
	char comm[EVENT_COMM_MAX];
};

/* Followed by filename, interp, cwd, args, as in struct event_exec. */
struct floor_exec {
	struct floor_head head;
	struct event_cred cred;
	__u32 argc;
	__u32 args_total;
	__u32 args_len;
	__u16 filename_len;
	__u16 interp_len;
	__u16 cwd_len;
	__u16 flags; /* EVENT_F_* of the cwd */
	__u32 reserved;
};

struct floor_exit {
	struct floor_head head;
	__u64 utime_ns, stime_ns;
	__u64 runtime_ns;
	__u64 peak_pages;
	__u32 status;
	__u32 reserved;
	char comm[EVENT_COMM_MAX];
};
