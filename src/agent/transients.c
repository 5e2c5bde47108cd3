/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/transients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/format.h"

#define BIRTHS 4096 /* a power of two; who shares a place with one that was born before is kept */

/* A process that was forked within the stretch. */
struct birth {
	uint64_t start_ns;
	uint64_t exec_count; /* that it was forked with */
	uint32_t pid;
	uint32_t turn;
	uint16_t by[2]; /* whose child, and whose copy: their places, if they were born here */
	bool has_gone;	/* it ended, and left nothing */
	bool is_named;	/* by what stays */
};
_Static_assert(sizeof(struct birth) == 32, "two of them are a line of the cache");

#define NOWHERE BIRTHS /* in place of a place */

/* Goes through the frames of the stretch. */
struct walk {
	const char *p, *end;	  /* what is left of the piece at hand */
	const struct iovec *next; /* the one behind it */
	size_t n_next;
	uint64_t at;		 /* the position of the next frame */
	struct event_exit *copy; /* of a record that lies in both */
};

/* A frame. */
struct found {
	uint64_t at;
	/* NULL: none of a process. No more of it than a struct event_exit is there. */
	const struct event_head *head;
	bool is_discarded;
};

_Static_assert(sizeof(struct event_exit) <= sizeof(struct event_fork) &&
		       sizeof(struct event_exit) <= sizeof(struct event_exec) &&
		       sizeof(struct event_exit) <= sizeof(struct event_process) &&
		       offsetof(struct event_process, parent) ==
			       offsetof(struct event_exec, parent) &&
		       offsetof(struct event_fork, cred) <= sizeof(struct event_exit),
	       "the walk shows what is judged by");

void transients_done(struct transients *t)
{
	cuts_done(&t->cuts);
	buf_done(&t->steps);
	buf_done(&t->ended);
	buf_done(&t->record);
	free(t->births);
	free(t->order);
	*t = (struct transients){ 0 };
}

static void next_piece(struct walk *w)
{
	w->p = w->end = NULL;
	if (!w->n_next)
		return;
	w->p = w->next->iov_base;
	w->end = w->p + w->next->iov_len;
	w->next++;
	w->n_next--;
}

static struct walk begin_walk(struct transients *t, uint64_t at, const struct iovec *pieces,
			      size_t n_pieces)
{
	struct walk w = { .next = pieces, .n_next = n_pieces, .at = at, .copy = &t->copy };

	next_piece(&w);
	return w;
}

/* The frame ends in the next piece, where the record may begin as well. */
static const void *over_the_end(struct walk *w, size_t size)
{
	size_t first = (size_t)(w->end - w->p) - FRAME_HEADER, n = sizeof(*w->copy);
	size_t behind = size - FRAME_HEADER - first;
	const char *record = w->p + FRAME_HEADER;

	next_piece(w);
	if (first >= n)
		memcpy(w->copy, record, n);
	else {
		memcpy(w->copy, record, first);
		memcpy((char *)w->copy + first, w->p, n - first < behind ? n - first : behind);
	}
	w->p += behind;
	return w->copy;
}

static bool is_of_process(const struct event_head *head)
{
	return head->type == EVENT_FORK || head->type == EVENT_EXEC || head->type == EVENT_EXIT ||
	       head->type == EVENT_PROCESS;
}

static inline bool next(struct walk *w, struct found *ret)
{
	const struct event_head *head;
	uint32_t header, length, size;

	if (w->p == w->end)
		return false;
	memcpy(&header, w->p, sizeof(header));
	length = header & FRAME_LENGTH;
	size = FRAME_HEADER + (length + 7) / 8 * 8;
	ret->at = w->at;
	ret->is_discarded = header & FRAME_DISCARDED;
	w->at += size;
	if (size > (size_t)(w->end - w->p)) {
		head = over_the_end(w, size);
	} else {
		head = (const struct event_head *)(w->p + FRAME_HEADER);
		w->p += size;
	}
	if (ret->is_discarded || length < sizeof(struct event_exit) || !is_of_process(head))
		head = NULL;
	ret->head = head;
	if (w->p == w->end)
		next_piece(w);
	return true;
}

