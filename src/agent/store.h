/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What survives the agent: the instance's folder on a tmpfs, with the journal (the log since the
 * table was last written down), the marks of what each flusher has in custody, and the backlogs of
 * those that are behind. All on the reader thread, but for the marks.
 *
 * Where the folder cannot be used, the agent goes on without: a warning says what that costs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "journal/journal.h"
#include "pipeline/pipeline.h"
#include "probe/ring.h"
#include "proc/fold.h"

struct store;

/*
 * Makes and locks the folder. 0, -EBUSY when another agent has it (logged, with its pid), -ENOMEM.
 * *ret is NULL, after a warning, where the folder cannot be used.
 */
int store_open(const char *folder, uint64_t journal_bytes, struct store **ret);
/* What is there stays, for the next agent. */
struct store *store_close(struct store *s);
DEFINE_CLEANUP(struct store *, store_close)

/* All of these take NULL for a store that is not there, and do nothing then. */

/* Borrowed from the store; zeros where there is none. */
void store_pipeline_state(const struct store *s, struct pipeline_state *ret);

/*
 * Visits what the journal of the agent before has; see journal_recover(). Logs what came of it.
 */
void store_recover(struct store *s, uint32_t ring_id, journal_visit_fn *visit, void *ctx,
		   struct journal_found *ret);

/*
 * Begins the journal anew: with all that the fold knows, the ring having been folded, and handed
 * over, up to `position`. While events are held, of which a state does not tell, the journal that
 * there is goes on, if it ends there and is whole, and is due to be written anew; where it is not,
 * the caller has had them released. What fails is logged.
 */
void store_begin(struct store *s, uint32_t ring_id, struct fold *fold, uint64_t position);

/* A record of the agent's own, which was folded before the one at `position` of the ring. */
void store_note(struct store *s, const struct event_head *record, uint64_t position);

/*
 * Everything in the ring from where the journal ends up to `end` was folded, and is in the
 * flushers' custody: now it is the journal's, too, but for what nothing is left of
 * (agent/transients.h).
 */
void store_append(struct store *s, const struct ring *ring, uint64_t end, const struct fold *fold);
/* The facts that were noted before `position` alone, if the journal ends there. */
void store_append_facts(struct store *s, uint64_t position);

/* What was appended last is not in the journal: only the fold has it, and dies with it. */
bool store_is_broken(const struct store *s);

/*
 * The journal is due to be written anew: it has become large, or could not be written. Then
 * store_rewrite() as soon as all that was folded is in custody.
 */
bool store_wants_rewrite(const struct store *s);
void store_rewrite(struct store *s, struct fold *fold, uint64_t position);

/* NULL: there is no journal. */
const struct journal_counters *store_counters(const struct store *s);

/*
 * With all pipelines started: logs which backlogs hold records for flushers that are not there any
 * more, and removes those that hold none.
 */
void store_tell_leftovers(const struct store *s);

/*
 * Removes what a dead agent left in the folder, and the folder. 0; -EBUSY, logged: an agent has it;
 * -ENOTEMPTY: *ret_n_backlogs flushers have records that wait, which were left there unless
 * `drop_backlog`; or another negative errno.
 */
int store_remove(const char *folder, bool drop_backlog, size_t *ret_n_backlogs);
