/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of kept pieces, and the slots that lead there. For one thread at a time. */
#include "codec/fragments.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define N_SLOTS (2 << FRAGMENTS_SET_BITS)

int fragments_init(struct fragments *f)
{
	f->slots = calloc(N_SLOTS, sizeof(*f->slots));
	f->bytes = malloc(FRAGMENTS_BYTES + BUF_SLACK);
	f->end = FRAGMENTS_BYTES + 1; /* so that what an empty slot has is too old */
	return f->slots && f->bytes ? 0 : -ENOMEM;
}

void fragments_done(struct fragments *f)
{
	free(f->slots);
	free(f->bytes);
	*f = (struct fragments){ 0 };
}

void fragments_clear(struct fragments *f)
{
	memset(f->slots, 0, N_SLOTS * sizeof(*f->slots));
}

/* Room for n bytes in one piece. */
static uint64_t take_room(struct fragments *f, size_t n)
{
	uint64_t left = FRAGMENTS_BYTES - f->end % FRAGMENTS_BYTES;
	uint64_t begin = n <= left ? f->end : f->end + left;

	f->end = begin + n;
	return begin;
}

struct str fragments_renew(struct fragments *f, struct fragment_slot *slot)
{
	const char *from = f->bytes + slot->begin % FRAGMENTS_BYTES;
	char *to;

	slot->begin = take_room(f, slot->n);
	to = f->bytes + slot->begin % FRAGMENTS_BYTES;
	memmove(to, from, slot->n);
	return (struct str){ .p = to, .n = slot->n };
}

void fragments_keep(struct fragments *f, uint64_t stamp, uint32_t part, struct str text)
{
	struct fragment_slot *slot = fragments_slots(f, stamp, part);

	if (!stamp || text.n > FRAGMENT_MAX)
		return;
	slot += slot[1].begin < slot[0].begin; /* the one that was used longest ago goes */
	*slot = (struct fragment_slot){
		.stamp = stamp, .begin = take_room(f, text.n), .part = part, .n = (uint32_t)text.n
	};
	if (text.n)
		memcpy(f->bytes + slot->begin % FRAGMENTS_BYTES, text.p, text.n);
}
