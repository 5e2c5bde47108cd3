/* SPDX-License-Identifier: Apache-2.0 */
/* Takes all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugin/plugin.h"

extern const struct flusher flusher_blackhole;

static void test_takes_all(void **state)
{
	static const size_t ends[] = { 3, 6 };
	const struct payload in = { .bytes = STR("{}\n{}\n"), .ends = ends, .n = 2 };
	size_t done = 0;

	(void)state;
	assert_int_equal(flusher_blackhole.flush(NULL, &in, &done), 0);
	assert_int_equal(done, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_takes_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
