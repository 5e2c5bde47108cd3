/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of records that were encoded once and may be wanted again. Each is known by a stamp, which
 * nothing else has or had, and by the part of the record that it is. The memory is fixed: what is
 * new takes the place of what is oldest, so nobody has to say that a stamp is gone.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

#define FRAGMENTS_BYTES (256 * 1024)
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

/* The piece, until the next is kept; .p is NULL where it is not there. */
struct str fragments_lookup(const struct fragments *f, uint64_t stamp, uint32_t part);
/* Stamp 0 is never kept. */
void fragments_keep(struct fragments *f, uint64_t stamp, uint32_t part, struct str text);
