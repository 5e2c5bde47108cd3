/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/cred.h"

#include <string.h>

#include "event/image.h"

struct cred {
	struct event_cred facts; /* first: what images point to */
	uint32_t refs;
};

static uint64_t cred_hash(const struct event_cred *cred)
{
	uint64_t hash = hash_mix(cred->permitted + cred->euid + ((uint64_t)cred->euid_shift << 32));

	hash = hash_mix(hash ^ cred->effective);
	return hash_mix(hash ^ cred->inheritable);
}

static bool cred_eq(const void *item, const void *key)
{
	const struct event_cred *a = &((const struct cred *)item)->facts, *b = key;

	return a->euid == b->euid && a->euid_shift == b->euid_shift &&
	       a->permitted == b->permitted && a->effective == b->effective &&
	       a->inheritable == b->inheritable;
}

void cred_table_init(struct cred_table *t, struct slab_spare *spare)
{
	*t = (struct cred_table){ 0 };
	slab_init(&t->slab, sizeof(struct cred), spare);
}

void cred_table_done(struct cred_table *t)
{
	hash_done(&t->index);
	slab_done(&t->slab);
	t->last = NULL;
}

static struct cred *cred_add(struct cred_table *t, const struct event_cred *facts)
{
	struct cred *cred = slab_alloc(&t->slab);

	if (!cred)
		return NULL;
	*cred = (struct cred){ .facts = *facts };
	if (hash_insert(&t->index, cred_hash(facts), cred) < 0) {
		slab_free(&t->slab, cred);
		return NULL;
	}
	return cred;
}

const struct event_cred *cred_get(struct cred_table *t, const struct event_cred *facts)
{
	struct cred *cred = t->last;

	if (!cred || !cred_eq(cred, facts))
		cred = hash_lookup(&t->index, cred_hash(facts), cred_eq, facts);
	if (!cred)
		cred = cred_add(t, facts);
	if (!cred)
		return NULL;
	cred->refs++;
	t->last = cred;
	return &cred->facts;
}

void cred_unref(struct cred_table *t, const struct event_cred *facts)
{
	struct cred *cred = (struct cred *)facts;

	if (facts == &cred_unknown || --cred->refs)
		return;
	if (t->last == cred)
		t->last = NULL;
	hash_remove(&t->index, cred_hash(facts), cred);
	slab_free(&t->slab, cred);
}

size_t cred_table_bytes(const struct cred_table *t)
{
	return t->slab.n * t->slab.size + hash_bytes(&t->index);
}
