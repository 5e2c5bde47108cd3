/* SPDX-License-Identifier: Apache-2.0 */
/* How the memory is shared out, and what happens when it is not enough. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/memory.h"
#include "base/log.h"
#include "metrics/process.h"

#define MIB (UINT64_C(1) << 20)

static const struct {
	uint64_t max, ring; /* MiB */
	size_t n_flushers;
	int r;
	uint64_t table, queue; /* MiB */
} rows[] = {
	{ 128, 16, 1, 0, 90, 8 },	{ 128, 16, 0, 0, 98, 8 },  { 128, 16, 3, 0, 74, 7 },
	{ 64, 16, 1, 0, 26, 7 },	{ 64, 16, 17, 0, 17, 1 },  { 35, 16, 1, 0, 4, 1 },
	{ 34, 16, 1, -ENOSPC, 0, 0 },	{ 34, 16, 0, 0, 4, 8 },	   { 0, 16, 1, -ENOSPC, 0, 0 },
	{ 128, 128, 1, -ENOSPC, 0, 0 }, { 128, 16, 64, 0, 34, 1 }, { 128, 16, 95, -ENOSPC, 0, 0 },
};

static void test_plan(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint64_t max = rows[i].max * MIB, ring = rows[i].ring * MIB;
		struct memory_plan plan = { 1, 1 };
		int r = memory_plan(max, ring, rows[i].n_flushers, &plan);

		assert_int_equal(r, rows[i].r);
		assert_int_equal(r < 0, max < memory_plan_least(ring, rows[i].n_flushers));
		if (r < 0) {
			assert_int_equal(plan.table_bytes, 1);
			continue;
		}
		assert_int_equal(plan.table_bytes / MIB, rows[i].table);
		assert_int_equal(plan.queue_bytes / MIB, rows[i].queue);
	}
}

/* The parts never come to more than the whole. */
static void test_sum(void **state)
{
	struct memory_plan plan;

	(void)state;
	for (uint64_t max = 32; max <= 4096; max += 7)
		for (size_t n = 0; n < 40; n++) {
			if (memory_plan(max * MIB, 16 * MIB, n, &plan) < 0)
				continue;
			assert_true(16 * MIB + plan.table_bytes + n * plan.queue_bytes <=
				    max * MIB);
			assert_true(plan.table_bytes >= 4 * MIB && plan.queue_bytes >= 1 * MIB);
		}
}

static void test_judge(void **state)
{
	struct memory_watch w;

	(void)state;
	memory_watch_init(&w, 100 * MIB);
	assert_int_equal(memory_watch_judge(&w, 100 * MIB), 0);
	assert_int_equal(metric_get(&w.counters.pressure), 0);
	assert_int_equal(memory_watch_judge(&w, 103 * MIB), 3 * MIB);
	assert_true(w.is_told);
	assert_int_equal(memory_watch_judge(&w, 100 * MIB + 1), 1);
	assert_int_equal(metric_get(&w.counters.pressure), 2);
	assert_int_equal(memory_watch_judge(&w, 1), 0);
	assert_false(w.is_told);
}

/* It looks once a second, and nothing can be small enough for a limit of 1 byte. */
static void test_turn(void **state)
{
	_cleanup_(fold_freep) struct fold *fold = NULL;
	struct memory_watch w;

	(void)state;
	memory_set_up();
	assert_int_equal(fold_new(NULL, NULL, &fold), 0);
	memory_watch_init(&w, 1);
	memory_watch_turn(&w, 5000000000, fold);
	memory_watch_turn(&w, 5999999999, fold);
	assert_int_equal(metric_get(&w.counters.pressure), 1);
	memory_watch_turn(&w, 6000000000, fold);
	assert_int_equal(metric_get(&w.counters.pressure), 2);
}

/* Everything works as before, from fewer pages. */
static void test_settle(void **state)
{
	uint64_t before = 0, after = 0;
	struct memory_plan plan;

	(void)state;
	assert_int_equal(process_resident_bytes(&before), 0);
	memory_settle();
	assert_int_equal(process_resident_bytes(&after), 0);
	assert_true(after < before);
	assert_int_equal(memory_plan(128 * MIB, 16 * MIB, 1, &plan), 0);
}

static int set_up(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),   cmocka_unit_test(test_sum),
		cmocka_unit_test(test_judge),  cmocka_unit_test(test_turn),
		cmocka_unit_test(test_settle),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
