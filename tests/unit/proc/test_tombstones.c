/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proc/tombstones.h"

static void test_oldest_go(void **state)
{
	struct tombstones t;

	(void)state;
	tombstones_init(&t, 3);
	assert_false(tombstones_has(&t, 1, 1));
	for (uint32_t i = 1; i <= 5; i++)
		tombstones_add(&t, i, 100 + i, false);
	assert_false(tombstones_has(&t, 1, 101));
	assert_false(tombstones_has(&t, 2, 102));
	assert_true(tombstones_has(&t, 3, 103));
	assert_true(tombstones_has(&t, 5, 105));
	assert_false(tombstones_has(&t, 5, 104));
	assert_false(tombstones_has(&t, 4, 105));
	tombstones_set_max(&t, 1);
	assert_false(tombstones_has(&t, 4, 104));
	assert_true(tombstones_has(&t, 5, 105));
	tombstones_set_max(&t, 0);
	assert_false(tombstones_has(&t, 5, 105));
	tombstones_done(&t);
}

/* Only an end that nobody saw can be taken back. */
static void test_revive(void **state)
{
	struct tombstones t;

	(void)state;
	tombstones_init(&t, 3);
	tombstones_add(&t, 1, 101, false);
	tombstones_add(&t, 2, 102, true);
	assert_false(tombstones_revive(&t, 1, 101));
	assert_false(tombstones_revive(&t, 3, 103));
	assert_true(tombstones_has(&t, 1, 101));
	assert_true(tombstones_revive(&t, 2, 102));
	assert_false(tombstones_has(&t, 2, 102));
	assert_false(tombstones_revive(&t, 2, 102));
	tombstones_done(&t);
}

/* Of many, in a ring that grows, goes round and shrinks: the last ones, in their order. */
static void test_many(void **state)
{
	static const size_t limits[] = { 1000, 100, 1000, 7 };
	struct tombstones t;
	uint32_t next = 1;

	(void)state;
	tombstones_init(&t, 0);
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		const struct tombstone *s;
		uint64_t at = 0;
		uint32_t oldest;

		tombstones_set_max(&t, limits[i]);
		for (int k = 0; k < 3000; k++, next++)
			tombstones_add(&t, next, UINT64_C(1) << 40 | next, next % 3 == 0);
		oldest = next - (uint32_t)limits[i];
		for (uint32_t pid = 1; pid < next; pid++)
			assert_int_equal(tombstones_has(&t, pid, UINT64_C(1) << 40 | pid),
					 pid >= oldest);
		for (uint32_t pid = oldest; pid < next; pid++)
			assert_int_equal(tombstones_revive(&t, pid, UINT64_C(1) << 40 | pid),
					 pid % 3 == 0);
		for (uint32_t pid = oldest; pid < next; pid++) {
			if (pid % 3 == 0)
				continue;
			s = tombstones_next(&t, &at);
			assert_non_null(s);
			assert_int_equal(s->pid, pid);
		}
		assert_null(tombstones_next(&t, &at));
	}
	tombstones_done(&t);
}

/* Who was born before the last one, or with it, is still told from those that ended. */
static void test_in_any_order(void **state)
{
	struct tombstones t;

	(void)state;
	tombstones_init(&t, 300);
	for (uint32_t pid = 1; pid <= 1000; pid++)
		tombstones_add(&t, pid, 2000 - pid, false);
	for (uint32_t pid = 1; pid <= 1000; pid++) {
		assert_int_equal(tombstones_has(&t, pid, 2000 - pid), pid > 700);
		assert_false(tombstones_has(&t, pid, 2001 - pid));
		assert_false(tombstones_has(&t, pid + 1000, 2000 - pid));
	}
	assert_false(tombstones_has(&t, 1, UINT64_MAX));
	tombstones_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oldest_go),
		cmocka_unit_test(test_revive),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
