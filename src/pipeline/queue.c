/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three rules keep every record accounted for, whenever a kill comes:
 *  - chunks go into the backlog from the front on, so that the file has the queue's order;
 *  - before anything is dropped, all that came before it goes into the backlog. Then the mark
 *    CUSTODY_ACCOUNTED can move beyond what was dropped, and it is either reported or, where that
 *    mark cannot move, read again: never neither;
 *  - a report of what was dropped goes into the backlog at once. Only then does the slot forget
 *    what it says.
 */
#include "pipeline/queue.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

#define LOG_UNIT "queue"

static struct link *link_free(struct link *link)
{
	if (link)
		chunk_unref(link->chunk);
	free(link);
	return NULL;
}
DEFINE_CLEANUP(struct link *, link_free)

void queue_init(struct queue *q, const char *pipeline, const char *flusher)
{
	*q = (struct queue){ .pipeline = pipeline, .flusher = flusher, .max_bytes = QUEUE_BYTES };
	q->last = &q->first;
}

static bool append(struct queue *q, struct chunk *c, size_t first, uint64_t kept_bytes)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return false;
	link->chunk = chunk_ref(c);
	link->first = first;
	link->kept_bytes = kept_bytes;
	q->bytes += chunk_size(c);
	*q->last = link;
	q->last = &link->next;
	return true;
}

static void remove_first(struct queue *q)
{
	_cleanup_(link_freep) struct link *link = q->first;

	q->first = link->next;
	if (!q->first)
		q->last = &q->first;
	q->bytes -= chunk_size(link->chunk);
}

void queue_pop(struct queue *q)
{
	uint64_t kept_bytes = q->first->kept_bytes;

	remove_first(q);
	if (kept_bytes)
		backlog_forget(q->backlog, kept_bytes);
}

static void say_not_secured(struct queue *q, int r)
{
	if (!TAKE(q->has_secure_failed, true))
		log_warn_errno(r,
			       "%s: %s: cannot write '%s': what waits for the flusher holds the "
			       "ring, which may fill up",
			       q->pipeline, q->flusher, backlog_path(q->backlog));
}

static bool secure_one(struct queue *q, struct link *link)
{
	const struct chunk *c = link->chunk;
	int64_t n = backlog_append(q->backlog, c, link->first);

	if (n < 0) {
		say_not_secured(q, (int)n);
		return false;
	}
	link->kept_bytes = (uint64_t)n;
	q->has_secure_failed = false;
	if (q->slot)
		custody_store(q->slot, CUSTODY_ACCOUNTED, c->bound);
	if (c->is_report)
		shortfall_settle(&q->shortfall, &c->loss);
	return true;
}

/* Whether all that begins before that is in the backlog now. */
static bool secure(struct queue *q, uint64_t before)
{
	for (struct link *link = q->first; link; link = link->next) {
		if (link->kept_bytes)
			continue;
		if (link->chunk->begin >= before)
			return true;
		if (!q->backlog || !secure_one(q, link))
			return false;
	}
	return true;
}

void queue_secure(struct queue *q, uint64_t before)
{
	if (q->backlog)
		(void)secure(q, before);
	else if (!q->has_state)
		q->held_from = before;
}

uint64_t queue_pending(const struct queue *q)
{
	for (const struct link *link = q->first; link; link = link->next)
		if (!link->kept_bytes && link->chunk->begin >= q->held_from)
			return link->chunk->begin;
	return UINT64_MAX;
}

/* The records of a chunk from `first` on will be reported. */
static void drop(struct queue *q, const struct chunk *c, size_t first, bool is_all_secured)
{
	shortfall_add(&q->shortfall, DROP_QUEUE, c, first, c->n, q->last_wall_ns);
	if (c->is_report)
		shortfall_settle(&q->shortfall, &c->loss);
	if (q->slot && is_all_secured)
		custody_store(q->slot, CUSTODY_ACCOUNTED, c->bound);
}

bool queue_has_room_for(const struct queue *q, const struct chunk *c)
{
	return !q->bytes || q->bytes + chunk_size(c) <= q->max_bytes;
}

bool queue_put(struct queue *q, struct chunk *c, size_t first)
{
	if (!queue_has_room_for(q, c) || !append(q, c, first, 0)) {
		drop(q, c, first, secure(q, UINT64_MAX));
		return false;
	}
	q->last_wall_ns = chunk_wall_ns(c, c->n - 1);
	if (c->is_report)
		(void)secure(q, UINT64_MAX);
	return true;
}

/*
 * What the backlog has cannot be read to its end. The entries behind are not in the queue, so none
 * may be forgotten in its order: the queue goes on without the file, which stays for another time.
 */
