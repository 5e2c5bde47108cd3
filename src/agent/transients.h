/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records of a stretch of the ring the journal can do without: those of processes that were
 * forked and ended within it, of which the fold has nothing left, and which nothing names that
 * stays. In a storm they are nearly all; a record for each run of them says where the streams
 * stood, and who has ended. Reader thread. Zero-initialised is empty.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "journal/cuts.h"
#include "proc/fold.h"

#define TRANSIENTS_RECENT 64

struct birth;

struct transients {
	struct cuts cuts;
	struct birth *births; /* by the last bits of the pid */
	uint16_t *order;      /* the places of those of this turn, in the order of their births */
	size_t n_births;
	uint32_t turn; /* those of others are old */
	/* Of the run that is open, if it has any steps: */
	uint64_t begin, last; /* positions: of its first record, and of its last */
	uint64_t last_ns;
	struct buf steps;		  /* of struct event_stream_step */
	size_t recent[TRANSIENTS_RECENT]; /* the step of whom it was last, by the CPU's last bits */
	struct buf ended;		  /* of struct event_ended */
	struct buf record;		  /* the one that stands for the run */
	struct event_exit copy;		  /* of the record that lies in two pieces of the stretch */
};

void transients_done(struct transients *t);

/*
 * Looks through the ring's bytes from position `begin` on, all of which were folded; what can be
 * left out of them is in t->cuts then. Nothing where the fold may still need them, or memory ran
 * out.
 */
void transients_find(struct transients *t, const struct fold *f, uint64_t begin,
		     const struct iovec *pieces, size_t n_pieces);
