/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where users of containers were looked up: a mount namespace of a container, which passwd file it
 * was found to have, in which process it was seen, and what was told of it. The number of a mount
 * namespace is given again as soon as one is gone: only with the container it names a place. One
 * owner, no lock. Bounded: PLACES_MAX; the one used longest ago goes first.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/str.h"
#include "enrich/passwd.h"
#include "event/container.h"

#define PLACES_MAX 4096
#define PLACE_TOLD 32 /* users that are watched for another name: what was told last */

struct told_user {
	uint32_t uid;
	uint64_t name; /* a hash of it */
};

struct user_place {
	struct list lru;
	char container[CONTAINER_ID_LEN];
	uint32_t mnt_ns;
	uint32_t pid;			 /* that it was seen in; 0: none */
	bool has_file;			 /* identity is one */
	struct passwd_identity identity; /* of its passwd file, when it was last looked at */
	uint64_t look_ns;		 /* not before then is it looked at again */
	uint32_t early_ms;		 /* between two looks while it has no file yet */
	uint64_t shut_until_ns;		 /* looking has hung: it is not tried until then */
	struct told_user told[PLACE_TOLD];
	size_t n_told; /* so far: they are written round and round */
};

struct user_places {
	struct list lru; /* used longest ago first */
	size_t n;
	uint64_t evicted; /* so far */
};

void user_places_init(struct user_places *p);
void user_places_done(struct user_places *p);

/* NULL where it is not there. */
struct user_place *user_places_lookup(struct user_places *p, const char container[CONTAINER_ID_LEN],
				      uint32_t mnt_ns);
/* It is made where it is not there; NULL when memory ran out. */
struct user_place *user_places_obtain(struct user_places *p, const char container[CONTAINER_ID_LEN],
				      uint32_t mnt_ns);
void user_place_free(struct user_places *p, struct user_place *place); /* NULL is nothing */

/* Notes what is told of a user; false: just that was told last. */
bool user_place_tell(struct user_place *place, uint32_t uid, struct str name);
