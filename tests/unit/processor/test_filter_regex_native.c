/* SPDX-License-Identifier: Apache-2.0 */
/* The three ways to write a filter by regular expressions, and all that may be wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

extern const struct processor processor_filter_regex_native;

static const struct {
	const char *text;
	bool keeps_execve, keeps_exit;
} rows[] = {
	{ "FilterKey: [binary]\nFilterRegex: ['.*python.*']", true, true },
	{ "FilterKey: binary\nFilterRegex: python", false, false },
	{ "FilterKey: [binary, call_name]\nFilterRegex: ['.*', 'exit']", false, true },
	{ "FilterKey: [exit_code]\nFilterRegex: ['.*']", false, true },
	{ "Include: {binary: '/usr/bin/.*', uid: '3[0-9]+'}", true, true },
	{ "Include: {binary: '/usr/bin/.*', uid: '3'}", false, false },
	{ "ConditionExp: {key: call_name, type: regex, exp: exec..}", true, false },
	{ "ConditionExp: {operator: and, operands: [{key: pid, type: regex, exp: '[0-9]+'}, "
	  "{key: call_name, type: regex, exp: exit}]}",
	  false, true },
	{ "ConditionExp: {operator: or, operands: [{key: pid, type: regex, exp: '[0-9]'}, "
	  "{key: call_name, type: regex, exp: exit}]}",
	  false, true },
	{ "ConditionExp: {operator: not, operands: [{key: exit_code, type: regex, exp: '0'}]}",
	  true, false },
	{ "ConditionExp: {operator: not, operands: [{operator: or, operands: [{key: exit_code, type: "
	  "regex, exp: '0'}]}]}",
	  true, false },
	{ "FilterKey: [arguments]\nFilterRegex: ['(a|aa)+$(x|y)']", true, true },
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

		assert_int_equal(stage_load(&s, &processor_filter_regex_native, rows[i].text), 0);
		assert_findings(&s, "");
		if (stage_keeps(&s, &execve) != rows[i].keeps_execve ||
		    stage_keeps(&s, &exit) != rows[i].keeps_exit)
			fail_msg("%s", rows[i].text);
	}
}

static void test_discarding(void **state)
{
	_cleanup_(stage_done) struct stage s = { 0 };

	(void)state;
	assert_int_equal(stage_load(&s, &processor_filter_regex_native,
				    "Include: {pid: '1'}\nDiscardingNonUTF8: true"),
			 0);
	assert_findings(&s, "p.yaml:2:20: warning: processors[0].DiscardingNonUTF8: has no effect: "
			    "records are valid UTF-8 always\n");
}

static const char *const wrong[][2] = {
	{ "",
	  "p.yaml:1:1: processors[0]: filters nothing; expected FilterKey and FilterRegex, Include "
	  "or ConditionExp\n" },
	{ "FilterKey: [pid]",
	  "p.yaml:1:1: processors[0]: expected as many FilterRegex as FilterKey: 1, not 0\n" },
	{ "FilterRegex: [a]\nInclude: {pid: a}",
	  "p.yaml:1:1: processors[0]: has more than one of FilterKey with FilterRegex, Include and "
	  "ConditionExp; expected one\n" },
	{ "FilterKey: [pdi, uid]\nFilterRegex: ['(', '[']",
	  "p.yaml:1:13: processors[0].FilterKey[0]: unknown field 'pdi'; did you mean 'pid'?\n"
	  "p.yaml:2:15: processors[0].FilterRegex[0]: not a valid regular expression: missing closing "
	  "parenthesis, at character 2\n"
	  "p.yaml:2:20: processors[0].FilterRegex[1]: not a valid regular expression: missing "
	  "terminating ] for character class, at character 2\n" },
	{ "Include: a",
	  "p.yaml:1:10: processors[0].Include: expected a map of keys and their regular expressions\n" },
	{ "Include: {}",
	  "p.yaml:1:10: processors[0].Include: expected a map of keys and their regular expressions\n" },
	{ "Include: {pdi: a, uid: [b], user: '('}",
	  "p.yaml:1:11: processors[0].Include.pdi: unknown field 'pdi'; did you mean 'pid'?\n"
	  "p.yaml:1:24: processors[0].Include.uid: expected a single value, not a list\n"
	  "p.yaml:1:35: processors[0].Include.user: not a valid regular expression: missing closing "
	  "parenthesis, at character 2\n" },
	{ "ConditionExp: a",
	  "p.yaml:1:15: processors[0].ConditionExp: expected {operator: and, operands: "
	  "[...]} or {key: binary, type: regex, exp: /usr/bin/.*}\n" },
	{ "ConditionExp: {}",
	  "p.yaml:1:15: processors[0].ConditionExp: expected {operator: and, operands: "
	  "[...]} or {key: binary, type: regex, exp: /usr/bin/.*}\n" },
	{ "ConditionExp: {key: pid}",
	  "p.yaml:1:15: processors[0].ConditionExp.type: required key is missing\n" },
	{ "ConditionExp: {key: pid, type: regex}",
	  "p.yaml:1:15: processors[0].ConditionExp.exp: required key is missing\n" },
	{ "ConditionExp: {type: regex, exp: a}",
	  "p.yaml:1:15: processors[0].ConditionExp.key: required key is missing\n" },
	{ "ConditionExp: {key: [a], type: regex, exp: a}",
	  "p.yaml:1:21: processors[0].ConditionExp.key: expected a single value, not a list\n" },
	{ "ConditionExp: {key: pid, typ: regex, exp: a}",
	  "p.yaml:1:26: processors[0].ConditionExp.typ: unknown key; did you mean 'type'?\n" },
	{ "ConditionExp: {key: pid, type: regex, exp: a, something: 1}",
	  "p.yaml:1:47: processors[0].ConditionExp.something: unknown key; expected key, type or exp\n" },
	{ "ConditionExp: {key: pid, type: glob, exp: a}",
	  "p.yaml:1:32: processors[0].ConditionExp.type: expected regex, not 'glob'\n" },
	{ "ConditionExp: {key: pdi, type: regex, exp: a}",
	  "p.yaml:1:21: processors[0].ConditionExp.key: unknown field 'pdi'; did you mean 'pid'?\n" },
	{ "ConditionExp: {operator: xor, operands: [a]}",
	  "p.yaml:1:26: processors[0].ConditionExp.operator: expected and, or or not, not 'xor'\n" },
	{ "ConditionExp: {operands: [a]}",
	  "p.yaml:1:15: processors[0].ConditionExp.operator: required key is missing\n" },
	{ "ConditionExp: {operator: and}",
	  "p.yaml:1:15: processors[0].ConditionExp.operands: expected a list of at least one operand\n" },
	{ "ConditionExp: {operator: and, operands: []}",
	  "p.yaml:1:41: processors[0].ConditionExp.operands: expected a list of at least one operand\n" },
	{ "ConditionExp: {operator: not, operands: [a, b]}",
	  "p.yaml:1:41: processors[0].ConditionExp.operands: 'not' takes one operand, not 2\n" },
	{ "ConditionExp: {operator: and, operator2: 1, operands: [a]}",
	  "p.yaml:1:31: processors[0].ConditionExp.operator2: unknown key; did you mean 'operator'?\n" },
	{ "ConditionExp: {operator: or, operands: [{key: pid, type: regex, exp: '('}, 3]}",
	  "p.yaml:1:70: processors[0].ConditionExp.operands[0].exp: not a valid regular expression: "
	  "missing closing parenthesis, at character 2\n"
	  "p.yaml:1:76: processors[0].ConditionExp.operands[1]: expected {operator: and, operands: "
	  "[...]} or {key: binary, type: regex, exp: /usr/bin/.*}\n" },
};

static void test_wrong(void **state)
{
	(void)state;
	assert_mistakes(&processor_filter_regex_native, wrong, ARRAY_SIZE(wrong));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_discarding),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
