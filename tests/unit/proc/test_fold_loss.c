/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in the stream a loss is told of, and under which number: whoever reads the log again must
 * give the same events the same numbers, however it is cut into batches and wherever it begins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proc/state.h"
#include "records.h"
#include "world.h"

#define AT 100000 /* of the ring: where most of the records here are */

static const struct image_key first = KEY(10, 1000, 5), second = KEY(11, 2000, 5);

/* Folds a record at that position, and frees it; what comes of it is at the end of the batch. */
static void feed_at(struct world *w, void *record, uint64_t position)
{
	struct event_head *head = record;

	assert_int_equal(fold_record(w->fold, head, head->size, position, &w->batch), 0);
	w->records[w->n_records++] = record;
}

/* The exit of a process, by programs that have lost so many execs and forks up to then. */
static void *lossy_exit(struct image_key key, uint64_t seq, uint32_t exec, uint32_t fork)
{
	struct event_exit *e = record_exit(key, NOBODY, 0);

	e->head.generation = 1;
	e->head.seq = seq + exec + fork;
	e->head.lost_exec = exec;
	e->head.lost_fork = fork;
	return e;
}

static void assert_lost(const struct event *ev, uint64_t exec, uint64_t after, uint64_t before)
{
	assert_int_equal(ev->call, CALL_LOST);
	assert_int_equal(ev->loss->exec, exec);
	assert_in_range(ev->seq, after + 1, before - 1);
}

/* Between the records that it happened between. */
static void test_before_the_record_that_tells(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_at(&w, lossy_exit(first, 1, 0, 0), AT);
	feed_at(&w, lossy_exit(second, 2, 3, 1), AT + 176);
	assert_int_equal(w.batch.n, 3);
	assert_int_equal(w.batch.events[0].seq, AT);
	assert_lost(&w.batch.events[1], 3, AT, AT + 176);
	assert_int_equal(w.batch.events[1].loss->fork, 1);
	assert_int_equal(w.batch.events[2].call, CALL_EXIT);
	assert_int_equal(w.batch.events[2].seq, AT + 176);
	assert_int_equal(fold_next_seq(w.fold), AT + 177);
	world_done(&w);
}

static int refold(void *ctx, const struct event_head *record)
{
	struct world *w = ctx;

	return fold_record(w->fold, record, record->size, 0, &w->batch);
}

/* Of what was lost where no record came yet: each look has a number of its own. */
static void test_facts_have_numbers_of_their_own(void **state)
{
	struct world w, next;
	uint64_t seq;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_at(&w, lossy_exit(first, 1, 0, 0), AT);
	feed_at(&w, record_stream(1, 0, 2, 0, 0), AT + 176);
	feed_at(&w, record_stream(1, 0, 5, 0, 0), AT + 176);
	assert_int_equal(w.batch.n, 3);
	assert_lost(&w.batch.events[1], 2, AT, AT + 176);
	seq = w.batch.events[1].seq;
	assert_lost(&w.batch.events[2], 3, seq, AT + 176);

	/* Whoever goes on from a state uses none of them again. */
	world_init(&next, NULL, NULL);
	assert_int_equal(fold_state(w.fold, refold, &next), 0);
	assert_int_equal(fold_next_seq(next.fold), fold_next_seq(w.fold));
	feed_at(&next, record_stream(1, 0, 6, 0, 0), AT + 176);
	assert_lost(&next.batch.events[0], 1, seq + 1, AT + 176);
	world_done(&next);

	/* Who knows nothing uses the last ones. */
	world_init(&next, NULL, NULL);
	fold_forget_seq(next.fold, AT + 176);
	feed_at(&next, record_gap(EVENT_GAP_PARTIAL, 1, 2), AT + 176);
	assert_int_equal(next.batch.n, 1);
	assert_in_range(next.batch.events[0].seq, AT + 176 - 20, AT + 175);
	world_done(&next);
	world_done(&w);
}

/* When all numbers before a record are used, it waits, and is told of with the next one. */
static void test_no_number_is_left(void **state)
{
	uint64_t last = AT, told = 0;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_at(&w, lossy_exit(first, 1, 0, 0), AT);
	for (uint32_t i = 1; i <= 150; i++) {
		feed_at(&w, record_stream(1, 0, i, 0, 0), AT + 104);
	}
	assert_true(w.batch.n < 104);
	feed_at(&w, lossy_exit(second, 2, 150, 0), AT + 104);
	feed_at(&w, record_stream(1, 0, 151, 0, 0), AT + 280);
	for (size_t i = 1; i < w.batch.n; i++) {
		const struct event *ev = &w.batch.events[i];

		assert_true(ev->seq > last);
		last = ev->seq;
		told += ev->loss ? ev->loss->exec : 0;
	}
	assert_int_equal(told, 151);
	world_done(&w);
}

/* The ends that a pass infers come before the next record, too. */
static void test_inferred(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_at(&w, record_fork(first, NOBODY, 0), AT);
	feed_at(&w, record_fork(second, NOBODY, 0), AT + 192);
	feed_at(&w, record_mark(EVENT_MARK_PASS_BEGIN), AT + 384);
	feed_at(&w, record_mark(EVENT_MARK_PASS_END), AT + 384);
	assert_int_equal(w.batch.n, 4);
	assert_in_range(w.batch.events[2].seq, AT + 193, AT + 383);
	assert_int_equal(w.batch.events[3].seq, w.batch.events[2].seq);
	assert_int_equal(fold_next_seq(w.fold), w.batch.events[3].seq + 1);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_the_record_that_tells),
		cmocka_unit_test(test_facts_have_numbers_of_their_own),
		cmocka_unit_test(test_no_number_is_left),
		cmocka_unit_test(test_inferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
