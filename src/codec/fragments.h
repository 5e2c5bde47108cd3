/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of records that were encoded once and may be wanted again. Each is known by a stamp, which
 * nothing else has or had, and by the part of the record that it is. The memory is fixed: what is
 * new takes the place of what was not asked for longest, so nobody has to say that a stamp is gone.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define FRAGMENTS_BYTES (128 * 1024)
#define FRAGMENTS_SET_BITS 9
#define FRAGMENT_MAX (FRAGMENTS_BYTES / 16) /* a longer one is not kept */

struct fragment_slot {
	uint64_t stamp; /* 0: empty */
	uint64_t begin; /* as fragments.end counts */
	uint32_t part;
	uint32_t n;
};

struct fragments {
	struct fragment_slot *slots; /* each stamp and part may lie in two of them */
	char *bytes;		     /* written round and round */
	uint64_t end;		     /* of all bytes that were ever written */
};

/* 0 or -ENOMEM; fragments_done() in any case. */
int fragments_init(struct fragments *f);
void fragments_done(struct fragments *f);
void fragments_clear(struct fragments *f);

/*
 * The two slots where it may lie. Stamps follow each other: multiplied by the golden ratio they lie
 * evenly apart.
 */
static inline struct fragment_slot *fragments_slots(const struct fragments *f, uint64_t stamp,
						    uint32_t part)
{
	uint64_t hash = (stamp ^ (uint64_t)part << 56) * 0x9e3779b97f4a7c15u;

	return &f->slots[hash >> (64 - FRAGMENTS_SET_BITS) << 1];
}

/* What has come half way towards its end begins anew. */
struct str fragments_renew(struct fragments *f, struct fragment_slot *slot);

/* The piece, until the next call, for buf_put_slack(); .p is NULL where it is not there. */
static inline struct str fragments_lookup(struct fragments *f, uint64_t stamp, uint32_t part)
{
	struct fragment_slot *slot = fragments_slots(f, stamp, part);
	uint64_t age;

	slot += slot->stamp != stamp || slot->part != part;
	age = f->end - slot->begin;
	if (slot->stamp != stamp || slot->part != part || age > FRAGMENTS_BYTES)
		return (struct str){ .p = NULL, .n = 0 };
	if (age > FRAGMENTS_BYTES / 2)
		return fragments_renew(f, slot);
	return (struct str){ .p = f->bytes + slot->begin % FRAGMENTS_BYTES, .n = slot->n };
}

/* Stamp 0 is never kept. */
void fragments_keep(struct fragments *f, uint64_t stamp, uint32_t part, struct str text);
