/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers that a runtime has, as far as it told: their ids alone, up to a limit. A new
 * listing says which have gone meanwhile. One owner at a time.
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "event/container.h"

struct container_set {
	struct hash index;
	struct list members;
	size_t max;
	unsigned int listing; /* counts the listings */
};

void container_set_init(struct container_set *s, size_t max);
void container_set_done(struct container_set *s);

/* It is there, and in the present listing. 0, -ENOSPC, -ENOMEM. */
int container_set_put(struct container_set *s, const char id[CONTAINER_ID_LEN]);
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
