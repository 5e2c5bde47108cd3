/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list is in the order of listings: whoever is put goes to its end, so who is gone is in front.
 */
#include "enrich/container_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct member {
	struct list link;
	unsigned int listing;
	struct container_facts facts;
};

static struct member *member_free(struct member *m)
{
	if (m)
		container_facts_done(&m->facts);
	free(m);
	return NULL;
}
DEFINE_CLEANUP(struct member *, member_free)

static uint64_t hash_of(const char id[CONTAINER_ID_LEN])
{
	uint64_t words[2];

	memcpy(words, id, sizeof(words));
	return hash_mix(words[0] ^ hash_mix(words[1]));
}

static bool is_member(const void *item, const void *key)
{
	return memcmp(((const struct member *)item)->facts.id, key, CONTAINER_ID_LEN) == 0;
}

void container_set_init(struct container_set *s, size_t max)
{
	*s = (struct container_set){ .max = max };
	list_init(&s->members);
}

static void drop(struct container_set *s, struct member *m)
{
	_cleanup_(member_freep) struct member *gone = m;

	hash_remove(&s->index, hash_of(m->facts.id), m);
	list_unlink(&gone->link);
}

void container_set_done(struct container_set *s)
{
	while (!list_is_empty(&s->members))
		drop(s, LIST_ENTRY(s->members.next, struct member, link));
	hash_done(&s->index);
}

static struct member *lookup(const struct container_set *s, const char id[CONTAINER_ID_LEN])
{
	return hash_lookup(&s->index, hash_of(id), is_member, id);
}

static int add(struct container_set *s, const struct container_facts *facts)
{
	_cleanup_(member_freep) struct member *m = NULL;
	int r;

	if (s->index.n >= s->max)
		return -ENOSPC;
	m = calloc(1, sizeof(*m));
	r = m ? container_facts_dup(facts, &m->facts) : -ENOMEM;
	if (r == 0)
		r = hash_insert(&s->index, hash_of(facts->id), m);
	if (r < 0)
		return r;
	m->listing = s->listing;
	list_append(&s->members, &m->link);
	TAKE_PTR(m);
	return 0;
}

int container_set_put(struct container_set *s, const struct container_facts *facts)
{
	struct member *m = lookup(s, facts->id);
	bool changed;

	if (!m)
		return add(s, facts);
	m->listing = s->listing;
	list_unlink(&m->link);
	list_append(&s->members, &m->link);
	return container_facts_update(&m->facts, facts, &changed);
}

const struct container_facts *container_set_lookup(const struct container_set *s,
						   const char id[CONTAINER_ID_LEN])
{
	const struct member *m = lookup(s, id);

	return m ? &m->facts : NULL;
}

bool container_set_remove(struct container_set *s, const char id[CONTAINER_ID_LEN])
{
	struct member *m = lookup(s, id);

	if (m)
		drop(s, m);
	return m != NULL;
}

void container_set_begin(struct container_set *s)
{
	s->listing++;
}

bool container_set_take_gone(struct container_set *s, char ret_id[CONTAINER_ID_LEN])
{
	struct member *m = LIST_ENTRY(s->members.next, struct member, link);

	if (list_is_empty(&s->members) || m->listing == s->listing)
		return false;
	memcpy(ret_id, m->facts.id, CONTAINER_ID_LEN);
	drop(s, m);
	return true;
}
