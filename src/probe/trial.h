/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the programs this kernel takes: each one alone, loaded, attached, and let go again. */
#pragma once

#include <stdbool.h>

#define TRIAL_MAX 5

struct trial {
	const char *hook; /* "sched_process_exec" */
	const char *kind; /* how it attached: "btf", "raw"; of the iterator "sleepable", "plain" */
	int r;		  /* 0, or why the simplest kind did not: a negative errno */
};

/*
 * Tries all, in the order in which they are attached, the iterator last. Returns how many, or a
 * negative errno where not even that could be tried. Any thread; nothing is recorded.
 */
int trial_run(struct trial trials[TRIAL_MAX]);

/*
 * The cgroup v1 hierarchy that tells the container, of /proc/cgroups; 0: the unified one. Or a
 * negative errno.
 */
int trial_cgroup_hierarchy(void);
