/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/pool.h"

#define SMALLEST_BITS 6 /* the first class is of 64 bytes */

static size_t class_size(size_t class)
{
	size_t step = class - 1;

	return class ? (5 + step % 4) << (SMALLEST_BITS - 2 + step / 4) : 1 << SMALLEST_BITS;
}

void pool_init(struct pool *p, struct slab_spare *spare)
{
	p->bytes = 0;
	for (size_t i = 0; i < POOL_CLASSES; i++)
		slab_init(&p->slabs[i], class_size(i), spare);
}

void pool_done(struct pool *p)
{
	for (size_t i = 0; i < POOL_CLASSES; i++)
		slab_done(&p->slabs[i]);
	p->bytes = 0;
}

/* The smallest class that holds `size`, not below POOL_CLASSES where none does. */
static size_t class_of(size_t size)
{
	unsigned int bits;

	if (size <= 1 << SMALLEST_BITS)
		return 0;
	bits = 63 - (unsigned int)__builtin_clzl(size - 1);
	return 1 + (bits - SMALLEST_BITS) * 4 + ((size - 1) >> (bits - 2) & 3);
}

static size_t rounded(size_t class, size_t size)
{
	return class < POOL_CLASSES ? class_size(class) : size;
}

void *pool_alloc(struct pool *p, size_t size)
{
	size_t class = class_of(size);
	void *block = class < POOL_CLASSES ? slab_alloc(&p->slabs[class]) : malloc(size);

	if (block)
		p->bytes += rounded(class, size);
	return block;
}

void pool_free(struct pool *p, void *block, size_t size)
{
	size_t class = class_of(size);

	if (!block)
		return;
	p->bytes -= rounded(class, size);
	if (class < POOL_CLASSES)
		slab_free(&p->slabs[class], block);
	else
		free(block);
}
