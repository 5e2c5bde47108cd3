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

/* One after the other, with a blank between: what any quick way has to come to. */
static void put_one_by_one(struct buf *out, struct str args)
{
	const char *p = args.p + strlen(args.p) + 1, *end = args.p + args.n;

	while (p < end) {
		size_t n = strnlen(p, (size_t)(end - p));

		quote_argument(out, (struct str){ .p = p, .n = n });
		p += n + 1;
		if (p < end)
			buf_put_char(out, ' ');
	}
}

/* Every byte at every place of arguments that are plain otherwise, NULs among them. */
static void test_every_byte(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 40; n++) {
		for (size_t at = 0; at < n * 256; at++) {
			_cleanup_(buf_done) struct buf out = { 0 }, expected = { 0 };
			_cleanup_(freep) char *args = malloc(2 + n);

			assert_non_null(args);
			memset(args, 'x', 2 + n);
			args[1] = '\0';
			args[2 + n / 3] = '\0';
			args[2 + at / 256] = (char)(at % 256);
			quote_arguments(&out, (struct str){ .p = args, .n = 2 + n }, 1);
			put_one_by_one(&expected, (struct str){ .p = args, .n = 2 + n });
			assert_int_equal(out.len, expected.len);
			assert_memory_equal(buf_str(&out).p, buf_str(&expected).p, out.len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_argument),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_recovered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
