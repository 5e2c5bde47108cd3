/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slot's sums are those here plus those of all reports on their way. A report that is dropped
 * itself goes back to what it was about, so that nothing is counted twice.
 */
#include "pipeline/shortfall.h"

static const enum loss_reason reasons[_DROP_MAX] = {
	[DROP_QUEUE] = LOSS_QUEUE,
	[DROP_WRITE] = LOSS_WRITE,
	[DROP_BACKLOG] = LOSS_UNREADABLE,
};

static enum drop drop_of(const struct loss *report)
{
	unsigned int why = 0;

	while (why + 1 < _DROP_MAX && reasons[why] != report->reason)
		why++;
	return why;
}

void shortfall_set_slot(struct shortfall *s, struct custody_slot *slot)
{
	s->slot = slot;
	for (unsigned int why = 0; slot && why < _DROP_MAX; why++) {
		s->is_owed[why] = custody_load_loss(slot, why, &s->sums[why]);
		s->sums[why].reason = reasons[why];
	}
}

static void sum_up(struct loss *to, const struct loss *more)
{
	to->exec += more->exec;
	to->exit += more->exit;
	to->fork += more->fork;
	to->other += more->other;
	to->is_counted &= more->is_counted;
	if (!to->since_ns || (more->since_ns && more->since_ns < to->since_ns))
		to->since_ns = more->since_ns;
}

static void add_to_slot(struct shortfall *s, enum drop why, const struct loss *more)
{
	struct loss kept;

	if (!s->slot)
		return;
	if (!custody_load_loss(s->slot, why, &kept))
		kept.is_counted = true;
	sum_up(&kept, more);
	custody_store_loss(s->slot, why, &kept);
}

static void owe(struct shortfall *s, enum drop why, const struct loss *more)
{
	if (!s->is_owed[why])
		s->sums[why] = (struct loss){ .reason = reasons[why], .is_counted = true };
	s->is_owed[why] = true;
	sum_up(&s->sums[why], more);
}

/* A lost record that is lost was about others; where it had no numbers it is one itself. */
static void count_record(struct loss *loss, const struct chunk *c, size_t i)
{
	const struct chunk_loss *lost = chunk_loss(c, i);
	enum call call = c->calls[i];

	if (lost && lost->is_counted) {
		loss->exec += lost->exec;
		loss->exit += lost->exit;
		loss->fork += lost->fork;
		loss->other += lost->other;
	} else if (call == CALL_EXECVE)
		loss->exec++;
	else if (call == CALL_EXIT)
		loss->exit++;
	else if (call == CALL_CLONE)
		loss->fork++;
	else
		loss->other++;
}

void shortfall_add(struct shortfall *s, enum drop why, const struct chunk *c, size_t first,
		   size_t end, int64_t since_ns)
{
	struct loss more = { .is_counted = true, .since_ns = since_ns };

	if (first >= end)
		return;
	if (!since_ns)
		more.since_ns = chunk_wall_ns(c, first);
	for (size_t i = first; i < end; i++)
		count_record(&more, c, i);
	if (c->is_report) {
		more = c->loss;
		why = drop_of(&c->loss);
	}
	owe(s, why, &more);
	add_to_slot(s, why, &more);
}

void shortfall_add_unreadable(struct shortfall *s)
{
	const struct loss more = { .is_counted = false };

	owe(s, DROP_BACKLOG, &more);
	add_to_slot(s, DROP_BACKLOG, &more);
}

bool shortfall_any(const struct shortfall *s)
{
	for (unsigned int why = 0; why < _DROP_MAX; why++)
		if (s->is_owed[why])
			return true;
	return false;
}

bool shortfall_take(struct shortfall *s, int64_t until_ns, struct loss *ret)
{
	for (unsigned int why = 0; why < _DROP_MAX; why++) {
		if (!TAKE(s->is_owed[why], false))
			continue;
		*ret = s->sums[why];
		ret->until_ns = until_ns;
		return true;
	}
	return false;
}

void shortfall_put_back(struct shortfall *s, const struct loss *report)
{
	owe(s, drop_of(report), report);
}

void shortfall_settle(struct shortfall *s, const struct loss *report)
{
	enum drop why = drop_of(report);
	struct loss kept;

	if (!s->slot || !custody_load_loss(s->slot, why, &kept))
		return;
	kept.exec -= report->exec < kept.exec ? report->exec : kept.exec;
	kept.exit -= report->exit < kept.exit ? report->exit : kept.exit;
	kept.fork -= report->fork < kept.fork ? report->fork : kept.fork;
	kept.other -= report->other < kept.other ? report->other : kept.other;
	kept.is_counted = true;
	custody_store_loss(s->slot, why, &kept);
}
