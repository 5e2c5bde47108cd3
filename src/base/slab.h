/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of one size, from chunks of 64 KiB, which are mapped. A chunk that becomes empty goes
 * back to the system, so that the memory follows the number of objects down as well as up, whatever
 * else lies on the heap. A few are kept: a batch comes and goes as a whole, and pages that are
 * touched for the first time are dear. Under AddressSanitizer free objects are poisoned.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define SLAB_CHUNK 65536
#define SLAB_SPARE 8 /* empty chunks that are kept, of all slabs with the same struct slab_spare */

struct slab_spare {
	size_t n; /* chunks without an object, now */
};

struct slab {
	size_t size;	    /* of an object */
	uint32_t per_chunk; /* objects */
	size_t n;	    /* objects handed out */
	size_t n_chunks;
	struct list open; /* chunks with room */
	struct list full;
	struct slab_spare *spare; /* lives as long */
};

/* `size` is at most SLAB_CHUNK / 8; `spare` begins with zeros. */
void slab_init(struct slab *s, size_t size, struct slab_spare *spare);
void slab_done(struct slab *s); /* objects still out are gone */

/* Aligned to 16, not zeroed; NULL when memory ran out. */
void *slab_alloc(struct slab *s);
void slab_free(struct slab *s, void *object); /* NULL is nothing */
