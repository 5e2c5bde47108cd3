/* SPDX-License-Identifier: Apache-2.0 */
/* What PCRE2 is asked for; reasons; values that are made to be slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "match/regex.h"

static const struct {
	const char *pattern;
	bool whole;
	struct str value;
	enum outcome outcome;
} cases[] = {
	{ "python", false, STR("/usr/bin/python3"), OUTCOME_YES },
	{ "python", true, STR("/usr/bin/python3"), OUTCOME_NO },
	{ "python", true, STR("python"), OUTCOME_YES },
	{ ".*python.*", true, STR("/usr/bin/python3"), OUTCOME_YES },
	{ "a|ab", true, STR("ab"), OUTCOME_YES },
	{ "^bin$", false, STR("/bin"), OUTCOME_NO },
	{ "^/(usr/)?s?bin/", false, STR("/sbin/init"), OUTCOME_YES },
	{ "(?i)CURL", false, STR("curl"), OUTCOME_YES },
	{ "", false, STR(""), OUTCOME_YES },
	{ "a.b", false, STR("a\nb"), OUTCOME_YES },
	{ ".*curl.*", true, STR("x\ncurl\ny"), OUTCOME_YES },
	{ "sh$", false, STR("/bin/sh\n"), OUTCOME_NO },
	{ "a.b", false, STR("a\0b"), OUTCOME_YES },
	{ ".*", true, STR("\xff\xfe"), OUTCOME_YES },
	{ "\xc3\xa4", false, STR("B\xc3\xa4r"), OUTCOME_YES },
	{ "(a)\\1", false, STR("aa"), OUTCOME_YES },
	{ "foo(?C1)bar", false, STR("foobar"), OUTCOME_YES },
	{ "(*NO_JIT)fo+bar", false, STR("fooobar"), OUTCOME_YES },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(regex_freep) struct regex *re = NULL;
		_cleanup_(buf_done) struct buf why = { 0 };

		assert_int_equal(regex_new(cases[i].pattern, cases[i].whole, &why, &re), 0);
		assert_int_equal(why.len, 0);
		if (regex_test(re, cases[i].value) != cases[i].outcome)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].value.p);
	}
}

static void test_mistakes(void **state)
{
	static const char *const rows[][2] = {
		{ "a(", "missing closing parenthesis, at character 3" },
		{ "*a", "quantifier does not follow a repeatable item, at character 1" },
		{ "[[:foo:]]", "unknown POSIX class name, at character 4" },
		{ "(*UTF)a", "using UTF is disabled by the application, at character 7" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(buf_done) struct buf why = { 0 };
		struct regex *re = NULL;

		assert_int_equal(regex_new(rows[i][0], false, &why, &re), -EINVAL);
		assert_null(re);
		buf_put_char(&why, '\0');
		assert_string_equal(why.data, rows[i][1]);
	}
	assert_null(regex_free(NULL));
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/*
 * Bounded, whatever the value; far above what a sanitizer makes of it, far below what it would be.
 */
static void test_hostile(void **state)
{
	static const char *const patterns[] = {
		"foo.*bar",   "(f|fo|foo|o)+$(x|y)", "[fo]+[fo]+[fo]+[xy]",
		"f[^x]*[xy]", "(?:f.*)*[xy]",	     "(*NO_JIT)(f|fo|foo|o)+$(x|y)",
	};
	enum { LENGTH = 300000 };
	_cleanup_(freep) char *value = malloc(LENGTH);

	(void)state;
	assert_non_null(value);
	for (size_t i = 0; i < LENGTH; i++)
		value[i] = "foo"[i % 3];
	memcpy(value + LENGTH - 4, "rab", 3); /* so that no letter of the pattern is missing */
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		_cleanup_(regex_freep) struct regex *re = NULL;
		_cleanup_(buf_done) struct buf why = { 0 };
		double began = now_s();

		assert_int_equal(regex_new(patterns[i], false, &why, &re), 0);
		if (regex_test(re, (struct str){ value, LENGTH }) != OUTCOME_UNDECIDED)
			fail_msg("'%s' was decided", patterns[i]);
		assert_true(now_s() - began < 5);
		/* and the next one is as good as ever */
		assert_int_equal(regex_test(re, STR("z")), OUTCOME_NO);
	}
}

/* What is long and harmless is decided, also by a pattern that is long. */
static void test_long(void **state)
{
	static const char words[] = "(?i)\\b(alpha|bravo|charlie|delta|echo|foxtrot)\\b|\\bgolf\\b|"
				    "\\bhotel\\b|\\bindia\\b|\\bjuliett\\b|\\bkilo\\b|\\blima\\b|"
				    "\\bmike\\b|\\bnovember\\b|\\boscar\\b|\\bpapa\\b";
	enum { LENGTH = 100000 };
	_cleanup_(regex_freep) struct regex *re = NULL;
	_cleanup_(buf_done) struct buf why = { 0 };
	_cleanup_(freep) char *value = malloc(LENGTH);

	(void)state;
	assert_non_null(value);
	for (size_t i = 0; i < LENGTH; i++)
		value[i] = "hot m-pap "[i % 10];
	assert_int_equal(regex_new(words, false, &why, &re), 0);
	assert_int_equal(regex_test(re, (struct str){ value, LENGTH }), OUTCOME_NO);
	memcpy(value + LENGTH - 5, " MIKE", 5);
	assert_int_equal(regex_test(re, (struct str){ value, LENGTH }), OUTCOME_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
