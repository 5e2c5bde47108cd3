/* SPDX-License-Identifier: Apache-2.0 */
/* Include, Exclude, both; what is undecided stays; mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

extern const struct processor processor_filter;

static const struct {
	const char *text;
	bool keeps_execve, keeps_exit;
} rows[] = {
	{ "Include: {field: call_name, equals: exit}", false, true },
	{ "Exclude: {field: call_name, equals: exit}", true, false },
	{ "Include: {field: binary, prefix: /usr/}\nExclude: {field: exit_code, equals: 0}", true,
	  false },
	{ "Include: {field: binary, prefix: /opt/}\nExclude: {field: exit_code, equals: 1}", false,
	  false },
	{ "Include: [{field: pid, lt: 5}, {field: exit_code, exists: true}]", false, true },
	/* nothing can be said about these, and so they stay */
	{ "Include: {field: arguments, regex: '(a|aa)+$(x|y)'}", true, true },
	{ "Exclude: {field: arguments, regex: '(a|aa)+$(x|y)'}", true, true },
	{ "Include: {field: call_name, equals: exit, any: [{field: arguments, regex: "
	  "'(a|aa)+$(x|y)'}]}",
	  false, true },
};

static void test_verdicts(void **state)
{
	static char args[] = "x\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	_cleanup_(sample_done) struct sample execve, exit;

	(void)state;
	sample_init(&execve);
	sample_init(&exit);
	sample_end(&exit, 0);
	sample_set_text(&execve, PROGRAM_ARGS, (struct str){ args, sizeof(args) });
	sample_set_text(&exit, PROGRAM_ARGS, (struct str){ args, sizeof(args) });
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(stage_done) struct stage s = { 0 };

		assert_int_equal(stage_load(&s, &processor_filter, rows[i].text), 0);
		assert_findings(&s, "");
		if (stage_keeps(&s, &execve) != rows[i].keeps_execve ||
		    stage_keeps(&s, &exit) != rows[i].keeps_exit)
			fail_msg("%s", rows[i].text);
	}
}

/* A filter sees as much of the arguments as the records show. */
static void test_sees_what_is_shown(void **state)
{
	_cleanup_(sample_done) struct sample sample;
	_cleanup_(stage_done) struct stage s = { 0 };

	(void)state;
	sample_init(&sample);
	assert_int_equal(stage_load(&s, &processor_filter,
				    "Include: {field: arguments, contains: '8000'}"),
			 0);
	assert_true(stage_keeps(&s, &sample));
	sample.view.max_args = 20;
	assert_false(stage_keeps(&s, &sample));
}

static const char *const wrong[][2] = {
	{ "", "p.yaml:1:1: processors[0]: filters nothing; expected Include, Exclude or both\n" },
	{ "Inclde: {field: pid, gt: 1}",
	  "p.yaml:1:1: processors[0].Inclde: unknown key; did you mean 'Include'?\n" },
	{ "Include: all",
	  "p.yaml:1:10: processors[0].Include: expected a condition, such as {field: "
	  "binary, prefix: /usr/bin/}\n" },
	{ "Include: {field: pdi, gt: 1}\nExclude: {field: pid, gt: x}",
	  "p.yaml:1:18: processors[0].Include.field: unknown field 'pdi'; did you mean 'pid'?\n"
	  "p.yaml:2:27: processors[0].Exclude.gt: expected a whole number, not 'x'\n" },
};

static void test_wrong(void **state)
{
	(void)state;
	assert_mistakes(&processor_filter, wrong, ARRAY_SIZE(wrong));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_sees_what_is_shown),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
