/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's facts that are not in the journal yet, as frames, in order, each with the place in
 * the ring that it belongs before. Bounded: what is beyond NOTES_MAX bytes is refused. Reader
 * thread. Zero-initialised is empty.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"
#include "base/buf.h"

#define NOTES_MAX ((size_t)4 * 1024 * 1024)

/* Frames that belong before the same place. */
struct note {
	uint64_t before;
	size_t end; /* behind them in the bytes; they begin where those of the note before end */
};

struct notes {
	struct buf frames;
	struct note *items;
	size_t n, cap;
};

void notes_done(struct notes *n);

/*
 * Copies a fact. A place before that of the note before it counts as that one's. 0, -ENOBUFS, or
 * -ENOMEM.
 */
int notes_add(struct notes *n, const struct event_head *record, uint64_t before);

/* Forgets the first `count`. */
void notes_drop(struct notes *n, size_t count);
