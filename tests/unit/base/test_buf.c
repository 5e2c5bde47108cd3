/* SPDX-License-Identifier: Apache-2.0 */
/* Growth, numbers, and what is left of a buffer when memory runs out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include <cmocka.h>

static void assert_text(const struct buf *b, const char *text)
{
	assert_int_equal(b->len, strlen(text));
	assert_memory_equal(b->data, text, b->len);
}

static void test_empty(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_put(&b, NULL, 0);
	assert_int_equal(buf_str(&b).n, 0);
	assert_non_null(buf_str(&b).p);
	assert_false(buf_failed(&b));
	buf_done(&b);
}

static void test_append(void **state)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	size_t i;

	(void)state;
	buf_put_str(&b, STR("ab"));
	buf_put_char(&b, 'c');
	buf_printf(&b, "%d-%s", 7, "x");
	assert_text(&b, "abc7-x");
	for (i = 0; i < 100000; i++)
		buf_put(&b, "0123456789", 10);
	assert_int_equal(b.len, 1000006);
	assert_memory_equal(b.data + 999996, "0123456789", 10);
	buf_clear(&b);
	assert_int_equal(b.len, 0);
}

static void test_numbers(void **state)
{
	static const struct {
		int64_t v;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 9, "9" },
		{ 10, "10" },
		{ -1, "-1" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};
	_cleanup_(buf_done) struct buf b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		buf_clear(&b);
		buf_put_i64(&b, cases[i].v);
		assert_text(&b, cases[i].text);
	}
	buf_clear(&b);
	buf_put_u64(&b, UINT64_MAX);
	assert_text(&b, "18446744073709551615");
}

static void test_room(void **state)
{
	_cleanup_(buf_done) struct buf b = { 0 };
	char *to;

	(void)state;
	to = buf_room(&b, 1000);
	assert_non_null(to);
	memset(to, 'x', 1000);
	buf_advance(&b, 1000);
	assert_int_equal(b.len, 1000);
	assert_true(b.cap >= 1000);
}

/* A size that nothing can have stands for memory that ran out. */
static void test_failed_keeps_and_swallows(void **state)
{
	_cleanup_(buf_done) struct buf b = { 0 };

	(void)state;
	buf_put_str(&b, STR("kept"));
	assert_null(buf_room(&b, SIZE_MAX / 2));
	assert_true(buf_failed(&b));
	buf_put_char(&b, 'x');
	buf_put_u64(&b, 1);
	buf_printf(&b, "y");
	assert_text(&b, "kept");
	assert_int_equal(buf_grow(&b, 1), -ENOMEM);

	buf_clear(&b);
	buf_put_str(&b, STR("usable again"));
	assert_false(buf_failed(&b));
	assert_text(&b, "usable again");
}

static void test_overflow(void **state)
{
	_cleanup_(buf_done) struct buf b = { 0 };

	(void)state;
	buf_put_char(&b, 'x');
	assert_int_equal(buf_grow(&b, SIZE_MAX), -ENOMEM);
	assert_text(&b, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_failed_keeps_and_swallows),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
