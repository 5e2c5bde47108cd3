/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of any size: up to 4 KiB from slabs of size classes (four between a power of two and the
 * next, so that at most a fifth is wasted), larger ones from malloc. The owner remembers the size
 * of a block.
 */
#pragma once

#include <stddef.h>

#include "base/slab.h"

#define POOL_CLASSES 25 /* 64 80 96 112 128 160 192 224 256 320 ... 3584 4096 */

struct pool {
	struct slab slabs[POOL_CLASSES];
	size_t bytes; /* handed out, as the classes round them */
};

void pool_init(struct pool *p, struct slab_spare *spare); /* as slab_init() */
void pool_done(struct pool *p);				  /* large blocks that are still out leak */

/* Aligned to 16, not zeroed; NULL when memory ran out. */
void *pool_alloc(struct pool *p, size_t size);
void pool_free(struct pool *p, void *block, size_t size); /* the size that was asked for */
