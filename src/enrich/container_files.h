/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source "files": what the runtimes have written on disk. It is the first that is asked: it
 * answers within a millisecond, for containers that live no longer, and needs nobody to answer.
 */
#pragma once

#include "enrich/container_source.h"
#include "enrich/runtime_files.h"

struct container_files;

/* Where the state of runtimes of one layout lies: paths, looked into in this order. */
struct container_roots {
	char *const *paths;
	size_t n;
};

/*
 * The roots are below `host_root` ("": none). All is copied. 0 or a negative errno; *ret is freed
 * by container_files_source.free.
 */
int container_files_new(const char *host_root, const struct container_roots roots[_LAYOUT_MAX],
			const struct container_sink *sink, struct container_files **ret);

extern const struct container_source container_files_source;
