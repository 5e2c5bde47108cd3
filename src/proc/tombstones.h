/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that ended last, so that what else is heard of them is known to come late: the
 * snapshot's view of one that died meanwhile, a second exit record, the twin of an upgrade. Forgets
 * the oldest above its limit. Reader thread only.
 *
 * Every process that ends comes here, and the oldest goes. So they lie in a ring, side by side, and
 * each knows the one before it that has the same hash: who goes is at the end of his chain, and
 * nothing has to be taken out. Mostly who is asked for was born after all of them, and the chains
 * need no look either.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tombstone {
	uint64_t start_ns;
	uint64_t older; /* of the same chain, as in tombstones.chains */
	uint32_t pid;
	bool is_inferred; /* nobody saw the end */
	bool is_revived;  /* not remembered any more */
};

struct tombstones {
	struct tombstone *ring;
	size_t cap;	     /* of the ring: 0 or a power of two */
	uint64_t begin, end; /* counted from the first one ever; modulo cap in the ring */
	uint64_t *chains;    /* cap of them: the newest of each, plus one; not above begin: empty */
	uint64_t newest_ns;  /* no start is later */
	size_t n;	     /* remembered */
	size_t max;
};

void tombstones_init(struct tombstones *t, size_t max);
void tombstones_done(struct tombstones *t);

/* It will be added soon: its place is brought nearer. */
void tombstones_expect(const struct tombstones *t, uint32_t pid, uint64_t start_ns);
/* Best effort: when memory runs out the process is not remembered. It must not be there yet. */
void tombstones_add(struct tombstones *t, uint32_t pid, uint64_t start_ns, bool is_inferred);
bool tombstones_has(const struct tombstones *t, uint32_t pid, uint64_t start_ns);
/* It lives, after all: whether that can be, because its end was inferred; then it is forgotten. */
bool tombstones_revive(struct tombstones *t, uint32_t pid, uint64_t start_ns);
void tombstones_set_max(struct tombstones *t, size_t max);

/* The oldest one behind *at, which is 0 at first; NULL: there is none. */
const struct tombstone *tombstones_next(const struct tombstones *t, uint64_t *at);
