/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers that a runtime has, and what it told of each, up to a limit. A new listing says
 * which have gone meanwhile. One owner at a time.
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "enrich/container_facts.h"

struct container_set {
	struct hash index;
	struct list members;
	size_t max;
	unsigned int listing; /* counts the listings */
};

void container_set_init(struct container_set *s, size_t max);
void container_set_done(struct container_set *s);

/*
 * It is there, and in the present listing; what is told is added to what is known, and is newer.
 * 0, -ENOSPC, -ENOMEM.
 */
int container_set_put(struct container_set *s, const struct container_facts *facts);
/* What is known of it, until the set is changed; NULL: it is not there. */
const struct container_facts *container_set_lookup(const struct container_set *s,
						   const char id[CONTAINER_ID_LEN]);
/* Whether it was there. */
bool container_set_remove(struct container_set *s, const char id[CONTAINER_ID_LEN]);

/* From now on a listing is put in. */
void container_set_begin(struct container_set *s);
/* Takes one out that the listing did not have; false: there is none left. */
bool container_set_take_gone(struct container_set *s, char ret_id[CONTAINER_ID_LEN]);

static inline size_t container_set_n(const struct container_set *s)
{
	return s->index.n;
}
