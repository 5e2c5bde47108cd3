/* SPDX-License-Identifier: Apache-2.0 */
/* The three forms of the table, and that the reference page is what the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/fields.h"
#include "event/field.h"
#include <cmocka.h>

static bool contains(const struct buf *b, const char *text)
{
	return memmem(b->data, b->len, text, strlen(text)) != NULL;
}

static size_t count_lines(const struct buf *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

static void test_text(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	(void)state;
	fields_format(&out, FIELDS_TEXT);
	assert_int_equal(count_lines(&out), n_fields);
	assert_int_equal(strncmp(out.data, "exec_id                 string   Names", 38), 0);
	assert_true(contains(&out, "\ncontainer.image.name    string   The name"));
}

static void test_json(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	(void)state;
	fields_format(&out, FIELDS_JSON);
	assert_int_equal(count_lines(&out), n_fields + 2);
	assert_true(contains(
		&out,
		"{\"name\":\"pid\",\"type\":\"number\",\"set\":\"spec\",\"doc\":\"The process id,"));
	assert_true(contains(&out, "{\"name\":\"argv\",\"type\":\"list\",\"set\":\"extended\","));
}

static void test_page(void **state)
{
	_cleanup_(buf_done) struct buf made = { 0 }, page = { 0 };
	_cleanup_(fclosep) FILE *f = fopen(DOCS "/reference/fields.md", "re");
	char chunk[4096];
	size_t n;

	(void)state;
	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&page, chunk, n);
	fields_format(&made, FIELDS_MARKDOWN);
	if (!str_eq(buf_str(&made), buf_str(&page)))
		fail_msg("docs/reference/fields.md is old: proctrail fields --markdown makes it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
