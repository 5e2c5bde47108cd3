/* SPDX-License-Identifier: Apache-2.0 */
/* Trees built by hand: three-valued logic, kinds of values, values that could not be made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "match/condition.h"

#include "../event/sample.h"

/* A text condition on a field; or, with no field, one on the constant `constant`. */
static struct condition *text_on(const char *field, enum pattern_kind kind, const char *text)
{
	_cleanup_(buf_done) struct buf why = { 0 };
	struct condition *c = NULL;

	assert_int_equal(condition_new(CONDITION_TEXT, &c), 0);
	c->field = field_lookup(str_from(field));
	assert_non_null(c->field);
	pattern_init(&c->pattern, kind);
	assert_int_equal(pattern_add(&c->pattern, text, &why), 0);
	return c;
}

/* y, n or u: a condition with that outcome for the sample. */
static struct condition *of_outcome(char outcome)
{
	if (outcome == 'u') /* the sample's arguments are as below then */
		return text_on("arguments", PATTERN_REGEX, "(a|aa)+$(x|y)");
	return text_on("pid", PATTERN_EQUALS, outcome == 'y' ? "148749" : "1");
}

static char name_of(enum outcome o)
{
	return o == OUTCOME_YES ? 'y' : o == OUTCOME_NO ? 'n' : 'u';
}

static void test_logic(void **state)
{
	static const struct {
		enum condition_kind kind;
		const char *children;
		char outcome;
	} rows[] = {
		{ CONDITION_ALL, "", 'y' },    { CONDITION_ALL, "y", 'y' },
		{ CONDITION_ALL, "yn", 'n' },  { CONDITION_ALL, "yu", 'u' },
		{ CONDITION_ALL, "un", 'n' },  { CONDITION_ALL, "uyu", 'u' },
		{ CONDITION_ANY, "", 'n' },    { CONDITION_ANY, "n", 'n' },
		{ CONDITION_ANY, "ny", 'y' },  { CONDITION_ANY, "un", 'u' },
		{ CONDITION_ANY, "uny", 'y' }, { CONDITION_NOT, "y", 'n' },
		{ CONDITION_NOT, "n", 'y' },   { CONDITION_NOT, "u", 'u' },
	};
	static char args[] =
		"a\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	sample_set_text(&s, PROGRAM_ARGS, (struct str){ .p = args, .n = sizeof(args) });
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(condition_freep) struct condition *c = NULL;

		assert_int_equal(condition_new(rows[i].kind, &c), 0);
		for (const char *p = rows[i].children; *p; p++)
			assert_int_equal(condition_append(c, of_outcome(*p)), 0);
		if (name_of(condition_test(c, &s.event, &s.view)) != rows[i].outcome)
			fail_msg("kind %d of '%s'", rows[i].kind, rows[i].children);
	}
	assert_null(condition_free(NULL));
}

/* Each kind of value by its text. */
static void test_values(void **state)
{
	static const struct {
		const char *field;
		enum pattern_kind kind;
		const char *text;
		enum outcome execve, exit;
	} rows[] = {
		{ "binary", PATTERN_EQUALS, "/usr/bin/python3", OUTCOME_YES, OUTCOME_YES },
		{ "call_name", PATTERN_EQUALS, "exit", OUTCOME_NO, OUTCOME_YES },
		{ "pid", PATTERN_PREFIX, "1487", OUTCOME_YES, OUTCOME_YES },
		{ "exit_code", PATTERN_EQUALS, "0", OUTCOME_NO, OUTCOME_NO },
		{ "exit_code", PATTERN_EQUALS, "137", OUTCOME_NO, OUTCOME_YES },
		{ "exit_code", PATTERN_REGEX, "", OUTCOME_NO, OUTCOME_YES },
		{ "exit_signal", PATTERN_EQUALS, "SIGKILL", OUTCOME_NO, OUTCOME_YES },
		{ "__time__", PATTERN_EQUALS, "1758701451", OUTCOME_YES, OUTCOME_NO },
		{ "__seq__", PATTERN_EQUALS, "18446744073709551615", OUTCOME_YES, OUTCOME_YES },
		{ "core_dumped", PATTERN_EQUALS, "true", OUTCOME_NO, OUTCOME_YES },
		{ "argv", PATTERN_EQUALS, "http.server", OUTCOME_YES, OUTCOME_YES },
		{ "argv", PATTERN_EQUALS, "8000", OUTCOME_YES, OUTCOME_YES },
		{ "argv", PATTERN_EQUALS, "-m http.server", OUTCOME_NO, OUTCOME_NO },
		{ "arguments", PATTERN_CONTAINS, "-m http.server", OUTCOME_YES, OUTCOME_YES },
		{ "container.id", PATTERN_REGEX, "", OUTCOME_NO, OUTCOME_NO },
	};
	_cleanup_(sample_done) struct sample execve, exit;

	(void)state;
	sample_init(&execve);
	sample_init(&exit);
	sample_end(&exit, 9 | 0x80);
	execve.event.seq = exit.event.seq = UINT64_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(condition_freep) struct condition *c =
			text_on(rows[i].field, rows[i].kind, rows[i].text);

		if (condition_test(c, &execve.event, &execve.view) != rows[i].execve ||
		    condition_test(c, &exit.event, &exit.view) != rows[i].exit)
			fail_msg("%s and '%s'", rows[i].field, rows[i].text);
	}
}

static void test_negative_number(void **state)
{
	_cleanup_(condition_freep) struct condition *c =
		text_on("__time_ns__", PATTERN_EQUALS, "-9223372036854775808");
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.event.time_ns = INT64_MIN;
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_YES);
	c->kind = CONDITION_RANGE;
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_YES);
	c->max = INT64_MIN;
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_YES);
	c->max--;
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_NO);
}

/* What a value that memory did not suffice for would have said, nobody knows. */
static void test_lack_of_memory(void **state)
{
	_cleanup_(condition_freep) struct condition *c = text_on("exec_id", PATTERN_EQUALS, "x");
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_NO);
	s.node.name = (struct str){ .p = "", .n = SIZE_MAX / 3 }; /* with its base64 beside it */
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_UNDECIDED);
	c->kind = CONDITION_EXISTS;
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_UNDECIDED);
	s.node.name = STR("node");
	assert_int_equal(condition_test(c, &s.event, &s.view), OUTCOME_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logic),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_negative_number),
		cmocka_unit_test(test_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
