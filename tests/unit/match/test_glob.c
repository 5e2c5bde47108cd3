/* SPDX-License-Identifier: Apache-2.0 */
/* Hits and misses of every kind of element, mistakes, and a value made to be slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "match/glob.h"

static const struct {
	const char *pattern;
	struct str value;
	bool matches;
} cases[] = {
	{ "", STR(""), true },
	{ "", STR("a"), false },
	{ "abc", STR("abc"), true },
	{ "abc", STR("abcd"), false },
	{ "abc", STR("ab"), false },
	{ "*", STR(""), true },
	{ "*", STR("a/b\nc"), true },
	{ "***", STR("x"), true },
	{ "/usr/*", STR("/usr/bin/python3"), true },
	{ "/usr/*", STR("/usr"), false },
	{ "*.py", STR("/a/b.py"), true },
	{ "*.py", STR("/a/b.pyc"), false },
	{ "*.py", STR(".py"), true },
	{ "a*a", STR("a"), false },
	{ "a*a", STR("aa"), true },
	{ "*ab*ba*", STR("aba"), false },
	{ "*ab*ba*", STR("xabbax"), true },
	{ "*a*b*c*", STR("cbaabc"), true },
	{ "*a*b*c*", STR("cbaacb"), false },
	{ "?", STR("a"), true },
	{ "?", STR(""), false },
	{ "?", STR("ab"), false },
	{ "?", STR("\xe4\xb8\xad"), true },
	{ "??", STR("\xe4\xb8\xad"), false },
	{ "?", STR("\xff"), true },
	{ "??", STR("\xe4\xb8"), true },
	{ "*?x", STR("\xe4\xb8\xadx"), true },
	{ "*?", STR(""), false },
	{ "a?c*", STR("a\0cd"), true },
	{ "python[23]", STR("python3"), true },
	{ "python[23]", STR("python4"), false },
	{ "[a-c]*[x-z]", STR("bay"), true },
	{ "[a-c]*[x-z]", STR("dy"), false },
	{ "[!a-c]", STR("d"), true },
	{ "[!a-c]", STR("b"), false },
	{ "[^a-c]", STR("b"), false },
	{ "[!a-c]", STR("\xc3\xa4"), true },
	{ "[a-c]", STR("\xc3\xa4"), false },
	{ "[]]", STR("]"), true },
	{ "[!]]", STR("]"), false },
	{ "[a-]", STR("-"), true },
	{ "[\\]x]", STR("]"), true },
	{ "[*?]", STR("*"), true },
	{ "[*?]", STR("a"), false },
	{ "\\*", STR("*"), true },
	{ "\\*", STR("a"), false },
	{ "a\\\\b", STR("a\\b"), true },
	{ "*[0-9]/*?.so*", STR("/lib/x86/1/a.so.6"), true },
	{ "*[0-9]/*?.so*", STR("/lib/x86/.so"), false },
	{ "*\xc3\xa4*", STR("B\xc3\xa4r"), true },
	{ "*[ab]", STR("xxa"), true },
	{ "*[ab]", STR("axx"), false },
	{ "*[ab]?", STR("aab\xc3\xa4"), true },
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(glob_freep) struct glob *g = NULL;
		const char *why = NULL;

		assert_int_equal(glob_new(cases[i].pattern, &why, &g), 0);
		if (glob_matches(g, cases[i].value) != cases[i].matches)
			fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].value.p);
	}
}

static void test_mistakes(void **state)
{
	static const char *const rows[][2] = {
		{ "a[bc", "the ']' of a '[' is missing" },
		{ "[", "the ']' of a '[' is missing" },
		{ "[!", "the ']' of a '[' is missing" },
		{ "[]", "the ']' of a '[' is missing" },
		{ "[a-", "the ']' of a '[' is missing" },
		{ "[a\\", "the ']' of a '[' is missing" },
		{ "[z-a]", "a range of a set runs backwards" },
		{ "[\xc3\xa4]", "a set may hold ASCII characters only" },
		{ "[a-\xc3\xa4]", "a set may hold ASCII characters only" },
		{ "a\\", "nothing follows the last '\\'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct glob *g = NULL;
		const char *why = "";

		assert_int_equal(glob_new(rows[i][0], &why, &g), -EINVAL);
		assert_null(g);
		assert_string_equal(why, rows[i][1]);
	}
	assert_null(glob_free(NULL));
}

/* Whoever tries each place again takes years for this. */
static void test_hostile(void **state)
{
	_cleanup_(glob_freep) struct glob *g = NULL;
	_cleanup_(freep) char *value = malloc(100000);
	const char *why = NULL;

	(void)state;
	assert_non_null(value);
	memset(value, 'a', 100000);
	assert_int_equal(glob_new("*a*a*a*a*a*a*[a]a*a*a*a*a*b", &why, &g), 0);
	assert_false(glob_matches(g, (struct str){ value, 100000 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
