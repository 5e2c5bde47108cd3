/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stretches of the ring in place of which a record stands: the fold needs no more of them. Reader
 * thread. Zero-initialised is empty.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"
#include "base/buf.h"

struct cut {
	uint64_t begin, end; /* in the ring; at records' beginnings */
	size_t frame_end;    /* in the frames; its own begins where that of the cut before ends */
};

struct cuts {
	struct buf frames;
	struct cut *items; /* in the order of the ring, none in another */
	size_t n, cap;
};

void cuts_done(struct cuts *c);
void cuts_clear(struct cuts *c);

/* Copies the record, which says that it stands for end - begin bytes. 0 or -ENOMEM. */
int cuts_add(struct cuts *c, uint64_t begin, uint64_t end, const struct event_transients *record);
