/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counted with acquire and release, so that the last one to let go sees what the others have read.
 */
#include "pipeline/chunk.h"

#define FIRST_RECORDS 256

struct chunk *chunk_new(uint64_t begin)
{
	struct chunk *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	atomic_init(&c->refs, 1);
	c->begin = begin;
	return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

struct chunk *chunk_unref(struct chunk *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	buf_done(&c->bytes);
	free(c->ends);
	free(c->times_ns);
	free(c);
	return NULL;
}

bool chunk_grow(struct chunk *c)
{
	size_t cap = c->cap ? 2 * c->cap : FIRST_RECORDS;
	uint64_t *times;
	size_t *ends;

	if (c->n < c->cap)
		return true;
	ends = reallocarray(c->ends, cap, sizeof(*ends));
	if (!ends)
		return false;
	c->ends = ends;
	times = reallocarray(c->times_ns, cap, sizeof(*times));
	if (!times)
		return false;
	c->times_ns = times;
	c->cap = cap;
	return true;
}

size_t chunk_n_within(const struct chunk *c, size_t done)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->ends[mid] <= done)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
