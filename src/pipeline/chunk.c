/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counted with acquire and release, so that the last one to let go sees what the others have read.
 */
#include "pipeline/chunk.h"

#define FIRST_RECORDS 16
#define FIRST_LOSSES 8
#define SMALL_BYTES (16 * 1024) /* a copy costs nothing, and its sheet is free for what comes */

void chunk_pool_init(struct chunk_pool *pool)
{
	pthread_mutex_init(&pool->lock, NULL);
	pool->n = 0;
}

static struct chunk *chunk_free(struct chunk *c)
{
	buf_done(&c->own);
	free(c->ends);
	free(c->times_ns);
	free(c->seqs);
	free(c->calls);
	free(c->losses);
	free(c);
	return NULL;
}

void chunk_pool_done(struct chunk_pool *pool)
{
	while (pool->n)
		chunk_free(pool->spares[--pool->n]);
	pthread_mutex_destroy(&pool->lock);
}

static struct chunk *pool_take(struct chunk_pool *pool)
{
	struct chunk *c = NULL;

	pthread_mutex_lock(&pool->lock);
	if (pool->n)
		c = pool->spares[--pool->n];
	pthread_mutex_unlock(&pool->lock);
	return c;
}

static bool pool_put(struct chunk_pool *pool, struct chunk *c)
{
	bool is_kept;

	pthread_mutex_lock(&pool->lock);
	is_kept = pool->n < CHUNK_SPARES && c->own.cap <= CHUNK_SPARE_BYTES;
	if (is_kept)
		pool->spares[pool->n++] = c;
	pthread_mutex_unlock(&pool->lock);
	return is_kept;
}

struct chunk *chunk_new(struct chunk_pool *pool, uint64_t begin)
{
	struct chunk *c = pool ? pool_take(pool) : NULL;

	if (!c)
		c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	buf_clear(&c->own);
	c->n = c->n_losses = 0;
	c->pool = pool;
	c->begin = c->bound = begin;
	c->wall_offset_ns = 0;
	c->is_report = false;
	atomic_init(&c->refs, 1);
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
	c->sheet = sheet_unref(c->sheet);
	if (c->pool && pool_put(c->pool, c))
		return NULL;
	return chunk_free(c);
}

/* `array` points to a pointer of any type. */
static bool grow_array(void *array, size_t cap, size_t size)
{
	void *grown;

	memcpy(&grown, array, sizeof(grown));
	grown = reallocarray(grown, cap, size);
	if (grown)
		memcpy(array, &grown, sizeof(grown));
	return grown;
}

bool chunk_grow_arrays(struct chunk *c, size_t n)
{
	size_t cap = c->cap ? c->cap : FIRST_RECORDS;

	while (cap - c->n < n)
		cap *= 2;
	if (!grow_array(&c->ends, cap, sizeof(*c->ends)) ||
	    !grow_array(&c->times_ns, cap, sizeof(*c->times_ns)) ||
	    !grow_array(&c->seqs, cap, sizeof(*c->seqs)) ||
	    !grow_array(&c->calls, cap, sizeof(*c->calls)))
		return false;
	c->cap = cap;
	return true;
}

static bool copy(struct chunk *c)
{
	buf_put_str(&c->own, chunk_bytes(c));
	if (buf_failed(&c->own))
		return false;
	c->sheet = sheet_unref(c->sheet);
	return true;
}

bool chunk_show(struct chunk *c, const struct text *text)
{
	if (!c->n) {
		c->sheet = sheet_ref(text->sheet);
		c->from = text->begin;
		return true;
	}
	if (c->sheet == text->sheet && c->from + chunk_size(c) == text->begin)
		return true;
	if (c->sheet && !copy(c))
		return false;
	buf_put(&c->own, text->sheet->bytes.data + text->begin, text->n);
	return !buf_failed(&c->own);
}

/* With what nobody else shows, the memory that chunks take may be an eighth more than they know. */
static bool is_waste(const struct chunk *c)
{
	return chunk_size(c) < SMALL_BYTES || chunk_size(c) < c->sheet->bytes.len / 8 * 7;
}

void chunk_settle(struct chunk *c)
{
	if (c->sheet && is_waste(c) && !copy(c))
		buf_clear(&c->own);
}

bool chunk_grow_losses(struct chunk *c, size_t n)
{
	size_t cap = c->cap_losses ? c->cap_losses : FIRST_LOSSES;

	if (n <= c->cap_losses - c->n_losses)
		return true;
	while (cap - c->n_losses < n)
		cap *= 2;
	if (!grow_array(&c->losses, cap, sizeof(*c->losses)))
		return false;
	c->cap_losses = cap;
	return true;
}

bool chunk_add_loss(struct chunk *c, const struct loss *loss)
{
	if (!chunk_grow_losses(c, 1))
		return false;
	c->losses[c->n_losses++] = (struct chunk_loss){ .at = c->n,
							.exec = loss->exec,
							.exit = loss->exit,
							.fork = loss->fork,
							.other = loss->other,
							.is_counted = loss->is_counted };
	return true;
}

static int compare_at(const void *key, const void *item)
{
	uint64_t at = *(const uint64_t *)key, other = ((const struct chunk_loss *)item)->at;

	return at < other ? -1 : at > other;
}

const struct chunk_loss *chunk_loss(const struct chunk *c, size_t i)
{
	uint64_t at = i;

	return c->n_losses ? bsearch(&at, c->losses, c->n_losses, sizeof(*c->losses), compare_at)
			   : NULL;
}

void chunk_cut(struct chunk *c, size_t n)
{
	c->n = n;
	buf_clear(&c->own); /* of its failure */
	if (!n)
		c->sheet = sheet_unref(c->sheet);
	else if (!c->sheet)
		c->own.len = chunk_size(c);
	while (c->n_losses && c->losses[c->n_losses - 1].at >= n)
		c->n_losses--;
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

uint64_t chunk_seq(const struct chunk *c, size_t n)
{
	while (n < c->n && !c->seqs[n])
		n++;
	return n < c->n ? c->seqs[n] : c->bound;
}

uint64_t chunk_owed_from(const struct chunk *c, size_t n)
{
	uint64_t seq = chunk_seq(c, n);

	return seq < c->bound ? seq : c->bound;
}

int64_t chunk_wall_ns(const struct chunk *c, size_t i)
{
	return (int64_t)c->times_ns[i] + c->wall_offset_ns;
}
