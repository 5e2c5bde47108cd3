/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of one size, from chunks of 64 KiB, which are mapped. A chunk that becomes empty goes
 * back to the system, but for one that is kept, so that the memory follows the number of objects
 * down as well as up, whatever else lies on the heap. Under AddressSanitizer free objects are
 * poisoned.
 */
#pragma once

#include <stddef.h>

#include "base/list.h"

#define SLAB_CHUNK 65536

struct slab {
	size_t size; /* of an object */
	size_t n;    /* objects handed out */
	size_t n_chunks;
	struct list open; /* chunks with room */
	struct list full;
};

void slab_init(struct slab *s, size_t size); /* size at most SLAB_CHUNK / 8 */
void slab_done(struct slab *s);		     /* objects still out are gone */

/* Aligned to 16, not zeroed; NULL when memory ran out. */
void *slab_alloc(struct slab *s);
void slab_free(struct slab *s, void *object); /* NULL is nothing */
