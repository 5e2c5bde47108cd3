/* SPDX-License-Identifier: Apache-2.0 */
/* Quoting, and that the list can be recovered from the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "event/quote.h"

#include "unquote.h"
#include <cmocka.h>

static void test_argument(void **state)
{
	static const struct {
		struct str plain;
		const char *quoted;
	} cases[] = {
		{ STR("abc"), "abc" },
		{ STR(""), "\"\"" },
		{ STR(" "), "\" \"" },
		{ STR("a b"), "\"a b\"" },
		{ STR("a\"b"), "\"a\\\"b\"" },
		{ STR("a\\b"), "\"a\\\\b\"" },
		{ STR("a\nb\tc"), "\"a\\nb\\tc\"" },
		{ STR("\r"), "\"\\x0d\"" },
		{ STR("\x1f"), "\"\\x1f\"" },
		{ STR("\x7f"), "\"\\x7f\"" },
		{ STR("'$*;&|`~"), "'$*;&|`~" },
		{ STR("\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"),
		  "\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80" },
		{ STR("\xff"), "\"\\xff\"" },
		{ STR("a\xc3"), "\"a\\xc3\"" },
		{ STR("\xe4\xb8"
		      "b"),
		  "\"\\xe4\\xb8b\"" },
		{ STR("\xc0\x80"), "\"\\xc0\\x80\"" },
		{ STR("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"" },
		{ STR("\xc3\xa4 \xc3\xa4"), "\"\xc3\xa4 \xc3\xa4\"" },
	};
	_cleanup_(buf_done) struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		buf_clear(&out);
		quote_argument(&out, cases[i].plain);
		if (!str_eq(buf_str(&out), str_from(cases[i].quoted)))
			fail_msg("case %zu: %.*s", i, (int)out.len, out.data);
	}
}

static void test_arguments(void **state)
{
	static const struct {
		struct str args;
		size_t skip;
		const char *line;
	} cases[] = {
		{ STR(""), 0, "" },
		{ STR(""), 1, "" },
		{ STR("a\0"), 1, "" },
		{ STR("a"), 1, "" },
		{ STR("a\0b\0"), 1, "b" },
		{ STR("a\0b"), 1, "b" },
		{ STR("a\0b\0c d\0"), 1, "b \"c d\"" },
		{ STR("a\0\0"), 1, "\"\"" },
		{ STR("a\0\0\0"), 1, "\"\" \"\"" },
		{ STR("a\0\0b\0"), 1, "\"\" b" },
		{ STR("\0"), 0, "\"\"" },
		{ STR("a\0b\0c\0"), 0, "a b c" },
		{ STR("a\0b\0c\0"), 2, "c" },
		{ STR("a\0b\0c\0"), 9, "" },
		{ STR("python3\0-m\0http.server\0"
		      "8000\0"),
		  1, "-m http.server 8000" },
	};
	_cleanup_(buf_done) struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		buf_clear(&out);
		quote_arguments(&out, cases[i].args, cases[i].skip);
		if (!str_eq(buf_str(&out), str_from(cases[i].line)))
			fail_msg("case %zu: %.*s", i, (int)out.len, out.data);
	}
}

static void assert_printable_utf8(struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		size_t length = utf8_length(s.p + i, s.n - i);

		assert_true(length > 0 && (unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f);
		i += length;
	}
}

static void test_recovered(void **state)
{
	/* bytes that matter come often */
	static const char alphabet[] = "\0\0\0 \"\\\n\tnx0aA\x01\x7f\x80\xc3\xa4\xe4\xb8\xad\xff";
	_cleanup_(buf_done) struct buf line = { 0 }, back = { 0 };
	char args[64];
	unsigned int round;

	(void)state;
	srandom(1);
	for (round = 0; round < 50000; round++) {
		size_t i, n = 1 + (size_t)random() % (sizeof(args) - 1);

		for (i = 0; i < n; i++)
			args[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
		args[n - 1] = '\0';
		buf_clear(&line);
		buf_clear(&back);
		quote_arguments(&line, (struct str){ args, n }, 0);
		assert_printable_utf8(buf_str(&line));
		unquote(&back, buf_str(&line));
		assert_int_equal(back.len, n);
		assert_memory_equal(back.data, args, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_argument),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_recovered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
