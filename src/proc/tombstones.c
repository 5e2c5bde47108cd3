/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/tombstones.h"

static uint64_t hash_of(const struct tombstone *s)
{
	return hash_mix(s->start_ns ^ (uint64_t)s->pid << 40);
}

static bool eq(const void *item, const void *key)
{
	const struct tombstone *a = item, *b = key;

	return a->pid == b->pid && a->start_ns == b->start_ns;
}

void tombstones_init(struct tombstones *t, size_t max)
{
	*t = (struct tombstones){ .max = max };
	slab_init(&t->slab, sizeof(struct tombstone));
	list_init(&t->order);
}

void tombstones_done(struct tombstones *t)
{
	hash_done(&t->index);
	slab_done(&t->slab);
}

static void forget(struct tombstones *t, struct tombstone *s)
{
	hash_remove(&t->index, hash_of(s), s);
	list_unlink(&s->order);
	slab_free(&t->slab, s);
}

static void forget_above(struct tombstones *t, size_t n)
{
	while (t->index.n > n)
		forget(t, LIST_ENTRY(t->order.next, struct tombstone, order));
}

void tombstones_add(struct tombstones *t, uint32_t pid, uint64_t start_ns, bool is_inferred)
{
	struct tombstone *s = slab_alloc(&t->slab);

	if (!s)
		return;
	*s = (struct tombstone){ .pid = pid, .start_ns = start_ns, .is_inferred = is_inferred };
	if (hash_insert(&t->index, hash_of(s), s) < 0) {
		slab_free(&t->slab, s);
		return;
	}
	list_append(&t->order, &s->order);
	forget_above(t, t->max);
}

static struct tombstone *lookup(const struct tombstones *t, uint32_t pid, uint64_t start_ns)
{
	struct tombstone key = { .pid = pid, .start_ns = start_ns };

	return hash_lookup(&t->index, hash_of(&key), eq, &key);
}

bool tombstones_has(const struct tombstones *t, uint32_t pid, uint64_t start_ns)
{
	return lookup(t, pid, start_ns);
}

bool tombstones_revive(struct tombstones *t, uint32_t pid, uint64_t start_ns)
{
	struct tombstone *s = lookup(t, pid, start_ns);

	if (!s || !s->is_inferred)
		return false;
	forget(t, s);
	return true;
}

void tombstones_set_max(struct tombstones *t, size_t max)
{
	t->max = max;
	forget_above(t, max);
}