static void go_without(struct queue *q, int r)
{
	log_warn_errno(r, "%s: %s: cannot read all of '%s', the rest of it is left there",
		       q->pipeline, q->flusher, backlog_path(q->backlog));
	for (struct link *link = q->first; link; link = link->next)
		link->kept_bytes = 0;
	q->backlog = backlog_close(q->backlog);
}

/* The first record of a chunk that was not delivered when the last mark was made. */
static size_t first_undelivered(const struct chunk *c, uint64_t delivered)
{
	size_t i = 0;

	while (i < c->n && c->seqs[i] && c->seqs[i] < delivered)
		i++;
	return i;
}

static int restore_one(struct queue *q, uint64_t delivered, enum backlog_next *ret_next,
		       struct queue_found *found)
{
	_cleanup_(chunk_unrefp) struct chunk *c = NULL;
	int64_t n = backlog_next(q->backlog, &c, ret_next);
	size_t first;

	if (n <= 0)
		return (int)n;
	first = first_undelivered(c, delivered);
	if (!append(q, c, first, (uint64_t)n))
		return -ENOMEM;
	found->n += c->is_report ? 0 : c->n - first;
	if (c->bound > found->skip_before)
		found->skip_before = c->bound;
	return 0;
}

static void restore_backlog(struct queue *q, uint64_t delivered, struct queue_found *found)
{
	enum backlog_next next = BACKLOG_CHUNK;
	int r = 0;

	while (r == 0 && next == BACKLOG_CHUNK)
		r = restore_one(q, delivered, &next, found);
	if (found->n)
		log_info("%s: %s: %zu records that waited in '%s' come first", q->pipeline,
			 q->flusher, found->n, backlog_path(q->backlog));
	if (r == 0 && next == BACKLOG_BAD) {
		log_warn("%s: %s: '%s' is damaged: a part of what waited there is lost",
			 q->pipeline, q->flusher, backlog_path(q->backlog));
		shortfall_add_unreadable(&q->shortfall);
	}
	if (r < 0)
		go_without(q, r);
}

static void open_backlog(struct queue *q, const struct pipeline_state *state)
{
	static const uint8_t no_boot[16] = { 0 };
	const struct backlog_at at = {
		.folder = state->folder,
		.pipeline = q->pipeline,
		.flusher = q->flusher,
		.boot_id = q->custody ? custody_boot_id(q->custody) : no_boot,
	};
	int r = backlog_open(&at, &q->backlog);

	if (r < 0)
		log_warn_errno(r,
			       "%s: %s: cannot keep a backlog in '%s': what waits for the flusher "
			       "holds the ring, which may fill up",
			       q->pipeline, q->flusher, state->folder);
}

/* Where nothing accounts for what the mark covers, the backlog has lost its end. */
static void check_accounts(struct queue *q, struct queue_found *found)
{
	uint64_t accounted = q->slot ? custody_load(q->slot, CUSTODY_ACCOUNTED) : 0;

	if (accounted <= found->skip_before)
		return;
	if (q->shortfall.is_owed[DROP_QUEUE]) {
		found->skip_before = accounted;
		return;
	}
	log_warn("%s: %s: records that waited for the flusher are missing from its backlog",
		 q->pipeline, q->flusher);
	shortfall_add_unreadable(&q->shortfall);
}

void queue_set_state(struct queue *q, const struct pipeline_state *state, struct queue_found *ret)
{
	struct queue_found found = { 0 };

	q->has_state = true;
	q->custody = state->custody;
	q->slot = q->custody ? custody_claim(q->custody, q->pipeline, q->flusher) : NULL;
	shortfall_set_slot(&q->shortfall, q->slot);
	open_backlog(q, state);
	if (q->slot)
		found.skip_before = custody_load(q->slot, CUSTODY_DELIVERED);
	found.is_torn = q->slot && custody_load(q->slot, CUSTODY_BEGUN) > found.skip_before;
	if (q->backlog)
		restore_backlog(q, found.skip_before, &found);
	check_accounts(q, &found);
	*ret = found;
}

void queue_leave(struct queue *q, struct queue_left *ret)
{
	struct queue_left left = { 0 };

	(void)secure(q, UINT64_MAX);
	while (q->first) {
		const struct link *link = q->first;
		size_t n = link->chunk->n - link->first;

		if (!link->chunk->is_report)
			*(link->kept_bytes ? &left.n_waiting : &left.n_lost) += n;
		if (!link->kept_bytes)
			drop(q, link->chunk, link->first, true);
		remove_first(q);
	}
	if (left.n_waiting)
		left.path = strdup(backlog_path(q->backlog));
	q->backlog = backlog_close(q->backlog);
	if (q->custody)
		custody_release(q->custody, TAKE_PTR(q->slot));
	q->shortfall.slot = NULL;
	*ret = left;
}
