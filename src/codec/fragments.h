/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of records that were encoded once and may be wanted again. Each is known by a stamp, which
 * nothing else has or had, and by the part of the record that it is. The memory is fixed: what is
 * new takes the place of what is oldest, so nobody has to say that a stamp is gone.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define FRAGMENTS_BYTES (128 * 1024)
#define FRAGMENTS_SLOT_BITS 10
#define FRAGMENT_MAX (FRAGMENTS_BYTES / 16) /* a longer one is not kept */

struct fragment_slot {
	uint64_t stamp; /* 0: empty */
	uint64_t begin; /* as fragments.end counts */
	uint32_t part;
	uint32_t n;
};

struct fragments {
	struct fragment_slot *slots; /* each stamp and part may lie in one of them only */
	char *bytes;		     /* written round and round */
	uint64_t end;		     /* of all bytes that were ever written */
};

/* 0 or -ENOMEM; fragments_done() in any case. */
int fragments_init(struct fragments *f);
void fragments_done(struct fragments *f);
void fragments_clear(struct fragments *f);

/* Stamps follow each other: multiplied by the golden ratio they lie evenly apart. */
static inline size_t fragments_slot(uint64_t stamp, uint32_t part)
{
	return (stamp ^ (uint64_t)part << 56) * 0x9e3779b97f4a7c15u >> (64 - FRAGMENTS_SLOT_BITS);
}

/* The piece, until the next is kept, for buf_put_slack(); .p is NULL where it is not there. */
static inline struct str fragments_lookup(const struct fragments *f, uint64_t stamp, uint32_t part)
{
	const struct fragment_slot *slot = &f->slots[fragments_slot(stamp, part)];

	if (!stamp || slot->stamp != stamp || slot->part != part ||
	    f->end - slot->begin > FRAGMENTS_BYTES)
		return (struct str){ .p = NULL, .n = 0 };
	return (struct str){ .p = f->bytes + slot->begin % FRAGMENTS_BYTES, .n = slot->n };
}

/* Stamp 0 is never kept. */
void fragments_keep(struct fragments *f, uint64_t stamp, uint32_t part, struct str text);
