/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/rfc3339.h"
#include <cmocka.h>

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t ns;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "2026-11-29T10:46:24.115587551Z", 0, 1795949184115587551 },
		{ "2026-11-29T10:46:24.5Z", 0, 1795949184500000000 },
		{ "2026-11-29T10:46:24.1155875519999Z", 0, 1795949184115587551 },
		{ "2026-11-29t12:46:24+02:00", 0, 1795949184000000000 },
		{ "2026-11-29T05:16:24-05:30", 0, 1795949184000000000 },
		{ "2016-12-31T23:59:60Z", 0, 1483228800000000000 },
		{ "2000-02-29T00:00:00Z", 0, 951782400000000000 },
		{ "0001-01-01T00:00:00Z", -ERANGE, 0 },
		{ "9999-01-01T00:00:00Z", -ERANGE, 0 },
		{ "1970-01-01T00:00:00+00:01", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "2026-11-29", -EINVAL, 0 },
		{ "2026-13-29T10:46:24Z", -EINVAL, 0 },
		{ "2026-11-29T24:46:24Z", -EINVAL, 0 },
		{ "2026-11-29T10:46:24", -EINVAL, 0 },
		{ "2026-11-29T10:46:24.Z", -EINVAL, 0 },
		{ "2026-11-29T10:46:24Z ", -EINVAL, 0 },
		{ "2026-11-29T10:46:24+2:00", -EINVAL, 0 },
		{ "2O26-11-29T10:46:24Z", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ns = 0;

		assert_int_equal(rfc3339_parse(str_from(cases[i].text), &ns), cases[i].r);
		assert_int_equal(ns, cases[i].ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
