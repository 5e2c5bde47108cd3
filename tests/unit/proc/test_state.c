/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fold that was made of another's state goes on as that one does: both get the rest of a log, and
 * say the same.
 */
#include "proc/state.h"

#include <errno.h>

#include "journal/format.h"
#include "side.h"

#define STRIDE 128 /* from one record to the next in the ring */

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
