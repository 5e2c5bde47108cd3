/* SPDX-License-Identifier: Apache-2.0 */
/* Names one after the other, names that are taken, keys that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

extern const struct processor processor_rename;

static void test_rename(void **state)
{
	_cleanup_(stage_done) struct stage s = { 0 };

	(void)state;
	assert_int_equal(stage_load(&s, &processor_rename,
				    "SourceKeys: [exit_tid, exit_code, __time__, exit_signal]\n"
				    "DestKeys: [b, exit_tid, t, exit_signal]"),
			 0);
	assert_findings(&s, "");
	assert_shape(
		&s.shape, "event_type",
		"event_type exit_tid b exit_signal core_dumped inferred arguments.truncated "
		"cwd.truncated lost.execve lost.exit lost.clone lost.other lost.since lost.until "
		"lost.reason t");
	assert_string_equal(shape_lookup(&s.shape, "exit_tid")->field->name, "exit_code");
}

static void test_missing(void **state)
{
	_cleanup_(stage_done) struct stage s = { 0 };

	(void)state;
	assert_int_equal(stage_load(&s, &processor_rename,
				    "SourceKeys: [exit_tdi, pid]\nDestKeys: [a, process]"),
			 0);
	assert_findings(
		&s, "p.yaml:1:14: warning: processors[0].SourceKeys[0]: the records have no key "
		    "'exit_tdi'; did you mean 'exit_tid'?\n");
	assert_non_null(shape_lookup(&s.shape, "process"));
}

static const char *const wrong[][2] = {
	{ "", "p.yaml:1:1: processors[0].SourceKeys: required key is missing\n"
	      "p.yaml:1:1: processors[0].DestKeys: required key is missing\n" },
	{ "SourceKeys: []\nDestKeys: []",
	  "p.yaml:2:11: processors[0].DestKeys: expected as many names as SourceKeys has, at least one: "
	  "0, not 0\n" },
	{ "SourceKeys: [pid]\nDestKeys: [a, b]",
	  "p.yaml:2:11: processors[0].DestKeys: expected as many names as SourceKeys has, at least one: "
	  "1, not 2\n" },
	{ "SourceKeys: [pid, uid, some.thing]\nDestKeys: [uid, '', a]\nNoKeyError: true",
	  "p.yaml:2:12: processors[0].DestKeys[0]: the records have another key 'uid'\n"
	  "p.yaml:2:17: processors[0].DestKeys[1]: a key may not be named ''\n"
	  "p.yaml:1:24: processors[0].SourceKeys[2]: the records have no key 'some.thing'\n" },
};

static void test_wrong(void **state)
{
	(void)state;
	assert_mistakes(&processor_rename, wrong, ARRAY_SIZE(wrong));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
