/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between machines and cannot be decided by CO-RE in the programs: which controllers
 * are mounted as v1, and which mount namespace is init's. Read once, at start, on the reader
 * thread.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "probe/internal.h"

/* By enum knobs_cgroup_v1, in the order in which they are preferred. */
static const char *const controllers[] = {
	[KNOBS_CGROUP_MEMORY] = "memory",
	[KNOBS_CGROUP_PIDS] = "pids",
	[KNOBS_CGROUP_DEVICES] = "devices",
	[KNOBS_CGROUP_CPU] = "cpu",
};

static enum knobs_cgroup_v1 controller_of(const char *name)
{
	for (size_t i = KNOBS_CGROUP_MEMORY; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(controllers[i], name) == 0)
			return (enum knobs_cgroup_v1)i;
	return KNOBS_CGROUP_UNIFIED;
}

void kernel_facts_cgroups(FILE *table, struct kernel_facts *ret)
{
	char line[256], name[64];
	unsigned int hierarchy;

	while (fgets(line, sizeof(line), table)) {
		enum knobs_cgroup_v1 controller;

		if (sscanf(line, "%63s %u", name, &hierarchy) != 2 || !hierarchy)
			continue;
		controller = controller_of(name);
		if (controller == KNOBS_CGROUP_UNIFIED ||
		    (ret->cgroup_v1 && ret->cgroup_v1 < controller))
			continue;
		ret->cgroup_v1 = controller;
		ret->cgroup_v1_hierarchy = hierarchy;
	}
}

uint32_t probe_host_mnt_ns(void)
{
	struct stat st;

	if (stat("/proc/1/ns/mnt", &st) < 0 && stat("/proc/self/ns/mnt", &st) < 0)
		return 0;
	return (uint32_t)st.st_ino;
}

void kernel_facts_read(struct kernel_facts *ret)
{
	_cleanup_(fclosep) FILE *table = fopen("/proc/cgroups", "re");

	*ret = (struct kernel_facts){ .host_mnt_ns = probe_host_mnt_ns() };
	if (table)
		kernel_facts_cgroups(table, ret);
}
