/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A user id as a user namespace has it: what kernel/user_namespace.c: map_id_up() finds, in the
 * namespace's map of ids.
 */
#pragma once

#include "read.h"

#include "abi/event.h"

/* An extent's ids are lower_first and up outside of the namespace, first and up in it. */
static __always_inline bool extent_has(const struct uid_gid_extent *e, __u32 uid)
{
	return uid >= e->lower_first && uid - e->lower_first < e->count;
}

/* Up to five extents lie in the map itself, in any order. */
static __always_inline __u32 extents_shift(struct uid_gid_map *map, __u32 n, __u32 uid)
{
	struct uid_gid_extent all[UID_GID_MAP_MAX_BASE_EXTENTS];

	bpf_core_read(all, sizeof(all), &map->extent);
#pragma unroll
	for (__u32 i = 0; i < UID_GID_MAP_MAX_BASE_EXTENTS; i++)
		if (i < n && extent_has(&all[i], uid))
			return all[i].first - all[i].lower_first;
	return EVENT_UID_UNKNOWN - uid;
}

/*
 * More lie in an array that is sorted by lower_first: the last one that begins at `uid` or below.
 */
static __always_inline __u32 reverse_shift(struct uid_gid_map *map, __u32 n, __u32 uid)
{
	struct uid_gid_extent *reverse = BPF_CORE_READ(map, reverse), e;
	__u32 low = 0, high = n;

	for (int i = 0; i < UID_GID_MAP_STEPS && low < high; i++) {
		__u32 mid = (low + high) / 2;

		if (bpf_probe_read_kernel(&e, sizeof(e), reverse + mid))
			break;
		if (extent_has(&e, uid))
			return e.first - e.lower_first;
		if (e.lower_first <= uid)
			low = mid + 1;
		else
			high = mid;
	}
	return EVENT_UID_UNKNOWN - uid;
}

/* event_cred.euid_shift. Nearly everybody is in the initial namespace, whose level is 0. */
static __always_inline __u32 uid_shift(struct user_namespace *ns, __u32 uid)
{
	struct uid_gid_map *map;
	__u32 n;

	if (GET(ns, level) == 0)
		return 0;
	map = (void *)ns + bpf_core_field_offset(struct user_namespace, uid_map);
	n = BPF_CORE_READ(map, nr_extents);
	return n <= UID_GID_MAP_MAX_BASE_EXTENTS ? extents_shift(map, n, uid)
						 : reverse_shift(map, n, uid);
}
