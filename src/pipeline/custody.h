/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far each flusher has come, where a kill does not reach it: a small file that is mapped, with
 * a slot per flusher. A slot is written by stores to memory alone, which the kernel keeps when the
 * process dies at the next instruction.
 *
 * A mark is a position of the log (`__seq__`): everything before it is dealt with. The record *at*
 * a mark is not: several events may stand at one position (what was lost stands where the next
 * record does, and so do the exits that are inferred there), so that "up to and including" would
 * take those for done that come after the first. Hence a mark is the position of the record that
 * comes next, or, behind the last one of a batch, where the batch ends; never that of a record
 * which was delivered plus one.
 *
 * Each value has its complement beside it. Where they differ, after damage or a kill between the
 * two stores, the value counts as absent: records come twice then, rather than not at all.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "event/event.h"

#define CUSTODY_SLOTS 256

struct custody;
struct custody_slot;

enum custody_mark {
	/* delivered, or counted as lost. The flusher's thread stores it */
	CUSTODY_DELIVERED,
	/* delivered, in the backlog, or counted as lost. The reader's thread stores it */
	CUSTODY_ACCOUNTED,
	/*
	 * behind the record that was begun last and whose end was not taken yet. Beyond
	 * CUSTODY_DELIVERED: a part of it is where the flusher writes. Its thread stores it
	 */
	CUSTODY_BEGUN,
	_CUSTODY_MARK_MAX,
};

/* Why an outlet dropped records: its queue was full, it could not write, its backlog is damaged. */
enum drop { DROP_QUEUE, DROP_WRITE, DROP_BACKLOG, _DROP_MAX };

/*
 * Opens or makes `folder`/custody. One that is damaged, or of another boot, is begun anew; the log
 * says so of the former. 0 or a negative errno.
 */
int custody_open(const char *folder, const uint8_t boot_id[16], struct custody **ret);
/* The file stays. All slots have been released. */
struct custody *custody_close(struct custody *c);
DEFINE_CLEANUP(struct custody *, custody_close)

const uint8_t *custody_boot_id(const struct custody *c); /* 16 bytes */

/*
 * The slot of a flusher, with what it had before or empty. When all are taken, one that nobody has
 * claimed yet since the file was opened is emptied and used. NULL: all are in use, or the name is
 * too long; this is logged once. Reader's thread, like custody_release().
 */
struct custody_slot *custody_claim(struct custody *c, const char *pipeline, const char *flusher);
void custody_release(struct custody *c, struct custody_slot *slot);

/* Moves a mark on; never back. */
void custody_store(struct custody_slot *slot, enum custody_mark mark, uint64_t position);
/* 0: there is none. */
uint64_t custody_load(const struct custody_slot *slot, enum custody_mark mark);

/*
 * What was dropped for a reason and is not reported yet. Not counted when it is read back: it was
 * damaged. The caller has a lock for it.
 */
void custody_store_loss(struct custody_slot *slot, enum drop why, const struct loss *loss);
/* False, and *ret is zeroed: nothing is missing. The reason and until_ns are not kept. */
bool custody_load_loss(const struct custody_slot *slot, enum drop why, struct loss *ret);
