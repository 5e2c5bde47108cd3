/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/slab.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/*
 * At the start of its memory, which is aligned to its size: an object finds its chunk by its
 * address.
 */
struct chunk {
	struct list link;
	void *free;	 /* list through the first word of free objects */
	uint32_t n;	 /* objects handed out */
	uint32_t n_made; /* objects that were ever handed out: the rest was never touched */
};

#define CHUNK_HEAD ((sizeof(struct chunk) + 15) / 16 * 16)

void slab_init(struct slab *s, size_t size, struct slab_spare *spare)
{
	assert(size && size <= SLAB_CHUNK / 8);
	*s = (struct slab){ .size = (size + 15) / 16 * 16, .spare = spare };
	s->per_chunk = (uint32_t)((SLAB_CHUNK - CHUNK_HEAD) / s->size);
	list_init(&s->open);
	list_init(&s->full);
}

static void chunk_free(struct slab *s, struct chunk *c)
{
	list_unlink(&c->link);
	s->n_chunks--;
	s->spare->n -= !c->n;
	ASAN_UNPOISON_MEMORY_REGION((char *)c, SLAB_CHUNK);
	munmap(c, SLAB_CHUNK);
}

void slab_done(struct slab *s)
{
	while (!list_is_empty(&s->open))
		chunk_free(s, LIST_ENTRY(s->open.next, struct chunk, link));
	while (!list_is_empty(&s->full))
		chunk_free(s, LIST_ENTRY(s->full.next, struct chunk, link));
	s->n = 0;
}

/* Of twice the size, the part that is aligned to it; NULL when memory ran out. */
static void *map_aligned(void)
{
	char *m = mmap(NULL, 2 * (size_t)SLAB_CHUNK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t lead;

	if (m == MAP_FAILED)
		return NULL;
	lead = -(uintptr_t)m & (SLAB_CHUNK - 1);
	if (lead)
		munmap(m, lead);
	munmap(m + lead + SLAB_CHUNK, SLAB_CHUNK - lead);
	return m + lead;
}

static struct chunk *chunk_new(struct slab *s)
{
	struct chunk *c = map_aligned();

	if (!c)
		return NULL;
	*c = (struct chunk){ 0 };
	ASAN_POISON_MEMORY_REGION((char *)c + CHUNK_HEAD, SLAB_CHUNK - CHUNK_HEAD);
	list_append(&s->open, &c->link);
	s->n_chunks++;
	s->spare->n++;
	return c;
}

static void *chunk_take(const struct slab *s, struct chunk *c)
{
	void *object = c->free;

	if (!object)
		object = (char *)c + CHUNK_HEAD + s->size * c->n_made++;
	ASAN_UNPOISON_MEMORY_REGION(object, s->size);
	if (object == c->free) {
		c->free = *(void **)object;
		/* Whoever asks next does not wait for it: it may be long since it was used. */
		__builtin_prefetch(c->free, 1);
	}
	c->n++;
	return object;
}

void *slab_alloc(struct slab *s)
{
	struct chunk *c = list_is_empty(&s->open) ? chunk_new(s)
						  : LIST_ENTRY(s->open.next, struct chunk, link);
	void *object;

	if (!c)
		return NULL;
	s->spare->n -= !c->n;
	object = chunk_take(s, c);
	s->n++;
	if (c->n == s->per_chunk) {
		list_unlink(&c->link);
		list_append(&s->full, &c->link);
	}
	return object;
}

void slab_free(struct slab *s, void *object)
{
	struct chunk *c;

	if (!object)
		return;
	c = (struct chunk *)((uintptr_t)object & ~(uintptr_t)(SLAB_CHUNK - 1));
	if (c->n == s->per_chunk) {
		list_unlink(&c->link);
		list_append(&s->open, &c->link);
	}
	*(void **)object = c->free;
	c->free = object;
	ASAN_POISON_MEMORY_REGION(object, s->size);
	c->n--;
	s->n--;
	if (c->n)
		return;
	s->spare->n++;
	if (s->spare->n > SLAB_SPARE && s->open.next != s->open.prev)
		chunk_free(s, c);
}
