/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces and the lines that they make, joined by '|'. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "net/lines.h"
#include <cmocka.h>

static int join(void *ctx, struct str line)
{
	struct buf *out = ctx;

	if (str_eq(line, STR("stop")))
		return -ECANCELED;
	buf_put_str(out, line);
	buf_put_char(out, '|');
	return 0;
}

static void test_lines(void **state)
{
	static const struct {
		const char *pieces[4];
		const char *lines;
		int r;
	} cases[] = {
		{ { "a\nb\n" }, "a|b|", 0 },
		{ { "a", "b", "c\n" }, "abc|", 0 },
		{ { "a\r", "\n\r\n\n", "b\n" }, "a|b|", 0 },
		{ { "a\nno end" }, "a|", 0 },
		{ { "12345678\n" }, "12345678|", 0 },
		{ { "1234", "5678\n" }, "12345678|", 0 },
		{ { "a\n123456789\nb\n" }, "a|", -EMSGSIZE },
		{ { "12345678", "9\n" }, "", -EMSGSIZE },
		{ { "12345678", "9" }, "", -EMSGSIZE },
		{ { "a\nstop\nb\n" }, "a|", -ECANCELED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };
		_cleanup_(lines_done) struct lines l = { .fn = join, .ctx = &out, .max_bytes = 8 };
		int r = 0;

		for (size_t j = 0; r == 0 && cases[i].pieces[j]; j++)
			r = lines_put(&l, str_from(cases[i].pieces[j]));
		buf_put_char(&out, '\0');
		assert_string_equal(out.data, cases[i].lines);
		assert_int_equal(r, cases[i].r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
