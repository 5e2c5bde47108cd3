/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fold that was made of another's state goes on as that one does: both get the rest of a log, and
 * say the same.
 */
#include "proc/state.h"

#include <errno.h>

#include "history.h"
#include "journal/format.h"

#define RECORDS_MAX 65536

/* Records one after another, each padded to 8 bytes. */
struct records {
	struct buf bytes;
	size_t offsets[RECORDS_MAX];
	size_t n;
};

static int keep(void *ctx, const struct event_head *record)
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

static const struct event_head *nth(const struct records *r, size_t i)
{
	return (const struct event_head *)(r->bytes.data + r->offsets[i]);
}

static struct records *records_new(void)
{
	struct records *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	return r;
}

static void records_free(struct records *r)
{
	buf_done(&r->bytes);
	free(r);
}

static struct records *state_of(struct fold *f)
{
	struct records *r = records_new();

	assert_int_equal(fold_state(f, keep, r), 0);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct event_head *x = *(const struct event_head *const *)a;
	const struct event_head *y = *(const struct event_head *const *)b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return memcmp(x, y, x->size);
}

static const struct event_head **sorted(const struct records *r)
{
	const struct event_head **all = calloc(r->n + 1, sizeof(struct event_head *));

	assert_non_null(all);
	for (size_t i = 0; i < r->n; i++)
		all[i] = nth(r, i);
	qsort(all, r->n, sizeof(struct event_head *), compare);
	return all;
}

/* The same records; stubs have no order. */
static void assert_same_state(struct fold *f, struct fold *g)
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

#define STRIDE 128 /* from one record to the next in the ring */

/* A fold and a batch, and the text of all events so far. */
struct side {
	struct fold *fold;
	struct batch batch;
	struct buf text;
};

static void side_init(struct side *s, const struct proc_limits *limits)
{
	static const char *const environment[] = { "PATH", NULL };

	*s = (struct side){ 0 };
	assert_int_equal(fold_new(limits, NULL, &s->fold), 0);
	fold_set_environment(s->fold, environment);
	batch_init(&s->batch, fold_release, s->fold);
}

static void side_settle(struct side *s)
{
	for (size_t i = 0; i < s->batch.n; i++)
		history_show(&s->batch.events[i], &s->text);
	batch_reset(&s->batch);
	fold_trim(s->fold);
}

static void side_done(struct side *s)
{
	side_settle(s);
	batch_done(&s->batch);
	s->fold = fold_free(s->fold);
	buf_done(&s->text);
}

static void restore(struct side *s, struct fold *from)
{
	struct records *state = state_of(from);

	for (size_t i = 0; i < state->n; i++)
		assert_int_equal(
			fold_record(s->fold, nth(state, i), nth(state, i)->size, 0, &s->batch), 0);
	records_free(state);
	assert_int_equal(s->batch.n, 0);
	side_settle(s);
	assert_int_equal(s->text.len, 0);
}

static void assert_same_counts(struct fold *f, struct fold *g)
{
	struct proc_counters a, b;

	fold_counters(f, &a);
	fold_counters(g, &b);
	assert_int_equal(a.processes, b.processes);
	assert_int_equal(a.images, b.images);
	assert_int_equal(fold_wants_pass(f), fold_wants_pass(g));
}

static void assert_same(struct side *a, struct side *b)
{
	assert_int_equal(a->text.len, b->text.len);
	if (a->text.len)
		assert_memory_equal(a->text.data, b->text.data, a->text.len);
	assert_same_state(a->fold, b->fold);
	assert_same_counts(a->fold, b->fold);
}

static void feed(struct side *s, const struct event_head *record, size_t i)
{
	assert_int_equal(fold_record(s->fold, record, record->size, (i + 1) * STRIDE, &s->batch),
			 0);
}

