/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/tombstones.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define CAP_MIN 64

static uint32_t hash_of(uint32_t pid, uint64_t start_ns)
{
	return (uint32_t)hash_mix(start_ns ^ (uint64_t)pid << 40);
}

static struct tombstone *item_at(const struct tombstones *t, uint64_t at)
{
	return &t->ring[at & (t->cap - 1)];
}

void tombstones_init(struct tombstones *t, size_t max)
{
	*t = (struct tombstones){ .max = max };
}

void tombstones_done(struct tombstones *t)
{
	free(t->ring);
	free(t->slots);
	*t = (struct tombstones){ 0 };
}

static size_t slot_behind(const struct tombstones *t, size_t i)
{
	return (i + 1) & (2 * t->cap - 1);
}

static void index_item(struct tombstones *t, uint64_t at)
{
	const struct tombstone *s = item_at(t, at);
	uint32_t hash = hash_of(s->pid, s->start_ns);
	size_t i = hash & (2 * t->cap - 1);

	while (t->slots[i].at)
		i = slot_behind(t, i);
	t->slots[i] = (struct tombstone_slot){ hash, (uint32_t)(at & (t->cap - 1)) + 1 };
	t->n++;
}

/* Takes a slot out; those behind that may stand there move up. */
static void close_slot(struct tombstones *t, size_t i)
{
	size_t mask = 2 * t->cap - 1;

	for (size_t j = slot_behind(t, i); t->slots[j].at; j = slot_behind(t, j)) {
		if (((j - t->slots[j].hash) & mask) < ((j - i) & mask))
			continue;
		t->slots[i] = t->slots[j];
		i = j;
	}
	t->slots[i].at = 0;
	t->n--;
}

/* The slot, or SIZE_MAX. */
static size_t find(const struct tombstones *t, uint32_t pid, uint64_t start_ns)
{
	uint32_t hash = hash_of(pid, start_ns);

	if (!t->cap)
		return SIZE_MAX;
	for (size_t i = hash & (2 * t->cap - 1); t->slots[i].at; i = slot_behind(t, i)) {
		const struct tombstone *s = &t->ring[t->slots[i].at - 1];

		if (t->slots[i].hash == hash && s->pid == pid && s->start_ns == start_ns)
			return i;
	}
	return SIZE_MAX;
}

/* All that are remembered, in a ring of another size, which has room for them. 0 or -ENOMEM. */
static int resize(struct tombstones *t, size_t cap)
{
	struct tombstones other = { .cap = cap, .max = t->max };
	const struct tombstone *s;
	uint64_t at = 0;

	other.ring = calloc(cap, sizeof(*other.ring));
	other.slots = calloc(2 * cap, sizeof(*other.slots));
	if (!other.ring || !other.slots) {
		tombstones_done(&other);
		return -ENOMEM;
	}
	while ((s = tombstones_next(t, &at))) {
		*item_at(&other, other.end) = *s;
		index_item(&other, other.end++);
	}
	tombstones_done(t);
	*t = other;
	return 0;
}

static void forget_oldest(struct tombstones *t)
{
	const struct tombstone *s = item_at(t, t->begin++);

	if (!s->is_revived)
		close_slot(t, find(t, s->pid, s->start_ns));
}

static void forget_above(struct tombstones *t, size_t n)
{
	while (t->n > n)
		forget_oldest(t);
}

static bool is_full(const struct tombstones *t)
{
	return t->end - t->begin == t->cap;
}

void tombstones_add(struct tombstones *t, uint32_t pid, uint64_t start_ns, bool is_inferred)
{
	if (is_full(t) && resize(t, t->cap ? 2 * t->cap : CAP_MIN) < 0)
		return;
	*item_at(t, t->end) =
		(struct tombstone){ .start_ns = start_ns, .pid = pid, .is_inferred = is_inferred };
	index_item(t, t->end++);
	forget_above(t, t->max);
}

bool tombstones_has(const struct tombstones *t, uint32_t pid, uint64_t start_ns)
{
	return find(t, pid, start_ns) != SIZE_MAX;
}

bool tombstones_revive(struct tombstones *t, uint32_t pid, uint64_t start_ns)
{
	size_t i = find(t, pid, start_ns);
	struct tombstone *s = i == SIZE_MAX ? NULL : &t->ring[t->slots[i].at - 1];

	if (!s || !s->is_inferred)
		return false;
	s->is_revived = true;
	close_slot(t, i);
	return true;
}

void tombstones_set_max(struct tombstones *t, size_t max)
{
	size_t cap = t->cap;

	t->max = max;
	forget_above(t, max);
	while (cap > CAP_MIN && cap / 2 > max)
		cap /= 2;
	if (cap < t->cap)
		(void)resize(t, cap); /* or it stays as large as it is */
}

const struct tombstone *tombstones_next(const struct tombstones *t, uint64_t *at)
{
	uint64_t i = *at < t->begin ? t->begin : *at;

	while (i < t->end && item_at(t, i)->is_revived)
		i++;
	*at = i + 1;
	return i < t->end ? item_at(t, i) : NULL;
}
