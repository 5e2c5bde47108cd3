/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start always loads its own programs. Where those of another agent are attached they go on until
 * ours are, beside them and into the same ring; each event is recorded by one of them. So a
 * start after a crash and an upgrade are the same thing.
 */
#include "agent/beginning.h"

#include <errno.h>

#include "agent/snapshot.h"
#include "base/log.h"

#define LOG_UNIT "beginning"

static int visit(void *ctx, const struct event_head *record, uint64_t seq)
{
	return reader_recover(ctx, record, seq);
}

/*
 * The journal lacks what came last: it could not be written any more, or was cut. What it says of
 * the table is old, and is repaired; of the ring it says nothing.
 */
static void forget_end(struct journal_found *found)
{
	log_warn(
		"the journal ends before what was delivered: what it does not tell comes from the task "
		"iterator; of processes that have ended since, nothing is known");
	found->outcome = JOURNAL_NONE;
}

/* The table, as it was up to the end of the journal; and the ring, from there on. */
static void recover(struct reader *r, struct journal_found *ret)
{
	struct ring *ring = probe_ring(r->probe);

	store_recover(r->store, probe_ring_id(r->probe), visit, r, ret);
	if (ret->outcome == JOURNAL_NONE && !ret->why && probe_is_adopted(r->probe))
		log_warn(
			"there is no journal of the agent before: what it knew comes from the task iterator; "
			"of processes that have ended since, nothing is known");
	if (ret->outcome == JOURNAL_SAME_RING && ret->end < ring_position(ring))
		forget_end(ret);
	if (ret->outcome == JOURNAL_SAME_RING && ring_seek(ring, ret->end) < 0)
		log_warn("the journal ends where the ring does not: some records come again");
	if (ret->outcome != JOURNAL_SAME_RING)
		fold_forget_seq(r->fold, ring_position(ring));
	reader_go_on(r, ret->outcome == JOURNAL_SAME_RING && ret->end == ring_position(ring));
}

static int fold_gap(struct reader *r, enum event_gap_reason reason, uint16_t generation,
		    uint64_t since_ns)
{
	_Alignas(8) char record[sizeof(struct event_gap)];
	size_t n = facts_gap(r->facts, reason, generation, since_ns, record, sizeof(record));

	return reader_fold(r, record, n);
}

/* What may be missing between the agent before and us, and nobody has counted. */
static int fold_gaps(struct reader *r, const struct journal_found *found)
{
	bool is_known = found->outcome == JOURNAL_SAME_RING;
	struct probe *p = r->probe;

	if (found->outcome == JOURNAL_OTHER_RING)
		return fold_gap(r, EVENT_GAP_NOT_RUNNING, 0, found->last_ns);
	if (!probe_is_adopted(p))
		return 0;
	/* What the programs before have lost was told, or not: their counters alone do not say. */
	if (!is_known)
		return fold_gap(r, EVENT_GAP_UNREADABLE, probe_found_generation(p),
				ring_base(probe_ring(p)));
	return probe_was_complete(p) ? 0 : fold_gap(r, EVENT_GAP_PARTIAL, 0, found->last_ns);
}

/* The facts that every log begins with. */
static int fold_facts(struct reader *r, const struct journal_found *found)
{
	_Alignas(8) char record[1024];
	size_t n = facts_node(r->facts, record, sizeof(record));
	int ret = reader_fold(r, record, n);

	n = facts_clock(r->facts, record, sizeof(record));
	if (ret == 0)
		ret = reader_fold(r, record, n);
	if (ret == 0 && found->outcome != JOURNAL_SAME_RING)
		ret = reader_mark(r, EVENT_MARK_RING_BEGIN);
	return ret == 0 ? fold_gaps(r, found) : ret;
}

static int drain(struct reader *r)
{
	int64_t n;

	do {
		n = reader_drain(r);
	} while (n > 0);
	return (int)n;
}

/* A new journal begins with a state, which has no events that are held: they go out before. */
static int release(struct reader *r, struct enrichment *e)
{
	int ret = fold_holds(r->fold) ? enrichment_release(e, r) : 0;

	return ret == 0 ? reader_deliver(r) : ret;
}

/* What waits in the ring, and in the next one where its size was changed. */
static int drain_rings(struct reader *r, struct enrichment *e)
{
	int ret = drain(r);

	while (ret == 0) {
		ret = probe_has_next_ring(r->probe) ? release(r, e) : 0;
		if (ret < 0)
			return ret;
		if (!reader_secure(r))
			log_warn("a flusher is behind, and its backlog cannot be written");
		ret = probe_next_ring(r->probe);
		if (ret <= 0)
			return ret;
		reader_go_on(r, false);
		store_begin(r->store, probe_ring_id(r->probe), r->fold, r->begin);
		ret = drain(r);
	}
	return ret;
}

static int adopt(struct reader *r, struct enrichment *e, const struct journal_found *found)
{
	int ret;

	log_info("taking over from an agent before: what happened since comes first");
	ret = probe_attach(r->probe);
	if (ret < 0)
		return ret;
	ret = drain_rings(r, e);
	if (ret < 0)
		return log_err_errno(ret, "cannot read what has waited in the ring");
	if (found->outcome == JOURNAL_NONE || snapshot_sees_all())
		return snapshot_again(r);
	probe_snapshot_unload(r->probe);
	return 0;
}

/* Whether the journal says all that the fold knows, and may go on: see store_begin(). */
static bool is_journal_whole(const struct reader *r, const struct journal_found *found)
{
	return found->outcome == JOURNAL_SAME_RING && !found->is_damaged &&
	       (!probe_is_adopted(r->probe) || probe_was_complete(r->probe));
}

int beginning_run(struct reader *r, struct enrichment *e)
{
	struct journal_found found;
	int ret;

	recover(r, &found);
	ret = fold_facts(r, &found);
	if (ret == 0)
		ret = is_journal_whole(r, &found) ? reader_deliver(r) : release(r, e);
	if (ret < 0)
		return log_err_errno(ret, "cannot begin the log");
	(void)reader_secure(r); /* what the journal will not say again is told by now */
	store_begin(r->store, probe_ring_id(r->probe), r->fold, r->begin);
	ret = probe_is_adopted(r->probe) ? adopt(r, e, &found) : snapshot_first(r);
	if (ret < 0)
		return ret;
	reader_leave(r);
	return 0;
}
