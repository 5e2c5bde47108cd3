/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of pattern, with one text and with many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "match/pattern.h"

static const struct {
	enum pattern_kind kind;
	const char *texts[3];
	struct str hit, miss;
} cases[] = {
	{ PATTERN_EQUALS, { "a", "bc" }, STR("bc"), STR("b") },
	{ PATTERN_EQUALS, { "" }, STR(""), STR("a") },
	{ PATTERN_EQUALS, { "ab" }, STR("ab"), STR("ab\0") },
	{ PATTERN_PREFIX, { "/usr/", "/bin/" }, STR("/bin/sh"), STR("/bin") },
	{ PATTERN_SUFFIX, { ".py", ".sh" }, STR("x.sh"), STR(".sh.x") },
	{ PATTERN_CONTAINS, { "curl", "wget" }, STR("a wget b"), STR("a get b") },
	{ PATTERN_GLOB, { "*.py", "/bin/?sh" }, STR("/bin/zsh"), STR("/bin/sh") },
	{ PATTERN_REGEX, { "^a", "b$" }, STR("ab"), STR("ba") },
	{ PATTERN_REGEX_WHOLE, { "a+", "b+" }, STR("bbb"), STR("ab") },
};

static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(pattern_done) struct pattern p;
		_cleanup_(buf_done) struct buf why = { 0 };

		pattern_init(&p, cases[i].kind);
		assert_int_equal(pattern_test(&p, cases[i].hit), OUTCOME_NO);
		for (size_t j = 0; cases[i].texts[j]; j++)
			assert_int_equal(pattern_add(&p, cases[i].texts[j], &why), 0);
		assert_int_equal(pattern_seal(&p), 0);
		assert_int_equal(pattern_test(&p, cases[i].hit), OUTCOME_YES);
		assert_int_equal(pattern_test(&p, cases[i].miss), OUTCOME_NO);
	}
}

/* A set that is hashed, with a text twice, the empty one, and one that is long. */
static void test_many(void **state)
{
	_cleanup_(pattern_done) struct pattern p;
	char text[32];

	(void)state;
	pattern_init(&p, PATTERN_EQUALS);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i / 2);
		assert_int_equal(pattern_add(&p, text, NULL), 0);
	}
	assert_int_equal(pattern_add(&p, "", NULL), 0);
	assert_int_equal(pattern_seal(&p), 0);
	assert_int_equal(p.hashed.n, 501);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(pattern_test(&p, str_from(text)), outcome_from(i < 500));
	}
	assert_int_equal(pattern_test(&p, STR("")), OUTCOME_YES);
	assert_int_equal(pattern_test(&p, STR("4990")), OUTCOME_NO);
}

static void test_undecided(void **state)
{
	_cleanup_(pattern_done) struct pattern p;
	_cleanup_(buf_done) struct buf why = { 0 };
	static char value[20001];

	(void)state;
	memset(value, 'a', 20000);
	pattern_init(&p, PATTERN_REGEX);
	assert_int_equal(pattern_add(&p, "(a|aa)+$(x|y)", &why), 0);
	assert_int_equal(pattern_test(&p, str_from(value)), OUTCOME_UNDECIDED);
	assert_int_equal(pattern_add(&p, "b", &why), 0);
	assert_int_equal(pattern_test(&p, str_from(value)), OUTCOME_UNDECIDED);
	assert_int_equal(pattern_add(&p, "^a", &why), 0);
	assert_int_equal(pattern_test(&p, str_from(value)), OUTCOME_YES);
}

static void test_mistakes(void **state)
{
	_cleanup_(buf_done) struct buf why = { 0 };
	struct pattern p;

	(void)state;
	pattern_init(&p, PATTERN_GLOB);
	assert_int_equal(pattern_add(&p, "[", &why), -EINVAL);
	assert_int_equal(p.n, 0);
	pattern_done(&p);
	buf_put_char(&why, '|');
	pattern_init(&p, PATTERN_REGEX_WHOLE);
	assert_int_equal(pattern_add(&p, "(", &why), -EINVAL);
	pattern_done(&p);
	buf_put_char(&why, '\0');
	assert_string_equal(
		why.data,
		"the ']' of a '[' is missing|missing closing parenthesis, at character 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
