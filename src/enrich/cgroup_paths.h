/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of a control group that was there before the agent, by its id: a kernfs file handle
 * opens the directory (name_to_handle_at(2); fs/kernfs/mount.c: kernfs_export_ops), and the link in
 * /proc/self/fd says where it is. One system call more than a cache would need, once per group.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct cgroup_paths;

/*
 * Finds the mounts of the hierarchies, in /proc/self/mountinfo. 0 or a negative errno; none is no
 * error.
 */
int cgroup_paths_new(struct cgroup_paths **ret);
struct cgroup_paths *cgroup_paths_free(struct cgroup_paths *c);
DEFINE_CLEANUP(struct cgroup_paths *, cgroup_paths_free)

/*
 * Writes the path below the root of its hierarchy, with a NUL, and returns its length; 0 or a
 * negative errno.
 */
int cgroup_paths_lookup(const struct cgroup_paths *c, uint32_t hierarchy, uint64_t id, char *to,
			size_t size);

/* Whether it is certain to have gone. */
bool cgroup_paths_is_gone(const struct cgroup_paths *c, uint32_t hierarchy, uint64_t id);
