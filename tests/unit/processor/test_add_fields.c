/* SPDX-License-Identifier: Apache-2.0 */
/* New keys, keys that are there already, mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

extern const struct processor processor_add_fields;

static void test_add(void **state)
{
	_cleanup_(stage_done) struct stage s = { 0 };

	(void)state;
	assert_int_equal(
		stage_load(&s, &processor_add_fields,
			   "Fields: {cluster: blue, empty: '', pid: x, n: 7, container.id: none}"),
		0);
	assert_findings(&s, "");
	assert_shape(&s.shape, "lost.reason", "lost.reason cluster=blue empty= n=7 __time__");
	assert_null(shape_lookup(&s.shape, "pid")->field);
	assert_string_equal(shape_lookup(&s.shape, "pid")->text, "x");
	assert_null(shape_lookup(&s.shape, "container.id")->field);
}

static void test_ignore(void **state)
{
	_cleanup_(stage_done) struct stage s = { 0 };

	(void)state;
	assert_int_equal(stage_load(&s, &processor_add_fields, "Fields: {cluster: blue}"), 0);
	stage_unload(&s);
	assert_int_equal(
		stage_load(&s, &processor_add_fields,
			   "Fields: {cluster: red, container.id: none, b: c}\nIgnoreIfExist: true"),
		0);
	assert_shape(&s.shape, "lost.reason", "lost.reason cluster=blue b=c __time__");
	assert_non_null(shape_lookup(&s.shape, "container.id")->field);
	assert_string_equal(shape_lookup(&s.shape, "container.id")->text, "none");
	stage_unload(&s);
	assert_int_equal(stage_load(&s, &processor_add_fields, "Fields: {cluster: red}"), 0);
	assert_shape(&s.shape, "lost.reason", "lost.reason cluster=red b=c __time__");
}

static const char *const wrong[][2] = {
	{ "", "p.yaml:1:1: processors[0].Fields: required key is missing\n" },
	{ "Fields: []",
	  "p.yaml:1:9: processors[0].Fields: expected a map of keys and their values, such "
	  "as {cluster: blue}\n" },
	{ "Fields: {}",
	  "p.yaml:1:9: processors[0].Fields: expected a map of keys and their values, such "
	  "as {cluster: blue}\n" },
	{ "Fields: {a: ~, b: }", "p.yaml:1:13: processors[0].Fields.a: has no value\n"
				 "p.yaml:1:19: processors[0].Fields.b: has no value\n" },
	{ "Fields: {a: [b], c: {d: e}, '': f}",
	  "p.yaml:1:13: processors[0].Fields.a: expected a single value, not a list\n"
	  "p.yaml:1:21: processors[0].Fields.c: expected a single value, not a map\n"
	  "p.yaml:1:29: processors[0].Fields.: a key may not be empty\n" },
	{ "Fields: {a: b}\nIgnoreIfExists: true",
	  "p.yaml:2:1: processors[0].IgnoreIfExists: unknown key; did you mean 'IgnoreIfExist'?\n" },
};

static void test_wrong(void **state)
{
	(void)state;
	assert_mistakes(&processor_add_fields, wrong, ARRAY_SIZE(wrong));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_ignore),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
