/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwd files that were read, by their identity. Bounded by number and by bytes; the one used
 * longest ago goes first. One owner, no lock.
 */
#pragma once

#include "base/list.h"
#include "enrich/passwd.h"

#define PASSWD_CACHE_FILES 256
#define PASSWD_CACHE_BYTES (8 * 1024 * 1024)

struct passwd_cache {
	struct list lru; /* used longest ago first */
	size_t n, bytes;
	uint64_t evicted; /* so far */
};

void passwd_cache_init(struct passwd_cache *c);
void passwd_cache_done(struct passwd_cache *c);

/* Borrowed until the next put; NULL where it is not there. */
const struct passwd *passwd_cache_lookup(struct passwd_cache *c,
					 const struct passwd_identity *identity);
/* Takes it; where an equal one is there, that one goes. 0, or -ENOMEM: then it is freed. */
int passwd_cache_put(struct passwd_cache *c, const struct passwd_identity *identity,
		     struct passwd *passwd);
