/* SPDX-License-Identifier: Apache-2.0 */
/* What is near, and what is not near enough to be meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include <cmocka.h>

static const char *const names[] = { "OnlyStdout", "FilePath", "FileName", "Tags", "Type", NULL };

static void test_nearest(void **state)
{
	static const struct {
		const char *text, *nearest;
	} cases[] = {
		{ "FilePth", "FilePath" },
		{ "filepath", "FilePath" },
		{ "FileNmae", "FileName" }, /* neighbours swapped */
		{ "Tag", "Tags" },
		{ "Tpye", "Type" },
		{ "only_stdout", "OnlyStdout" },
		{ "OnlyStdout", "OnlyStdout" },
		{ "Compression", NULL },
		{ "", NULL },
		{ "x", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *nearest = nearest_name(cases[i].text, names);

		if (cases[i].nearest) {
			assert_non_null(nearest);
			assert_string_equal(nearest, cases[i].nearest);
		} else if (nearest) {
			fail_msg("'%s' is taken for '%s'", cases[i].text, nearest);
		}
	}
}

static void test_limits(void **state)
{
	static const char *const none[] = { NULL };
	char text[200] = { 0 };
	size_t i;

	(void)state;
	/* neighbours swapped are one mistake, two other letters are two: too many for two */
	assert_non_null(nearest_name("ni", (const char *const[]){ "in", NULL }));
	assert_null(nearest_name("xy", (const char *const[]){ "in", NULL }));
	/* one mistake, but nothing of the name is left */
	assert_null(nearest_name("a", (const char *const[]){ "<", NULL }));
	assert_non_null(nearest_name("a", (const char *const[]){ "as", NULL }));
	assert_null(nearest_name("Type", none));
	for (i = 0; i < sizeof(text) - 1; i++)
		text[i] = 'x';
	assert_null(nearest_name(text, names));
	assert_null(nearest_name("Type", (const char *const[]){ text, NULL }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
