/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the programs this kernel takes: each one alone, loaded, attached, and let go again. */
#pragma once

#include <stdint.h>

#define TRIAL_MAX 5

struct trial {
	const char *hook; /* "sched_process_exec" */
	const char *kind; /* how it attached: "btf", "raw"; of the iterator "sleepable", "plain" */
	int r;		  /* 0, or why the simplest kind did not: a negative errno */
};

/*
 * Tries all, in the order in which they are attached, the iterator last. Any thread; nothing is
 * recorded.
 */
void trial_run(struct trial trials[TRIAL_MAX]);

/* The cgroup v1 hierarchy that tells the container, of /proc/cgroups; 0: the unified one. */
uint32_t trial_cgroup_hierarchy(void);
