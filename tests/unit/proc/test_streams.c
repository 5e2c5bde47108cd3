/* SPDX-License-Identifier: Apache-2.0 */
/* What two heads of a stream, a look into its map, or a gap say of losses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proc/streams.h"

#define COUNTED 0
#define UNCOUNTED _LOSS_MAX

static void account(struct streams *s, struct event_head head)
{
	if (!head.generation)
		head.generation = 1;
	assert_int_equal(streams_account(s, &head), 0);
}

#define RECORD(...) ((struct event_head){ .type = EVENT_EXIT, __VA_ARGS__ })
#define STREAM(...) ((struct event_head){ .type = EVENT_STREAM, __VA_ARGS__ })

static void assert_lost(const struct streams *s, enum loss_reason reason, uint64_t exec,
			uint64_t exit, uint64_t fork, uint64_t other)
{
	const struct lost *lost = &s->lost[reason];

	assert_int_equal(lost->exec, exec);
	assert_int_equal(lost->exit, exit);
	assert_int_equal(lost->fork, fork);
	assert_int_equal(lost->other, other);
}

static void test_differences(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, RECORD(.lost_exec = 3));
	assert_lost(&s, LOSS_RING_FULL, 3, 0, 0, 0);
	account(&s, RECORD(.lost_exec = 3));
	assert_lost(&s, LOSS_RING_FULL, 3, 0, 0, 0);
	account(&s, RECORD(.lost_exec = 10, .lost_exit = 1, .lost_fork = 2, .lost_other = 4));
	assert_lost(&s, LOSS_RING_FULL, 10, 1, 2, 4);
	account(&s, RECORD(.cpu = 1, .lost_exec = 1));
	account(&s, RECORD(.generation = 2, .lost_exec = 1));
	account(&s, RECORD(.cpu = EVENT_CPU_SNAPSHOT, .lost_exec = 1));
	account(&s, RECORD(.cpu = EVENT_CPU_AGENT, .lost_exec = 1));
	account(&s, STREAM(.cpu = EVENT_CPU_AGENT, .lost_exec = 1));
	assert_lost(&s, LOSS_RING_FULL, 13, 1, 2, 4);
	streams_done(&s);
}

static void test_wrap(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, RECORD(.seq = 0x80000000, .lost_exec = 0x7fffffff));
	account(&s, RECORD(.seq = 0x100000000, .lost_exec = 0xfffffffe));
	account(&s, RECORD(.seq = 0x100000005, .lost_exec = 2));
	assert_lost(&s, LOSS_RING_FULL, 0x100000002, 0, 0, 0);
	account(&s, RECORD(.seq = 0x100000006, .lost_exec = 1)); /* backwards: not believed */
	account(&s, RECORD(.seq = 0x100000007, .lost_exec = 2));
	assert_lost(&s, LOSS_RING_FULL, 0x100000002, 0, 0, 0);
	assert_lost(&s, LOSS_UNREADABLE, 0, 0, 0, 0);
	streams_done(&s);
}

/* What was over the budget is part of the execs and forks, execs first. */
static void test_budget(void **state)
{
	static const struct {
		uint32_t exec, fork, budget;
		uint64_t budget_exec, budget_fork;
	} cases[] = {
		{ 5, 0, 5, 5, 0 }, { 5, 0, 3, 3, 0 },  { 5, 4, 5, 5, 0 },
		{ 5, 4, 7, 5, 2 }, { 5, 4, 99, 5, 4 }, { 0, 0, 9, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct streams s;

		streams_init(&s);
		account(&s, RECORD(.lost_exec = cases[i].exec, .lost_fork = cases[i].fork,
				   .lost_exit = 1, .lost_budget = cases[i].budget));
		assert_lost(&s, LOSS_BUDGET, cases[i].budget_exec, 0, cases[i].budget_fork, 0);
		assert_lost(&s, LOSS_RING_FULL, cases[i].exec - cases[i].budget_exec, 1,
			    cases[i].fork - cases[i].budget_fork, 0);
		streams_done(&s);
	}
}

/* A number that is missing, and no counter says why. */
static void test_unreadable(void **state)
{
	static const struct {
		uint64_t first, second;
		uint32_t lost_first, lost_second;
		uint64_t unreadable;
	} cases[] = {
		{ 1, 2, 0, 0, 0 }, { 1, 3, 0, 0, 1 }, { 4, 5, 0, 0, 3 }, /* it begins with 1 */
		{ 4, 5, 3, 3, 0 }, { 1, 9, 0, 7, 0 }, { 1, 9, 0, 5, 2 },
		{ 1, 9, 0, 8, 0 }, { 3, 1, 2, 2, 0 }, /* backwards */
		{ 0, 0, 0, 0, 0 },		      /* without numbers */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct streams s;

		streams_init(&s);
		account(&s, RECORD(.seq = cases[i].first, .lost_exit = cases[i].lost_first));
		account(&s, RECORD(.seq = cases[i].second, .lost_exit = cases[i].lost_second));
		assert_lost(&s, LOSS_UNREADABLE, 0, 0, 0, cases[i].unreadable);
		assert_true(s.has_lost_process == (cases[i].unreadable || cases[i].lost_second));
		streams_done(&s);
	}
}

/* The map knows of a loss before the next record does; the two do not add up. */
static void test_tail(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, RECORD(.seq = 1));
	account(&s, STREAM(.seq = 9, .lost_exit = 3));
	assert_lost(&s, LOSS_RING_FULL, 0, 3, 0, 0);
	/* Records that lay in the ring when the map was read. */
	account(&s, RECORD(.seq = 2));
	account(&s, RECORD(.seq = 4, .lost_exit = 1));
	account(&s, RECORD(.seq = 10, .lost_exit = 4, .lost_fork = 2));
	assert_lost(&s, LOSS_RING_FULL, 0, 4, 2, 0);
	assert_lost(&s, LOSS_UNREADABLE, 0, 0, 0, 0);
	account(&s, STREAM(.seq = 10, .lost_exit = 4, .lost_fork = 2));
	account(&s, RECORD(.seq = 12, .lost_exit = 4, .lost_fork = 2));
	assert_lost(&s, LOSS_RING_FULL, 0, 4, 2, 0);
	assert_lost(&s, LOSS_UNREADABLE, 0, 0, 0, 1);
	streams_done(&s);
}

