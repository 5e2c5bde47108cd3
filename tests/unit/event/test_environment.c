/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Environments taken apart: variables one by one, and which of them have a name that is asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/cleanup.h"
#include "event/environment.h"

#define VARIABLES_MAX 4

static void test_next(void **state)
{
	static const struct {
		struct str env;
		const char *variables[VARIABLES_MAX]; /* ended by NULL */
	} rows[] = {
		{ STR_EMPTY, { NULL } },
		{ STR("A=1\0"), { "A=1" } },
		{ STR("A=1"), { "A=1" } }, /* cut: the last has no NUL */
		{ STR("A=1\0B=2\0"), { "A=1", "B=2" } },
		{ STR("A=1\0B="), { "A=1", "B=" } },
		{ STR("\0"), { "" } },
		{ STR("\0A=1\0"), { "", "A=1" } },
		{ STR("A=1\0\0B=2\0"), { "A=1", "", "B=2" } },
		{ STR("no name\0=\0"), { "no name", "=" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* Of exactly its size, so that a byte too far is seen. */
		_cleanup_(freep) char *copy = malloc(rows[i].env.n ? rows[i].env.n : 1);
		struct str rest = { copy, rows[i].env.n }, variable;

		memcpy(copy, rows[i].env.p, rows[i].env.n);
		for (size_t k = 0; rows[i].variables[k]; k++) {
			assert_true(environment_next(&rest, &variable));
			assert_true(str_eq(variable, str_from(rows[i].variables[k])));
		}
		assert_false(environment_next(&rest, &variable));
		assert_int_equal(rest.n, 0);
	}
}

static void test_named(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const two[] = { "PATH", "LD_PRELOAD", NULL };
	static const struct {
		struct str variable;
		const char *const *names;
		bool is_named;
	} rows[] = {
		{ STR("PATH=/bin"), NULL, false },   { STR("PATH=/bin"), none, false },
		{ STR("PATH=/bin"), two, true },     { STR("PATH="), two, true },
		{ STR("PATH=a=b"), two, true },	     { STR("LD_PRELOAD=x.so"), two, true },
		{ STR("PATH"), two, false },	     { STR("PATH2=/bin"), two, false },
		{ STR("PAT=/bin"), two, false },     { STR("path=/bin"), two, false },
		{ STR("MY_PATH=/bin"), two, false }, { STR("=PATH"), two, false },
		{ STR_EMPTY, two, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) char *copy = malloc(rows[i].variable.n ? rows[i].variable.n : 1);

		memcpy(copy, rows[i].variable.p, rows[i].variable.n);
		assert_int_equal(environment_is_named((struct str){ copy, rows[i].variable.n },
						      rows[i].names),
				 rows[i].is_named);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
