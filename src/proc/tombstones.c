/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/tombstones.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define CAP_MIN 64

static uint64_t *chain_of(const struct tombstones *t, uint32_t pid, uint64_t start_ns)
{
	return &t->chains[hash_mix(start_ns ^ (uint64_t)pid << 40) & (t->cap - 1)];
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
	free(t->chains);
	*t = (struct tombstones){ 0 };
}

/* The next one; there is room. */
static void append(struct tombstones *t, const struct tombstone *s)
{
	uint64_t *chain = chain_of(t, s->pid, s->start_ns);
	struct tombstone *to = item_at(t, t->end);

	*to = *s;
	to->older = *chain;
	*chain = ++t->end;
	t->n++;
	if (s->start_ns > t->newest_ns)
		t->newest_ns = s->start_ns;
}

static struct tombstone *lookup(const struct tombstones *t, uint32_t pid, uint64_t start_ns)
{
	struct tombstone *s;

	if (!t->n || start_ns > t->newest_ns)
		return NULL;
	for (uint64_t at = *chain_of(t, pid, start_ns); at > t->begin; at = s->older) {
		s = item_at(t, at - 1);
		if (s->pid == pid && s->start_ns == start_ns && !s->is_revived)
			return s;
	}
	return NULL;
}

/* All that are remembered, in a ring of another size, which has room for them. 0 or -ENOMEM. */
static int resize(struct tombstones *t, size_t cap)
{
	struct tombstones other = { .cap = cap, .max = t->max };
	const struct tombstone *s;
	uint64_t at = 0;

	other.ring = calloc(cap, sizeof(*other.ring));
	other.chains = calloc(cap, sizeof(*other.chains));
	if (!other.ring || !other.chains) {
		tombstones_done(&other);
		return -ENOMEM;
	}
	while ((s = tombstones_next(t, &at)))
		append(&other, s);
	tombstones_done(t);
	*t = other;
	return 0;
}

static void forget_above(struct tombstones *t, size_t n)
{
	while (t->n > n)
		t->n -= !item_at(t, t->begin++)->is_revived;
}

static bool is_full(const struct tombstones *t)
{
	return t->end - t->begin == t->cap;
}

void tombstones_expect(const struct tombstones *t, uint32_t pid, uint64_t start_ns)
{
	if (t->cap)
		__builtin_prefetch(chain_of(t, pid, start_ns), 1);
}

void tombstones_add(struct tombstones *t, uint32_t pid, uint64_t start_ns, bool is_inferred)
{
	if (is_full(t) && resize(t, t->cap ? 2 * t->cap : CAP_MIN) < 0)
		return;
	append(t,
	       &(struct tombstone){ .start_ns = start_ns, .pid = pid, .is_inferred = is_inferred });
	forget_above(t, t->max);
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
	s->is_revived = true;
	t->n--;
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