/* What the kernel did not run the programs for has no records, only a map. */
static void test_skipped(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, STREAM(.cpu = EVENT_CPU_MISSED, .lost_exec = 2));
	account(&s, STREAM(.cpu = EVENT_CPU_MISSED, .lost_exec = 2, .lost_exit = 1));
	assert_lost(&s, LOSS_SKIPPED, 2, 1, 0, 0);
	assert_lost(&s, LOSS_RING_FULL, 0, 0, 0, 0);
	assert_true(s.has_lost_process);
	streams_done(&s);
}

static void assert_untold(const struct streams *s, size_t slot, uint64_t exec, int64_t since,
			  int64_t until)
{
	const struct untold *u = &s->untold[slot];

	assert_true(u->is_some);
	assert_int_equal(u->loss.exec, exec);
	assert_int_equal(u->loss.since_ns, since);
	assert_int_equal(u->loss.until_ns, until);
}

/* From the last record before to the first one after; over streams the widest. */
static void test_times(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, RECORD(.cpu = 0, .time_ns = 100));
	account(&s, RECORD(.cpu = 1, .time_ns = 150));
	assert_false(s.untold[LOSS_RING_FULL].is_some);
	account(&s, RECORD(.cpu = 1, .time_ns = 200, .lost_exec = 1));
	assert_untold(&s, LOSS_RING_FULL, 1, 150, 200);
	account(&s, RECORD(.cpu = 0, .time_ns = 180, .lost_exec = 1));
	assert_untold(&s, LOSS_RING_FULL, 2, 100, 200);
	account(&s, RECORD(.cpu = 2, .time_ns = 300, .lost_exec = 1)); /* nothing before is known */
	assert_untold(&s, LOSS_RING_FULL, 3, 100, 300);
	account(&s, RECORD(.cpu = 2, .time_ns = 290, .lost_exec = 2)); /* a clock that goes back */
	assert_untold(&s, LOSS_RING_FULL, 4, 100, 300);
	streams_begin(&s, 1000);
	s.untold[LOSS_RING_FULL].is_some = false;
	account(&s, RECORD(.cpu = 2, .time_ns = 1100, .lost_exec = 1));
	assert_untold(&s, LOSS_RING_FULL, 1, 1000, 1100);
	streams_done(&s);
}

/* A new ring: what was counted before is not taken off. */
static void test_ring_begin(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, RECORD(.seq = 10, .lost_exec = 9));
	streams_begin(&s, 5);
	account(&s, RECORD(.seq = 8, .lost_exec = 7));
	assert_lost(&s, LOSS_RING_FULL, 16, 0, 0, 0);
	assert_lost(&s, LOSS_UNREADABLE, 0, 0, 0, 0);
	streams_done(&s);
}

/* The iterator's numbers go on from pass to pass, and begin anew with another agent. */
static void test_pass(void **state)
{
	const uint16_t cpu = EVENT_CPU_SNAPSHOT;
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, RECORD(.cpu = cpu, .seq = 1));
	account(&s, RECORD(.cpu = cpu, .seq = 5, .lost_other = 3));
	assert_true(s.has_lost_snapshot);
	assert_false(s.has_lost_process);
	streams_begin_pass(&s);
	assert_false(s.has_lost_snapshot);
	account(&s, RECORD(.cpu = cpu, .seq = 9, .lost_other = 6));
	assert_lost(&s, LOSS_RING_FULL, 0, 0, 0, 6);
	account(&s, RECORD(.cpu = cpu, .seq = 2, .lost_other = 1));
	assert_lost(&s, LOSS_RING_FULL, 0, 0, 0, 7);
	assert_lost(&s, LOSS_UNREADABLE, 0, 0, 0, 0);
	streams_done(&s);
}

