/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between kernels and cannot be decided by CO-RE in the programs: the number of
 * arguments of a tracepoint, and which controllers sit on a v1 hierarchy. Read once, at start, on
 * the reader thread.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "probe/internal.h"

static struct btf *btf_close(struct btf *btf)
{
	btf__free(btf);
	return NULL;
}
DEFINE_CLEANUP(struct btf *, btf_close)

/*
 * The arguments of the type btf_trace_NAME (include/trace/bpf_probe.h), without the leading void *:
 * group_dead came as the second one of sched_process_exit in 6.16.
 */
static bool tracepoint_has_args(const struct btf *btf, const char *name, unsigned int n)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	const struct btf_type *t;

	if (id < 0)
		return false;
	t = btf__type_by_id(btf, btf__type_by_id(btf, (unsigned int)id)->type); /* the pointer */
	if (!t || !btf_is_ptr(t))
		return false;
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) && btf_vlen(t) > n;
}

/*
 * The value of an enumerator of cgroup_subsys_id, -ENOENT where this kernel lacks the controller.
 */
static int subsys_index(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM);
	const struct btf_type *t;
	const struct btf_enum *e;

	if (id < 0)
		return -ENOENT;
	t = btf__type_by_id(btf, (unsigned int)id);
	e = btf_enum(t);
	for (int i = 0; i < btf_vlen(t); i++)
		if (strcmp(btf__name_by_offset(btf, e[i].name_off), name) == 0)
			return e[i].val;
	return -ENOENT;
}

/* The hierarchy of a controller (cgroups(7), /proc/cgroups), 0 for the unified one or none. */
static int controller_hierarchy(const char *controller)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/cgroups", "re");
	char line[256], name[64];
	int hierarchy;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %d", name, &hierarchy) == 2 && strcmp(name, controller) == 0)
			return hierarchy;
	return 0;
}

/* Container runtimes put every container into these, where they are mounted as v1. */
static void find_v1(const struct btf *btf, struct kernel_facts *ret)
{
	static const char *const controllers[][2] = {
		{ "memory", "memory_cgrp_id" },
		{ "pids", "pids_cgrp_id" },
		{ "devices", "devices_cgrp_id" },
		{ "cpu", "cpu_cgrp_id" },
	};

	ret->cgroup_v1_index = -1;
	ret->cgroup_v1_hierarchy = 0;
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		int hierarchy = controller_hierarchy(controllers[i][0]);
		int index = subsys_index(btf, controllers[i][1]);

		if (hierarchy > 0 && index >= 0) {
			ret->cgroup_v1_index = index;
			ret->cgroup_v1_hierarchy = hierarchy;
			return;
		}
	}
}

/* Init's; ours where that is hidden. */
static uint32_t host_mnt_ns(void)
{
	struct stat st;

	if (stat("/proc/1/ns/mnt", &st) < 0 && stat("/proc/self/ns/mnt", &st) < 0)
		return 0;
	return (uint32_t)st.st_ino;
}

int kernel_facts_read(struct kernel_facts *ret)
{
	_cleanup_(btf_closep) struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return -errno;
	ret->has_group_dead = tracepoint_has_args(btf, "btf_trace_sched_process_exit", 2);
	find_v1(btf, ret);
	ret->host_mnt_ns = host_mnt_ns();
	return 0;
}
