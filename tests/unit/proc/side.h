/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs by chance, and two folds that are to say the same: for tests of what a fold is made again
 * from.
 */
#pragma once

#include "history.h"
#include "proc/state.h"

#define RECORDS_MAX 65536

/* Records one after another, each padded to 8 bytes. */
struct records {
	struct buf bytes;
	size_t offsets[RECORDS_MAX];
	size_t n;
};

static inline int keep(void *ctx, const struct event_head *record)
{
	struct records *to = ctx;

	assert_true(to->n < RECORDS_MAX);
	assert_int_equal(record_check(record, record->size), 0);
	to->offsets[to->n++] = to->bytes.len;
	buf_put(&to->bytes, record, record->size);
	while (to->bytes.len % 8)
		buf_put_char(&to->bytes, '\0');
	assert_false(buf_failed(&to->bytes));
	return 0;
}

static inline const struct event_head *nth(const struct records *r, size_t i)
{
	return (const struct event_head *)(r->bytes.data + r->offsets[i]);
}

static inline struct records *records_new(void)
{
	struct records *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	return r;
}

static inline void records_free(struct records *r)
{
	buf_done(&r->bytes);
	free(r);
}

static inline struct records *state_of(struct fold *f)
{
	struct records *r = records_new();

	assert_int_equal(fold_state(f, keep, r), 0);
	return r;
}

static inline int compare(const void *a, const void *b)
{
	const struct event_head *x = *(const struct event_head *const *)a;
	const struct event_head *y = *(const struct event_head *const *)b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return memcmp(x, y, x->size);
}

static inline const struct event_head **sorted(const struct records *r)
{
	const struct event_head **all = calloc(r->n + 1, sizeof(struct event_head *));

	assert_non_null(all);
	for (size_t i = 0; i < r->n; i++)
		all[i] = nth(r, i);
	qsort(all, r->n, sizeof(struct event_head *), compare);
	return all;
}

/* The same records; stubs have no order. */
static inline void assert_same_state(struct fold *f, struct fold *g)
{
	struct records *a = state_of(f), *b = state_of(g);
	const struct event_head **x = sorted(a), **y = sorted(b);

	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_int_equal(compare(&x[i], &y[i]), 0);
	free(x);
	free(y);
	records_free(a);
	records_free(b);
}

/* A fold and a batch, and the text of all events so far. */
struct side {
	struct fold *fold;
	struct batch batch;
	struct buf text;
};

static inline void side_init(struct side *s, const struct proc_limits *limits)
{
	static const char *const environment[] = { "PATH", NULL };

	*s = (struct side){ 0 };
	assert_int_equal(fold_new(limits, NULL, &s->fold), 0);
	fold_set_environment(s->fold, environment);
	batch_init(&s->batch, fold_release, s->fold);
}

static inline void side_settle(struct side *s)
{
	for (size_t i = 0; i < s->batch.n; i++)
		history_show(&s->batch.events[i], &s->text);
	batch_reset(&s->batch);
	fold_trim(s->fold);
}

static inline void side_done(struct side *s)
{
	side_settle(s);
	batch_done(&s->batch);
	s->fold = fold_free(s->fold);
	buf_done(&s->text);
}

static inline void assert_same_counts(struct fold *f, struct fold *g)
{
	struct proc_counters a, b;

	fold_counters(f, &a);
	fold_counters(g, &b);
	assert_int_equal(a.processes, b.processes);
	assert_int_equal(a.images, b.images);
	assert_int_equal(fold_wants_pass(f), fold_wants_pass(g));
}

static inline void assert_same(struct side *a, struct side *b)
{
	assert_int_equal(a->text.len, b->text.len);
	if (a->text.len)
		assert_memory_equal(a->text.data, b->text.data, a->text.len);
	assert_same_state(a->fold, b->fold);
	assert_same_counts(a->fold, b->fold);
}

static inline void put(struct records *to, void *record)
{
	if (record)
		keep(to, record);
	free(record);
}

static inline void put_facts(struct records *to, struct history *h)
{
	static const char *const paths[] = {
		"/docker/5555555555555555555555555555555555555555555555555555555555555555",
		"/user.slice", "/"
	};
	static const char *const names[] = { "root", "daemon", "" };

	put(to, record_user(history_random(h, 4), names[history_random(h, 3)]));
	put(to, record_cgroup(2, 7 + history_random(h, 4), paths[history_random(h, 3)]));
	put(to, record_container("05a"[history_random(h, 3)], names[history_random(h, 3)],
				 history_random(h, 2) ? EVENT_CONTAINER_COMPLETE : 0));
	if (!history_random(h, 5))
		put(to, record_clock((int64_t)history_random(h, 1000)));
}

static inline void put_pass(struct records *to, struct history *h)
{
	put(to, record_mark(EVENT_MARK_PASS_BEGIN));
	for (size_t i = 0; i < HISTORY_PROCESSES; i++) {
		struct event_process *e;

		if (!h->actors[i].is_alive)
			continue;
		e = history_visit(h, &h->actors[i]);
		e->live = history_random(h, 10) > 0;
		put(to, e);
		put(to, history_next(h));
	}
	if (history_random(h, 4))
		put(to, record_mark(EVENT_MARK_PASS_END));
}

/* A record that was there already. */
static inline void put_twin(struct records *to, struct history *h)
{
	const struct event_head *old = nth(to, to->n - 1 - history_random(h, (uint32_t)to->n));
	struct event_head *copy = malloc(old->size);

	assert_non_null(copy);
	memcpy(copy, old, old->size);
	copy->seq = 0; /* of another generation of programs; its numbers do not matter here */
	if (copy->type == EVENT_MARK) {
		free(copy);
		return;
	}
	put(to, copy);
}

static inline struct records *random_log(uint64_t seed)
{
	struct records *log = records_new();
	struct history h;

	history_init(&h, seed);
	h.loss_percent = seed % 3 ? 10 : 0;
	put(log, record_node("host-a", "192.0.2.1"));
	put(log, record_mark(EVENT_MARK_RING_BEGIN));
	if (seed % 4)
		put_pass(log, &h);
	for (size_t i = 0; i < 300; i++) {
		put(log, history_next(&h));
		if (!history_random(&h, 20))
			put_facts(log, &h);
		if (!history_random(&h, 100))
			put_pass(log, &h);
		if (!history_random(&h, 50)) /* a tail that only the map tells of */
			put(log, record_stream(1, 0, h.cpus[0].lost_exec, h.cpus[0].lost_exit,
					       h.cpus[0].lost_fork));
		if (!history_random(&h, 40))
			put_twin(log, &h);
	}
	return log;
}
