/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that ended last, so that what else is heard of them is known to come late: the
 * snapshot's view of one that died meanwhile, a second exit record, the twin of an upgrade. Forgets
 * the oldest above its limit. Reader thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/slab.h"

struct tombstone {
	struct list order;
	uint64_t start_ns;
	uint32_t pid;
	bool is_inferred; /* nobody saw the end */
};

struct tombstones {
	struct hash index;
	struct slab slab;
	struct list order; /* oldest first */
	size_t max;
};

void tombstones_init(struct tombstones *t, size_t max);
void tombstones_done(struct tombstones *t);

/* Best effort: when memory runs out the process is not remembered. It must not be there yet. */
void tombstones_add(struct tombstones *t, uint32_t pid, uint64_t start_ns, bool is_inferred);
bool tombstones_has(const struct tombstones *t, uint32_t pid, uint64_t start_ns);
/* It lives, after all: whether that can be, because its end was inferred; then it is forgotten. */
bool tombstones_revive(struct tombstones *t, uint32_t pid, uint64_t start_ns);
void tombstones_set_max(struct tombstones *t, size_t max);