/* The state is taken after so many records, the end of a batch. */
static void go_both_ways(const struct records *log, size_t cut, const struct proc_limits *limits)
{
	struct side a, b;

	side_init(&a, limits);
	side_init(&b, limits);
	for (size_t i = 0; i < log->n; i++) {
		if (i == cut) {
			side_settle(&a);
			buf_clear(&a.text);
			restore(&b, a.fold);
			assert_same(&a, &b);
		}
		feed(&a, nth(log, i), i);
		if (i >= cut)
			feed(&b, nth(log, i), i);
		if (i % 13 == 0) {
			side_settle(&a);
			if (i >= cut)
				side_settle(&b);
		}
	}
	side_settle(&a);
	side_settle(&b);
	if (cut < log->n)
		assert_same(&a, &b);
	side_done(&a);
	side_done(&b);
}

static void put(struct records *to, void *record)
{
	if (record)
		keep(to, record);
	free(record);
}

static void put_facts(struct records *to, struct history *h)
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

static void put_pass(struct records *to, struct history *h)
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
static void put_twin(struct records *to, struct history *h)
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

static struct records *random_log(uint64_t seed)
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

static void test_random(void **state)
{
	struct proc_limits small = proc_limits_default;

	(void)state;
	small.max_images = 24;
	small.max_users = 2;
	small.max_cgroups = 2;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct records *log = random_log(seed);

		for (size_t cut = seed % 7; cut < log->n; cut += 61)
			go_both_ways(log, cut, seed % 2 ? NULL : &small);
		records_free(log);
	}
}

/* What a limit has taken stays taken. */
static void test_bare(void **state)
{
	struct proc_limits small = proc_limits_default;
	struct records *log = random_log(5);
	struct side a, b;

	(void)state;
	small.max_bytes = 6000;
	side_init(&a, &small);
	side_init(&b, NULL);
	for (size_t i = 0; i < log->n; i++) {
		feed(&a, nth(log, i), i);
		side_settle(&a);
	}
	assert_false(list_is_empty(&a.fold->table.bare));
	restore(&b, a.fold);
	assert_same_state(a.fold, b.fold);
	side_done(&a);
	side_done(&b);
	records_free(log);
}

/* The recording of a real machine. */
static struct records *golden_log(void)
{
	_cleanup_(fclosep) FILE *f = fopen(TESTS_DATA "/golden.rec", "re");
	_cleanup_(freep) char *bytes = malloc(1 << 24);
	struct records *log = records_new();
	size_t n, at = sizeof(struct format_file);

	assert_non_null(f);
	assert_non_null(bytes);
	n = fread(bytes, 1, 1 << 24, f);
	while (at + sizeof(struct format_batch) <= n) {
		const struct format_batch *batch = (const void *)(bytes + at);
		size_t end = at + sizeof(*batch) + batch->length;

		at += sizeof(*batch);
		while (at < end) {
			uint32_t length = *(const uint32_t *)(bytes + at) & FRAME_LENGTH;

			keep(log, (const void *)(bytes + at + FRAME_HEADER));
			at += (FRAME_HEADER + length + 7) / 8 * 8;
		}
	}
	assert_int_equal(at, n);
	assert_true(log->n > 10);
	return log;
}

static void test_golden(void **state)
{
	struct records *log = golden_log();

	(void)state;
	for (size_t i = 1; i < 8; i++)
		go_both_ways(log, log->n * i / 8, NULL);
	go_both_ways(log, 0, NULL);
	go_both_ways(log, log->n - 1, NULL);
	records_free(log);
}

static int refuse(void *ctx, const struct event_head *record)
{
	size_t *n = ctx;

	(void)record;
	return (*n)-- ? 0 : -EIO;
}

/* Whoever takes the records may fail at any of them. */
static void test_refused(void **state)
{
	struct records *log = random_log(1), *all;
	struct side a;

	(void)state;
	side_init(&a, NULL);
	for (size_t i = 0; i < log->n; i++) {
		feed(&a, nth(log, i), i);
		side_settle(&a);
	}
	all = state_of(a.fold);
	for (size_t i = 0; i < all->n; i++) {
		size_t n = i;

		assert_int_equal(fold_state(a.fold, refuse, &n), -EIO);
	}
	assert_same_state(a.fold, a.fold);
	records_free(all);
	records_free(log);
	side_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_bare),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