static uint16_t place_of(uint32_t pid)
{
	return pid & (BIRTHS - 1);
}

static uint16_t lookup(const struct transients *t, uint32_t pid, uint64_t start_ns)
{
	uint16_t place = place_of(pid);
	const struct birth *b = &t->births[place];

	return b->turn == t->turn && b->pid == pid && b->start_ns == start_ns ? place : NOWHERE;
}

static struct birth *birth_of(const struct transients *t, const struct event_head *head)
{
	uint16_t place = lookup(t, head->tgid, head->start_ns);

	return place == NOWHERE ? NULL : &t->births[place];
}

static void keep(struct transients *t, uint16_t place)
{
	if (place != NOWHERE)
		t->births[place].is_named = true;
}

static void keep_named(struct transients *t, const struct event_id *id)
{
	keep(t, lookup(t, id->tgid, id->start_ns));
}

static void judge_fork(struct transients *t, const struct event_fork *e)
{
	uint16_t place = place_of(e->head.tgid);
	struct birth *b = &t->births[place];

	/* Such a one stays. */
	if (b->turn == t->turn || e->head.flags & EVENT_F_BY_KTHREAD) {
		keep_named(t, &e->parent);
		keep_named(t, &e->forker);
		return;
	}
	*b = (struct birth){ .start_ns = e->head.start_ns,
			     .exec_count = e->head.exec_count,
			     .pid = e->head.tgid,
			     .turn = t->turn,
			     .by = { lookup(t, e->parent.tgid, e->parent.start_ns),
				     lookup(t, e->forker.tgid, e->forker.start_ns) } };
	t->order[t->n_births++] = place;
}

static void judge_exit(struct transients *t, const struct fold *f, const struct event_exit *e)
{
	struct birth *b = birth_of(t, &e->head);

	if (b)
		b->has_gone = !fold_has_trace(f, e, b->exec_count);
	else
		keep_named(t, &e->parent);
}

/* Of an EXEC, or of a PROCESS, which has the same beginning. */
static void judge_other(struct transients *t, const struct event_exec *e)
{
	if (!birth_of(t, &e->head))
		keep_named(t, &e->parent);
}

static bool is_transient(const struct birth *b)
{
	return b->has_gone && !b->is_named;
}

/*
 * Who of those that were born may be left out; false: nobody. The fold may have gone farther than
 * the stretch: what it has nothing left of may be named by what stays here and comes again from the
 * ring. So whose child stays, stays; a child was born after who it is of.
 */
static bool judge(struct transients *t, const struct fold *f, struct walk walk)
{
	struct found found;
	bool is_any = false;

	while (next(&walk, &found)) {
		if (!found.head)
			continue;
		if (found.head->type == EVENT_FORK)
			judge_fork(t, (const struct event_fork *)found.head);
		else if (found.head->type == EVENT_EXIT)
			judge_exit(t, f, (const struct event_exit *)found.head);
		else
			judge_other(t, (const struct event_exec *)found.head);
	}
	for (size_t i = t->n_births; i > 0; i--) {
		const struct birth *b = &t->births[t->order[i - 1]];

		is_any |= is_transient(b);
		if (!is_transient(b)) {
			keep(t, b->by[0]);
			keep(t, b->by[1]);
		}
	}
	return is_any;
}

static bool may_go(const struct transients *t, const struct event_head *head)
{
	const struct birth *b;

	if (!head || head->type == EVENT_PROCESS)
		return false;
	b = birth_of(t, head);
	return b && is_transient(b);
}

static size_t n_steps(const struct transients *t)
{
	return t->steps.len / sizeof(struct event_stream_step);
}

