/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "proc/streams.h"

#define STREAMS_MAX 16384 /* CPUs that Linux can have, times two generations */
#define GENERATIONS 65536

/* What was lost between two moments of a stream. */
struct loss_step {
	uint32_t exec, exit, fork, other, budget;
	uint64_t unreadable;
};

static bool eq(const void *item, const void *key)
{
	return ((const struct stream *)item)->id == *(const uint32_t *)key;
}

void streams_init(struct streams *s)
{
	*s = (struct streams){ 0 };
	list_init(&s->lru);
}

static struct stream **recent_of(struct streams *s, uint32_t id)
{
	return &s->recent[id % STREAMS_RECENT];
}

static void stream_free(struct streams *s, struct stream *stream)
{
	struct stream **recent = recent_of(s, stream->id);

	if (*recent == stream)
		*recent = NULL;
	hash_remove(&s->index, hash_mix(stream->id), stream);
	list_unlink(&stream->lru);
	free(stream);
}

static void free_all(struct streams *s)
{
	while (!list_is_empty(&s->lru))
		stream_free(s, LIST_ENTRY(s->lru.next, struct stream, lru));
}

void streams_done(struct streams *s)
{
	free_all(s);
	hash_done(&s->index);
}

static int stream_new(struct streams *s, uint32_t id, struct stream **ret)
{
	_cleanup_(freep) struct stream *stream = calloc(1, sizeof(*stream));
	int r;

	if (!stream)
		return -ENOMEM;
	r = hash_insert(&s->index, hash_mix(id), stream);
	if (r < 0)
		return r;
	stream->id = id;
	stream->time_ns = s->ring_begin_ns;
	stream->is_adopted = id >> 16 < s->n_adopted;
	list_append(&s->lru, &stream->lru);
	*ret = TAKE_PTR(stream);
	if (s->index.n > STREAMS_MAX)
		stream_free(s, LIST_ENTRY(s->lru.next, struct stream, lru));
	return 0;
}

static uint32_t stream_id(const struct event_head *head)
{
	return (uint32_t)head->generation << 16 | head->cpu;
}

/* Heard of now. */
static void touch(struct streams *s, struct stream *stream)
{
	if (s->lru.prev == &stream->lru)
		return;
	list_unlink(&stream->lru);
	list_append(&s->lru, &stream->lru);
}

static int obtain(struct streams *s, const struct event_head *head, struct stream **ret)
{
	uint32_t id = stream_id(head);
	struct stream **recent = recent_of(s, id), *stream = *recent;
	int r;

	if (!stream || stream->id != id)
		stream = hash_lookup(&s->index, hash_mix(id), eq, &id);
	if (!stream) {
		r = stream_new(s, id, &stream);
		if (r < 0)
			return r;
	}
	touch(s, stream);
	*recent = stream;
	*ret = stream;
	return 0;
}

static uint16_t cpu_of(const struct stream *stream)
{
	return stream->id & 0xffff;
}

/* Counters wrap at 32 bits; one that seems to run backwards is not believed. */
static uint32_t advance(uint32_t *last, uint32_t now)
{
	uint32_t more = now - *last;

	if (more > INT32_MAX)
		return 0;
	*last = now;
	return more;
}

static void advance_all(struct stream *stream, const struct event_head *head, struct loss_step *ret)
{
	ret->exec = advance(&stream->exec, head->lost_exec);
	ret->exit = advance(&stream->exit, head->lost_exit);
	ret->fork = advance(&stream->fork, head->lost_fork);
	ret->other = advance(&stream->other, head->lost_other);
	ret->budget = advance(&stream->budget, head->lost_budget);
}

static uint32_t head_sum(const struct event_head *head)
{
	return head->lost_exec + head->lost_exit + head->lost_fork + head->lost_other;
}

/*
 * How many numbers are missing up to this record, the last of n, that its counters do not account
 * for.
 */
static uint64_t unreadable(const struct stream *stream, const struct event_head *head, uint64_t n)
{
	uint32_t explained = head_sum(head) - stream->head_sum;
	uint64_t hole;

	if (head->seq <= stream->seq || head->seq - stream->seq < n)
		return 0;
	hole = head->seq - stream->seq - n;
	return hole > explained ? hole - explained : 0;
}

