/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of byte at every place: as it is, escaped, or not UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json_text.h"

#define LENGTH_MAX 40

static void assert_escaped(struct str plain, struct str expected)
{
	/* Of its own size, so that a look beyond it is found. */
	_cleanup_(freep) char *copy = malloc(plain.n + 1), *room = malloc(JSON_TEXT_ROOM(plain.n));
	struct str own = { .p = copy, .n = plain.n };
	_cleanup_(buf_done) struct buf out = { 0 };

	assert_true(copy && room);
	copy = realloc(copy, plain.n ? plain.n : 1);
	own.p = copy;
	memcpy(copy, plain.p, plain.n);
	json_text_escape(&out, own);
	assert_int_equal(out.len, expected.n);
	assert_memory_equal(buf_str(&out).p, expected.p, expected.n);
	assert_int_equal(json_text_escape_short(room, own) - room, expected.n);
	assert_memory_equal(room, expected.p, expected.n);
}

static const struct {
	struct str plain, escaped;
} cases[] = {
	{ STR(""), STR("") },
	{ STR("plain text of more than sixteen bytes"),
	  STR("plain text of more than sixteen bytes") },
	{ STR("\"\\/"), STR("\\\"\\\\/") },
	{ STR("\b\t\n\f\r"), STR("\\b\\t\\n\\f\\r") },
	{ STR("\0\x01\x0b\x0e\x1f\x7f"), STR("\\u0000\\u0001\\u000b\\u000e\\u001f\x7f") },
	{ STR("\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"),
	  STR("\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80") },
	{ STR("\xe2\x80\xa8"), STR("\xe2\x80\xa8") }, /* U+2028 is let be */
	{ STR("\xff\xc0\x80"), STR("\\\\xff\\\\xc0\\\\x80") },
	{ STR("\xed\xa0\x80"), STR("\\\\xed\\\\xa0\\\\x80") },
	{ STR("cut \xe4\xb8"), STR("cut \\\\xe4\\\\xb8") },
	{ STR("1234567\""), STR("1234567\\\"") },
	{ STR("1234567\xe4\xb8\xad"
	      "9abcdefgh"),
	  STR("1234567\xe4\xb8\xad"
	      "9abcdefgh") },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_escaped(cases[i].plain, cases[i].escaped);
}

/* What one byte becomes when nothing is beside it. */
static struct str alone(unsigned char c, char to[JSON_TEXT_ROOM(1)])
{
	char *end = json_text_escape_short(to, (struct str){ (const char *)&c, 1 });

	return (struct str){ .p = to, .n = (size_t)(end - to) };
}

/* Every byte at every place of every length, beside plain ones: the quick way may not miss one. */
static void test_every_byte(void **state)
{
	char text[LENGTH_MAX], expected[LENGTH_MAX + JSON_TEXT_ROOM(1)], one[JSON_TEXT_ROOM(1)];

	(void)state;
	for (unsigned int byte = 0; byte < 256; byte++) {
		struct str escaped = alone((unsigned char)byte, one);

		for (size_t n = 1; n <= LENGTH_MAX; n++) {
			for (size_t at = 0; at < n; at++) {
				memset(text, '!', n);
				text[at] = (char)byte;
				memset(expected, '!', sizeof(expected));
				memcpy(expected + at, escaped.p, escaped.n);
				assert_escaped((struct str){ text, n },
					       (struct str){ expected, n - 1 + escaped.n });
			}
		}
	}
}

/* Characters that lie across the border of what is reserved at once. */
static void test_long(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		_cleanup_(buf_done) struct buf in = { 0 };

		for (size_t i = 0; i < shift; i++)
			buf_put_char(&in, 'x');
		while (in.len < 5 * JSON_TEXT_SHORT)
			buf_put_str(&in, STR("\xf0\x9f\x98\x80"));
		assert_escaped(buf_str(&in), buf_str(&in));
	}
}

static void test_put(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	(void)state;
	json_text_put(&out, STR(""));
	json_text_put(&out, STR("a\"b\n"));
	assert_int_equal(out.len, 10);
	assert_memory_equal(out.data, "\"\"\"a\\\"b\\n\"", 10);
}

static void test_lack_of_memory(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	(void)state;
	assert_null(buf_room(&out, SIZE_MAX / 2 + 1));
	json_text_escape(&out, STR("a"));
	assert_true(buf_failed(&out));
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	       cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_long),	       cmocka_unit_test(test_put),
		cmocka_unit_test(test_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
