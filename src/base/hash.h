/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index of items that live elsewhere: open addressing, linear probing, no tombstones (a removal
 * shifts back what follows). Keys stay in the items; whoever asks brings the hash and a comparison.
 * Grows by doubling, never shrinks: bound the number of items. Zero-initialised is empty.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_slot {
	uint64_t hash;
	void *item; /* NULL: empty */
};

struct hash {
	struct hash_slot *slots;
	size_t n, cap; /* cap is 0 or a power of two */
};

typedef bool hash_eq_fn(const void *item, const void *key);

void hash_done(struct hash *h); /* the items are not touched */

/* Where an item belongs; it is there or in one of the slots behind. */
static inline size_t hash_home(const struct hash *h, uint64_t hash)
{
	return hash & (h->cap - 1);
}

/* The item, or NULL. Here, so that the comparison becomes part of the loop. */
static inline void *hash_lookup(const struct hash *h, uint64_t hash, hash_eq_fn *eq,
				const void *key)
{
	if (!h->cap)
		return NULL;
	for (size_t i = hash_home(h, hash); h->slots[i].item; i = (i + 1) & (h->cap - 1))
		if (h->slots[i].hash == hash && eq(h->slots[i].item, key))
			return h->slots[i].item;
	return NULL;
}

/* 0 or -ENOMEM. An equal key must not be there. */
int hash_insert(struct hash *h, uint64_t hash, void *item);
/* Takes out exactly this item; nothing where it is not there. */
void hash_remove(struct hash *h, uint64_t hash, const void *item);

static inline size_t hash_bytes(const struct hash *h)
{
	return h->cap * sizeof(*h->slots);
}

/* Spreads the bits of v over the whole word. */
static inline uint64_t hash_mix(uint64_t v)
{
	v ^= v >> 30;
	v *= 0xbf58476d1ce4e5b9u;
	v ^= v >> 27;
	v *= 0x94d049bb133111ebu;
	return v ^ v >> 31;
}