static void widen(struct loss *to, const struct loss *by)
{
	if (by->since_ns < to->since_ns)
		to->since_ns = by->since_ns;
	if (by->until_ns > to->until_ns)
		to->until_ns = by->until_ns;
}

static void gather(struct streams *s, struct untold *to, const struct loss *n)
{
	if (!to->is_some) {
		*to = (struct untold){ .loss = *n, .is_some = true };
		s->n_untold++;
		return;
	}
	to->loss.exec += n->exec;
	to->loss.exit += n->exit;
	to->loss.fork += n->fork;
	to->loss.other += n->other;
	widen(&to->loss, n);
}

static void add(struct streams *s, const struct loss *n)
{
	struct lost *lost = &s->lost[n->reason];

	if (n->is_counted && !n->exec && !n->exit && !n->fork && !n->other)
		return;
	gather(s, &s->untold[n->reason + (n->is_counted ? 0 : _LOSS_MAX)], n);
	lost->exec += n->exec;
	lost->exit += n->exit;
	lost->fork += n->fork;
	lost->other += n->other;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What a control group was over its budget, and what is left for other reasons. */
static void split_budget(const struct loss_step *step, struct loss *budget, struct loss *rest)
{
	budget->exec = least(step->budget, step->exec);
	budget->fork = least(step->budget - (uint32_t)budget->exec, step->fork);
	rest->exec = step->exec - budget->exec;
	rest->fork = step->fork - budget->fork;
	rest->exit = step->exit;
	rest->other = step->other;
}

static void note(struct streams *s, const struct stream *stream, const struct loss_step *step,
		 uint64_t now_ns)
{
	bool is_first = !stream->time_ns || stream->time_ns > now_ns;
	struct loss budget = { .reason = LOSS_BUDGET,
			       .is_counted = true,
			       .since_ns = (int64_t)(is_first ? now_ns : stream->time_ns),
			       .until_ns = (int64_t)now_ns };
	struct loss rest = budget, unread = budget;

	rest.reason = cpu_of(stream) == EVENT_CPU_MISSED ? LOSS_SKIPPED : LOSS_RING_FULL;
	unread.reason = LOSS_UNREADABLE;
	unread.other = step->unreadable;
	split_budget(step, &budget, &rest);
	add(s, &budget);
	add(s, &rest);
	add(s, &unread);
	if (step->exec || step->exit || step->fork || step->unreadable)
		s->has_lost_process = true;
	if (cpu_of(stream) == EVENT_CPU_SNAPSHOT && (step->other || step->unreadable))
		s->has_lost_snapshot = true;
}

static bool is_news(const struct loss_step *step)
{
	return step->exec || step->exit || step->fork || step->other || step->unreadable;
}

/* The counters as they are, taken for what is accounted for. */
static void adopt(struct stream *stream, const struct event_head *head)
{
	stream->exec = head->lost_exec;
	stream->exit = head->lost_exit;
	stream->fork = head->lost_fork;
	stream->other = head->lost_other;
	stream->budget = head->lost_budget;
	stream->is_adopted = false;
}

static void take_number(struct stream *stream, const struct event_head *head)
{
	stream->seq = head->seq;
	stream->head_sum = head_sum(head);
	stream->has_no_number = false;
}

static void reset(struct stream *stream)
{
	static const struct event_head none = { 0 };

	adopt(stream, &none);
	take_number(stream, &none);
}

/* What the map says may be ahead of records that are still to be read: it has no number of them. */
static void account_map(struct streams *s, struct stream *stream, const struct event_head *head)
{
	struct loss_step step = { 0 };

	if (stream->is_adopted) {
		adopt(stream, head);
		stream->has_no_number = true;
		return;
	}
	advance_all(stream, head, &step);
	if (is_news(&step))
		note(s, stream, &step, head->time_ns);
}

/* The last one of n records. */
static void account_records(struct streams *s, struct stream *stream, const struct event_head *head,
			    uint64_t n)
{
	struct loss_step step = { 0 };

	/* The iterator's numbers begin anew with each agent, under whatever generation. */
	if (cpu_of(stream) == EVENT_CPU_SNAPSHOT && head->seq && head->seq <= stream->seq)
		reset(stream);
	if (stream->is_adopted) {
		adopt(stream, head);
		take_number(stream, head);
		return;
	}
	if (!stream->has_no_number)
		step.unreadable = unreadable(stream, head, n);
	advance_all(stream, head, &step);
	if (is_news(&step))
		note(s, stream, &step, head->time_ns);
	if (stream->has_no_number || head->seq > stream->seq)
		take_number(stream, head);
}

/* The next number of a stream that was heard of lately, and nothing lost: so it mostly is. */
static bool is_plain_next(const struct stream *stream, const struct event_head *head)
{
	return stream && stream->id == stream_id(head) && head->seq == stream->seq + 1 &&
	       head->lost_exec == stream->exec && head->lost_exit == stream->exit &&
	       head->lost_fork == stream->fork && head->lost_other == stream->other &&
	       head->lost_budget == stream->budget && !stream->is_adopted &&
	       !stream->has_no_number && head_sum(head) == stream->head_sum;
}

/* The last one of n records. 0 or -ENOMEM. */
static int account(struct streams *s, const struct event_head *head, uint64_t n)
{
	struct stream *stream = NULL;
	int r = obtain(s, head, &stream);

	if (r < 0)
		return r;
	if (head->type == EVENT_STREAM)
		account_map(s, stream, head);
	else
		account_records(s, stream, head, n);
	stream->time_ns = head->time_ns;
	return 0;
}

int streams_account(struct streams *s, const struct event_head *head)
{
	struct stream *stream = *recent_of(s, stream_id(head));

	if (head->cpu == EVENT_CPU_AGENT)
		return 0;
	if (is_plain_next(stream, head) && head->type != EVENT_STREAM) {
		touch(s, stream);
		stream->seq = head->seq;
		stream->time_ns = head->time_ns;
		return 0;
	}
	return account(s, head, 1);
}

int streams_step(struct streams *s, const struct event_stream_step *step)
{
	return account(s, &step->last, step->n);
}

static const enum loss_reason gap_reasons[] = {
	[EVENT_GAP_NOT_RUNNING] = LOSS_NOT_RUNNING,
	[EVENT_GAP_PARTIAL] = LOSS_NOT_RUNNING,
	[EVENT_GAP_UNREADABLE] = LOSS_UNREADABLE,
};

static void adopt_below(struct streams *s, uint32_t n_adopted)
{
	s->n_adopted = n_adopted;
	for (struct list *l = s->lru.next; l != &s->lru; l = l->next) {
		struct stream *stream = LIST_ENTRY(l, struct stream, lru);

		if (stream->id >> 16 < n_adopted)
			stream->is_adopted = true;
	}
}

void streams_gap(struct streams *s, const struct event_gap *gap)
{
	const struct loss loss = { .reason = gap_reasons[gap->reason],
				   .since_ns = (int64_t)gap->since_ns,
				   .until_ns = (int64_t)gap->until_ns };
	uint32_t generation = gap->head.generation;

	add(s, &loss);
	s->has_lost_process = true;
	if (gap->reason == EVENT_GAP_UNREADABLE)
		adopt_below(s, generation ? generation + 1 : GENERATIONS);
}

int streams_restore(struct streams *s, const struct event_stream *e)
{
	struct stream *stream = NULL;
	int r;

	r = obtain(s, &e->head, &stream);
	if (r < 0)
		return r;
	adopt(stream, &e->head);
	take_number(stream, &e->head);
	stream->head_sum -= e->lost_ahead;
	stream->time_ns = e->head.time_ns;
	return 0;
}

void streams_store(const struct stream *stream, struct event_stream *ret)
{
	uint32_t sum = stream->exec + stream->exit + stream->fork + stream->other;

	*ret = (struct event_stream){
		.head = { .generation = (uint16_t)(stream->id >> 16),
			  .cpu = cpu_of(stream),
			  .seq = stream->seq,
			  .time_ns = stream->time_ns,
			  .lost_exec = stream->exec,
			  .lost_exit = stream->exit,
			  .lost_fork = stream->fork,
			  .lost_other = stream->other,
			  .lost_budget = stream->budget },
		.lost_ahead = sum - stream->head_sum,
	};
}

void streams_begin(struct streams *s, uint64_t ring_begin_ns)
{
	free_all(s);
	s->ring_begin_ns = ring_begin_ns;
	s->n_adopted = 0;
}

void streams_begin_pass(struct streams *s)
{
	s->has_lost_process = false;
	s->has_lost_snapshot = false;
}
