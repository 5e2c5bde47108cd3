/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/hash.h"

#define CAP_MIN 64
#define HUGE_BYTES (2 * 1024 * 1024) /* a huge page, where pages have 4 KiB */

void hash_done(struct hash *h)
{
	if (hash_bytes(h) < HUGE_BYTES)
		free(h->slots);
	else
		munmap(h->slots, hash_bytes(h));
	*h = (struct hash){ 0 };
}

static void place(struct hash *h, uint64_t hash, void *item)
{
	size_t i = hash_home(h, hash);

	while (h->slots[i].item)
		i = (i + 1) & (h->cap - 1);
	h->slots[i] = (struct hash_slot){ .hash = hash, .item = item };
}

/*
 * Empty ones. A large table is asked for at random places: in small pages most of that is waiting
 * for their addresses. Where the system has no huge pages it is as without.
 */
static struct hash_slot *slots_new(size_t cap)
{
	size_t n = cap * sizeof(struct hash_slot);
	void *slots;

	if (n < HUGE_BYTES)
		return calloc(cap, sizeof(struct hash_slot));
	slots = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slots == MAP_FAILED)
		return NULL;
	(void)madvise(slots, n, MADV_HUGEPAGE);
	return slots;
}

static int grow(struct hash *h)
{
	struct hash bigger = { .n = h->n, .cap = h->cap ? h->cap * 2 : CAP_MIN };

	bigger.slots = slots_new(bigger.cap);
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < h->cap; i++)
		if (h->slots[i].item)
			place(&bigger, h->slots[i].hash, h->slots[i].item);
	hash_done(h);
	*h = bigger;
	return 0;
}

int hash_insert(struct hash *h, uint64_t hash, void *item)
{
	assert(item);
	if (h->n >= h->cap / 5 * 4) {
		int r = grow(h);

		if (r < 0)
			return r;
	}
	place(h, hash, item);
	h->n++;
	return 0;
}

/*
 * Fills the hole at i with the next item that may stand there, and so on, until nothing is out of
 * place.
 */
static void close_hole(struct hash *h, size_t i)
{
	size_t mask = h->cap - 1;

	for (size_t j = (i + 1) & mask; h->slots[j].item; j = (j + 1) & mask) {
		if (((j - hash_home(h, h->slots[j].hash)) & mask) < ((j - i) & mask))
			continue;
		h->slots[i] = h->slots[j];
		i = j;
	}
	h->slots[i].item = NULL;
}

void hash_remove(struct hash *h, uint64_t hash, const void *item)
{
	if (!h->cap)
		return;
	for (size_t i = hash_home(h, hash); h->slots[i].item; i = (i + 1) & (h->cap - 1)) {
		if (h->slots[i].item != item)
			continue;
		close_hole(h, i);
		h->n--;
		return;
	}
}
