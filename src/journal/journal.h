/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the process table is made again from after a crash: the file `journal` in the instance's
 * folder, which lies on a tmpfs. It begins with the table's state; then comes each stretch of the
 * ring that everybody has, as it was in the ring, but for what the table needs no more, with the
 * facts that the agent itself gave (journal/format.h). The last whole batch says how far the stream
 * is in custody, also where the ring's own position was not moved any more.
 *
 * A batch is one write behind what counts, and one word that then says how much counts: a kill at
 * any instruction leaves whole batches. When the file has become large it is written anew beside,
 * from the table's state, and takes the place of the old one, which is kept to be written over the
 * next time. So the two take at most twice what journal_is_full() allows. Nothing is ever
 * synchronised to a disk: what the journal outlives is the process, not the kernel.
 *
 * Where it cannot be written (no room, an error of the disk) the batch does not count, and the
 * journal is *broken*: it takes nothing more, until journal_rewrite() makes a whole one again.
 * Reader thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "abi/event.h"
#include "base/cleanup.h"
#include "journal/cuts.h"
#include "journal/format.h"

struct journal;

/* Which ring of which boot the positions are of. */
struct journal_id {
	uint8_t boot_id[FORMAT_BOOT_ID];
	uint32_t ring_id; /* of the ring's map */
};

enum journal_outcome {
	JOURNAL_NONE,	    /* there is none, or nothing in it can be trusted */
	JOURNAL_OTHER_BOOT, /* its processes are gone; nothing was visited */
	JOURNAL_OTHER_RING, /* visited; its positions mean nothing in this ring */
	JOURNAL_SAME_RING,  /* visited */
};

struct journal_found {
	enum journal_outcome outcome;
	/*
	 * Bytes are wrong or missing, which no kill leaves so: what follows them was not visited.
	 */
	bool is_damaged;
	/*
	 * What the user should know, a sentence that begins with "it" or "its" (static text), or
	 * NULL: there is none, or all is well.
	 */
	const char *why;
	/*
	 * The ring's position behind the last whole batch. Where the ring's own is greater, the
	 * journal was broken: what lies between was delivered, and is not in the table.
	 */
	uint64_t end;
	uint64_t last_ns;   /* CLOCK_BOOTTIME of the newest record that was visited */
	uint64_t n_records; /* that were visited */
	uint64_t size;	    /* bytes of the file up to `end` */
	uint64_t skipped;   /* bytes behind them */
};

/* `seq` is the record's position; a fact has that of the record after it. Negative: stop. */
typedef int journal_visit_fn(void *ctx, const struct event_head *record, uint64_t seq);

/*
 * Visits the records of the journal in `folder`, oldest first. Whatever is wrong with the file is
 * an outcome. Returns 0, or what `visit` said, *ret being as if all had been visited. The records
 * are borrowed for the call.
 */
int journal_recover(const char *folder, const struct journal_id *id, journal_visit_fn *visit,
		    void *ctx, struct journal_found *ret);

/*
 * Goes on behind the last whole batch of a journal that is there, undamaged, and of this ring;
 * otherwise the journal is broken, what is there is not touched, and journal_rewrite() makes it.
 * `folder` is there. `limit` is how large, in bytes, the file may at least become. 0, -ENOMEM, or
 * what open(2) says of the folder.
 */
int journal_open(const char *folder, const struct journal_id *id, uint64_t limit,
		 struct journal **ret);
/* Closes; the file stays. Returns NULL. */
struct journal *journal_free(struct journal *j);
DEFINE_CLEANUP(struct journal *, journal_free)

/* Puts all that the state is made of by journal_put_state(). 0 or a negative errno. */
typedef int journal_state_fn(void *ctx, struct journal *j);

/*
 * Writes a new journal: the state as `write` gives it, which must be that of the stream up to
 * `position`, no further; everything that was noted below it is forgotten. 0, or a negative errno:
 * then the old file goes on, if it was not broken; that is in the log once until it succeeds.
 */
int journal_rewrite(struct journal *j, uint64_t position, journal_state_fn *write, void *ctx);

/* Within journal_state_fn alone; the record is copied. 0, or a negative errno to be returned. */
int journal_put_state(struct journal *j, const struct event_head *record);

/*
 * A fact that the fold took before the record at `before`, a position that the ring handed out
 * (positions do not go back from one call to the next). It is copied, and written with the batch
 * that has that record. What is noted while the journal is broken is forgotten: the state will
 * have it. Beyond 4 MiB it is, too: then it is counted, and journal_is_full().
 */
void journal_note(struct journal *j, const struct event_head *record, uint64_t before);

/*
 * Appends a batch: the ring's bytes from `begin` to `end`, which lie in `pieces`, but for the cuts,
 * with the facts that were noted before a position below `end` in their places, or before the cut
 * that they are in; an empty stretch takes the facts before `end`, too. `cuts` NULL: there are
 * none. Nothing when there is nothing. 0, also when the journal is broken; or the error by which it
 * broke now, which is in the log.
 */
int journal_append(struct journal *j, uint64_t begin, uint64_t end, const struct iovec *pieces,
		   size_t n_pieces, const struct cuts *cuts);

/*
 * True: journal_rewrite() is due. The file is larger than the limit and three times the state that
 * it begins with; or facts were forgotten. After a rewrite that failed: once more in as many bytes.
 */
bool journal_is_full(const struct journal *j);
bool journal_is_broken(const struct journal *j);

struct journal_counters {
	uint64_t size; /* of the file, now */
	uint64_t batches, bytes, rewrites;
	uint64_t failures;  /* writes and rewrites */
	uint64_t forgotten; /* facts for which there was no room */
};

const struct journal_counters *journal_counters(const struct journal *j);

/* Removes whatever there is of a journal in `folder`. 0 (also when nothing was) or an errno. */
int journal_remove(const char *folder);
