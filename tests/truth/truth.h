/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/* What both halves of the witness, and tests/e2e/truth.py, know: the events in its file. */
#ifndef PROCTRAIL_TRUTH_H
#define PROCTRAIL_TRUTH_H

#include <linux/types.h>

enum truth_type { TRUTH_CLONE = 1, TRUTH_EXECVE, TRUTH_EXIT };

struct truth_event {
	__u64 start_ns; /* CLOCK_BOOTTIME */
	__u64 exec_count;
	__u32 tgid;
	__u32 type;
	__u32 parent; /* tgid of real_parent */
	__u32 status; /* of an exit: as wait4(2) has it, for processes that end by exit_group */
};
_Static_assert(sizeof(struct truth_event) == 32, "truth.py reads 32 bytes each");

#endif