static struct event_gap gap(uint32_t reason, uint16_t generation)
{
	return (struct event_gap){ .head = { .generation = generation },
				   .since_ns = 10,
				   .until_ns = 20,
				   .reason = reason };
}

static void test_gap(void **state)
{
	static const struct {
		uint32_t reason;
		enum loss_reason want;
	} cases[] = {
		{ EVENT_GAP_NOT_RUNNING, LOSS_NOT_RUNNING },
		{ EVENT_GAP_PARTIAL, LOSS_NOT_RUNNING },
		{ EVENT_GAP_UNREADABLE, LOSS_UNREADABLE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_gap e = gap(cases[i].reason, 1);
		struct streams s;

		streams_init(&s);
		streams_gap(&s, &e);
		assert_untold(&s, UNCOUNTED + cases[i].want, 0, 10, 20);
		assert_false(s.untold[UNCOUNTED + cases[i].want].loss.is_counted);
		assert_false(s.untold[COUNTED + cases[i].want].is_some);
		assert_true(s.has_lost_process);
		streams_done(&s);
	}
}

/* Records of old programs whose beginnings nobody can read: they are where they are. */
static void test_adopted(void **state)
{
	struct event_gap e = gap(EVENT_GAP_UNREADABLE, 2);
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, RECORD(.generation = 1, .seq = 1));
	streams_gap(&s, &e);
	account(&s, RECORD(.generation = 1, .seq = 50, .lost_exec = 20));
	account(&s, STREAM(.generation = 2, .seq = 90, .lost_exec = 31));
	account(&s, RECORD(.generation = 2, .seq = 70, .lost_exec = 30));
	assert_lost(&s, LOSS_RING_FULL, 0, 0, 0, 0);
	account(&s, RECORD(.generation = 1, .seq = 52, .lost_exec = 21));
	account(&s, RECORD(.generation = 2, .seq = 72, .lost_exec = 31));
	account(&s, RECORD(.generation = 2, .seq = 92, .lost_exec = 50));
	account(&s, RECORD(.generation = 3, .seq = 5, .lost_exec = 4));
	assert_lost(&s, LOSS_RING_FULL, 1 + 19 + 4, 0, 0, 0);
	assert_lost(&s, LOSS_UNREADABLE, 0, 0, 0, 0);
	streams_done(&s);
}

static void test_stored(void **state)
{
	struct event_stream stored;
	struct streams s, t;

	(void)state;
	streams_init(&s);
	streams_init(&t);
	account(&s, RECORD(.seq = 5, .lost_exec = 4, .time_ns = 70, .lost_budget = 2));
	account(&s, STREAM(.seq = 9, .lost_exec = 5, .lost_fork = 1, .time_ns = 80));
	streams_store(LIST_ENTRY(s.lru.next, struct stream, lru), &stored);
	assert_int_equal(streams_restore(&t, &stored), 0);
	assert_lost(&t, LOSS_RING_FULL, 0, 0, 0, 0);
	assert_false(t.has_lost_process);
	account(&t, RECORD(.seq = 8, .lost_exec = 5, .time_ns = 75, .lost_budget = 2));
	account(&t,
		RECORD(.seq = 12, .lost_exec = 6, .lost_fork = 2, .time_ns = 90, .lost_budget = 3));
	assert_lost(&t, LOSS_BUDGET, 1, 0, 0, 0);
	assert_lost(&t, LOSS_RING_FULL, 0, 0, 1, 0);
	assert_lost(&t, LOSS_UNREADABLE, 0, 0, 0, 1);
	streams_done(&s);
	streams_done(&t);
}

/* Streams that nobody can have are forgotten again. */
static void test_bounded(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	for (uint32_t i = 0; i < 100000; i++)
		account(&s, RECORD(.generation = (uint16_t)(1 + (i >> 10)),
				   .cpu = (uint16_t)(i & 1023), .lost_exec = 1));
	assert_lost(&s, LOSS_RING_FULL, 100000, 0, 0, 0);
	assert_true(s.index.n <= 16384);
	streams_done(&s);
}

/* One that goes on is not forgotten for those that come and go; nor is it known once it is gone. */
static void test_recent(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, RECORD(.seq = 1, .lost_exec = 5));
	for (uint32_t i = 0; i < 40000; i++) {
		account(&s, RECORD(.generation = (uint16_t)(2 + (i >> 10)),
				   .cpu = (uint16_t)(i & 1023)));
		account(&s, RECORD(.seq = 2 + i, .lost_exec = 5));
	}
	assert_lost(&s, LOSS_RING_FULL, 5, 0, 0, 0);
	streams_begin(&s, 0);
	account(&s, RECORD(.seq = 40002, .lost_exec = 5));
	assert_lost(&s, LOSS_RING_FULL, 10, 0, 0, 0);
	streams_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences), cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_budget),	    cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_tail),	    cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_times),	    cmocka_unit_test(test_ring_begin),
		cmocka_unit_test(test_pass),	    cmocka_unit_test(test_gap),
		cmocka_unit_test(test_adopted),	    cmocka_unit_test(test_stored),
		cmocka_unit_test(test_bounded),	    cmocka_unit_test(test_recent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