/* Where the record's stream stands in the run; NULL: memory ran out. */
static struct event_stream_step *step_of(struct transients *t, const struct event_head *head)
{
	const struct event_stream_step begun = { .last = { .generation = head->generation,
							   .cpu = head->cpu } };
	size_t *recent = &t->recent[head->cpu % TRANSIENTS_RECENT];
	struct event_stream_step *steps = (struct event_stream_step *)t->steps.data;

	if (*recent < n_steps(t) && steps[*recent].last.cpu == head->cpu &&
	    steps[*recent].last.generation == head->generation)
		return &steps[*recent];
	*recent = n_steps(t);
	buf_put(&t->steps, &begun, sizeof(begun));
	return buf_failed(&t->steps) ? NULL : (struct event_stream_step *)t->steps.data + *recent;
}

static int take(struct transients *t, const struct found *found)
{
	const struct event_head *head = found->head;
	const struct event_ended ended = { .start_ns = head->start_ns, .tgid = head->tgid };
	bool is_first = !n_steps(t);
	struct event_stream_step *s = step_of(t, head);

	if (!s)
		return -ENOMEM;
	if (is_first)
		t->begin = found->at;
	t->last = found->at;
	/* One that comes again says nothing new. */
	if (head->seq > s->last.seq) {
		s->last = *head;
		s->n++;
	}
	t->last_ns = head->time_ns;
	if (head->type == EVENT_EXIT)
		buf_put(&t->ended, &ended, sizeof(ended));
	return buf_failed(&t->ended) ? -ENOMEM : 0;
}

/* The run ends before this position. */
static int close_run(struct transients *t, uint64_t end)
{
	struct event_transients e = {
		.head = { .layout = EVENT_LAYOUT,
			  .type = EVENT_TRANSIENTS,
			  .cpu = EVENT_CPU_AGENT,
			  .seq = t->last,
			  .time_ns = t->last_ns },
		.bytes = end - t->begin,
		.n_steps = (uint32_t)n_steps(t),
		.n_ended = (uint32_t)(t->ended.len / sizeof(struct event_ended)),
	};
	int r;

	if (!e.n_steps)
		return 0;
	e.head.size = (uint32_t)(sizeof(e) + t->steps.len + t->ended.len);
	buf_clear(&t->record);
	buf_put(&t->record, &e, sizeof(e));
	buf_put_str(&t->record, buf_str(&t->steps));
	buf_put_str(&t->record, buf_str(&t->ended));
	r = buf_failed(&t->record) ? -ENOMEM
				   : cuts_add(&t->cuts, t->begin, end,
					      (const struct event_transients *)t->record.data);
	buf_clear(&t->steps);
	buf_clear(&t->ended);
	return r;
}

/* What was discarded in the ring belongs to the run that it is in. */
static int leave_out(struct transients *t, struct walk walk)
{
	struct found found;
	int r = 0;

	while (r == 0 && next(&walk, &found)) {
		if (may_go(t, found.head))
			r = take(t, &found);
		else if (!found.is_discarded)
			r = close_run(t, found.at);
	}
	return r == 0 ? close_run(t, walk.at) : r;
}

static bool begin(struct transients *t)
{
	cuts_clear(&t->cuts);
	buf_clear(&t->steps);
	buf_clear(&t->ended);
	t->n_births = 0;
	if (!t->births)
		t->births = calloc(BIRTHS, sizeof(*t->births));
	if (!t->order)
		t->order = calloc(BIRTHS, sizeof(*t->order));
	/* After 2^32 turns the first ones would be taken for this one. */
	if (!++t->turn && t->births)
		memset(t->births, 0, BIRTHS * sizeof(*t->births));
	t->turn += !t->turn;
	return t->births && t->order;
}

void transients_find(struct transients *t, const struct fold *f, uint64_t begin_at,
		     const struct iovec *pieces, size_t n_pieces)
{
	const struct walk walk = begin_walk(t, begin_at, pieces, n_pieces);

	if (!begin(t) || !fold_is_steady(f) || !judge(t, f, walk))
		return;
	if (leave_out(t, walk) < 0)
		cuts_clear(&t->cuts);
}
