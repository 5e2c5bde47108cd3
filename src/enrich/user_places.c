/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/user_places.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void user_places_init(struct user_places *p)
{
	*p = (struct user_places){ 0 };
	list_init(&p->lru);
}

void user_places_done(struct user_places *p)
{
	while (!list_is_empty(&p->lru))
		user_place_free(p, LIST_ENTRY(p->lru.next, struct user_place, lru));
}

/* From the end: mostly it was used lately. */
struct user_place *user_places_lookup(struct user_places *p, const char container[CONTAINER_ID_LEN],
				      uint32_t mnt_ns)
{
	for (struct list *l = p->lru.prev; l != &p->lru; l = l->prev) {
		struct user_place *place = LIST_ENTRY(l, struct user_place, lru);

		if (place->mnt_ns == mnt_ns &&
		    memcmp(place->container, container, CONTAINER_ID_LEN) == 0)
			return place;
	}
	return NULL;
}

struct user_place *user_places_obtain(struct user_places *p, const char container[CONTAINER_ID_LEN],
				      uint32_t mnt_ns)
{
	struct user_place *place = user_places_lookup(p, container, mnt_ns);

	if (place) {
		list_unlink(&place->lru);
		list_append(&p->lru, &place->lru);
		return place;
	}
	place = malloc(sizeof(*place));
	if (!place)
		return NULL;
	*place = (struct user_place){ .mnt_ns = mnt_ns };
	memcpy(place->container, container, CONTAINER_ID_LEN);
	list_append(&p->lru, &place->lru);
	if (++p->n > PLACES_MAX) {
		user_place_free(p, LIST_ENTRY(p->lru.next, struct user_place, lru));
		p->evicted++;
	}
	return place;
}

void user_place_free(struct user_places *p, struct user_place *place)
{
	if (!place)
		return;
	list_unlink(&place->lru);
	p->n--;
	free(place);
}

static uint64_t name_hash(struct str name)
{
	uint64_t hash = name.n;

	for (size_t i = 0; i < name.n; i++)
		hash = hash_mix(hash ^ (unsigned char)name.p[i]);
	return hash;
}

bool user_place_tell(struct user_place *place, uint32_t uid, struct str name)
{
	size_t n = place->n_told < PLACE_TOLD ? place->n_told : PLACE_TOLD;
	uint64_t hash = name_hash(name);

	for (size_t i = 0; i < n; i++)
		if (place->told[i].uid == uid) {
			bool is_news = place->told[i].name != hash;

			place->told[i].name = hash;
			return is_news;
		}
	place->told[place->n_told++ % PLACE_TOLD] = (struct told_user){ .uid = uid, .name = hash };
	return true;
}
