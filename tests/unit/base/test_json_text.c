/* SPDX-License-Identifier: Apache-2.0 */
/* What a string becomes in JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/json_text.h"
#include <cmocka.h>

static void test_strings(void **state)
{
	static const struct {
		struct str from, to;
	} cases[] = {
		{ STR(""), STR("\"\"") },
		{ STR("plain"), STR("\"plain\"") },
		{ STR("\"\\"), STR("\"\\\"\\\\\"") },
		{ STR("a\nb\tc"), STR("\"a\\nb\\tc\"") },
		{ STR("\x01\x1f\x7f"), STR("\"\\u0001\\u001f\\u007f\"") },
		{ STR("a\0b"), STR("\"a\\u0000b\"") },
		{ STR("\xc3\xa4\xf0\x9f\x90\xa7"), STR("\"\xc3\xa4\xf0\x9f\x90\xa7\"") },
		{ STR("\xff\xc3"), STR("\"\xef\xbf\xbd\xef\xbf\xbd\"") },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };

		json_text_put(&out, cases[i].from);
		assert_int_equal(out.len, cases[i].to.n);
		assert_memory_equal(out.data, cases[i].to.p, out.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
