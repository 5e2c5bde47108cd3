/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that go, keys that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

extern const struct processor processor_drop_fields;

static void test_drop(void **state)
{
	_cleanup_(stage_done) struct stage s = { 0 };

	(void)state;
	assert_int_equal(
		stage_load(&s, &processor_drop_fields, "DropKeys: [exit_tid, cwd, __time__]"), 0);
	assert_findings(&s, "");
	assert_shape(&s.shape, "exit_code",
		     "exit_code exit_signal core_dumped inferred arguments.truncated cwd.truncated "
		     "lost.execve lost.exit lost.clone lost.other lost.since lost.until "
		     "lost.reason");
	assert_null(shape_lookup(&s.shape, "cwd"));
	stage_unload(&s);
	assert_int_equal(stage_load(&s, &processor_drop_fields, "DropKeys: exit_signal"), 0);
	assert_null(shape_lookup(&s.shape, "exit_signal"));
}

static const char *const wrong[][2] = {
	{ "", "p.yaml:1:1: processors[0].DropKeys: required key is missing\n" },
	{ "DropKeys: []", "p.yaml:1:11: processors[0].DropKeys: expected at least one key\n" },
	{ "DropKeys: [cwd, exit_tdi, cwd, some.thing]",
	  "p.yaml:1:17: processors[0].DropKeys[1]: the records have no key 'exit_tdi'; did you mean "
	  "'exit_tid'?\n"
	  "p.yaml:1:27: processors[0].DropKeys[2]: the records have no key 'cwd'; did you mean 'pid'?\n"
	  "p.yaml:1:32: processors[0].DropKeys[3]: the records have no key 'some.thing'\n" },
};

static void test_wrong(void **state)
{
	(void)state;
	assert_mistakes(&processor_drop_fields, wrong, ARRAY_SIZE(wrong));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
