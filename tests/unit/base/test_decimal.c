/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of every length, their neighbours, and what printf(3) says of them. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/decimal.h"

static void assert_u64(uint64_t v)
{
	char text[DECIMAL_ROOM], expected[DECIMAL_ROOM];
	int n = snprintf(expected, sizeof(expected), "%" PRIu64, v);

	assert_int_equal(decimal_put_u64(text, v) - text, n);
	assert_memory_equal(text, expected, n);
}

static void assert_i64(int64_t v)
{
	char text[DECIMAL_ROOM], expected[DECIMAL_ROOM];
	int n = snprintf(expected, sizeof(expected), "%" PRId64, v);

	assert_int_equal(decimal_put_i64(text, v) - text, n);
	assert_memory_equal(text, expected, n);
}

static void test_borders(void **state)
{
	uint64_t power = 1;

	(void)state;
	assert_u64(0);
	for (int i = 0; i < 20; i++, power *= 10)
		for (uint64_t digit = 1; digit < 10; digit++)
			for (uint64_t near = 0; near < 3; near++)
				assert_u64(power * digit + near - 1);
	assert_u64(UINT64_MAX);
	assert_i64(0);
	assert_i64(-1);
	assert_i64(INT64_MIN);
	assert_i64(INT64_MAX);
}

static void test_many(void **state)
{
	uint64_t v = 1;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		assert_u64(i);
		v = v * 6364136223846793005u + 1442695040888963407u;
		assert_u64(v >> i % 64);
		assert_i64((int64_t)v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_borders),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
