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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oldest_go),
		cmocka_unit_test(test_revive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
