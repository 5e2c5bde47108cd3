/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "base/pool.h"

static const uint16_t class_size[POOL_CLASSES] = {
	64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096,
};

void pool_init(struct pool *p)
{
	p->bytes = 0;
	for (size_t i = 0; i < POOL_CLASSES; i++)
		slab_init(&p->slabs[i], class_size[i]);
}

void pool_done(struct pool *p)
{
	for (size_t i = 0; i < POOL_CLASSES; i++)
		slab_done(&p->slabs[i]);
	p->bytes = 0;
}

/* The smallest class that holds `size`, POOL_CLASSES where none does. */
static size_t class_of(size_t size)
{
	size_t i = 0;

	while (i < POOL_CLASSES && class_size[i] < size)
		i++;
	return i;
}

static size_t rounded(size_t class, size_t size)
{
	return class < POOL_CLASSES ? class_size[class] : size;
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
