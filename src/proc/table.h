/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table: every living process and its current image, and the images that have ended but that
 * a living one still needs as its parent. One writer, the reader thread; no locks.
 *
 * Life of an image: the table holds one reference while it is the current image of a living process; every
 * image that has it as its parent holds one; every event of a batch that shows it holds one. At none it is
 * freed, and lets go of its parent in turn.
 *
 * Bounds: `max_images` and `max_bytes` (strings and structures). Above either, table_trim() takes, in
 * this order: the images that ended longest ago (they lose their strings and their own parent, and stay as
 * stubs while a child holds them), then the strings of the living images that are oldest. Each is counted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "event/decode.h"
#include "event/image.h"

struct proc_limits {
	size_t max_images; /* default 262,144 */
	size_t max_bytes;  /* default 64 MiB */
	size_t max_users;  /* default 65,536 */
	size_t max_cgroups; /* default 16,384; the ones used longest ago go first */
};

extern const struct proc_limits proc_limits_default;

struct proc_counters {
	uint64_t processes;	   /* living, now */
	uint64_t images;	   /* now */
	uint64_t bytes;		   /* now */
	uint64_t evicted_exited;   /* ended images turned into stubs before their children let go */
	uint64_t evicted_living;   /* living images that lost their strings */
	uint64_t unknown_parent;   /* records whose parent image the table did not know */
	uint64_t unknown_process;  /* exec and exit records of a process the table did not know */
	uint64_t twins;		   /* records that came a second time and were folded away */
	uint64_t malformed;	   /* records that record_check() refused */
};
