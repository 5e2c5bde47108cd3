/* SPDX-License-Identifier: Apache-2.0 */
/* Each case in a process of its own: the environment is read once, and the points kill. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef PROCTRAIL_FAULTS
#define PROCTRAIL_FAULTS /* the points are tested in every build, and are in none but their own */
#endif
#include "base/fault.c"

#define SURVIVED 100 /* + how often it passed */

/* The wait status of a process that passes `name` five times with this environment. */
static int status_of(const char *armed, const char *name)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		close(STDERR_FILENO);
		setenv(FAULT_VARIABLE, armed, 1);
		for (int i = 0; i < 5; i++)
			FAULT(name);
		_exit(SURVIVED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_points(void **state)
{
	static const struct {
		const char *armed, *name;
		int status;
	} cases[] = {
		{ "", "a", SURVIVED << 8 },	{ "a:1", "a", SIGKILL },
		{ "a:5", "a", SIGKILL },	{ "a:6", "a", SURVIVED << 8 },
		{ "a:1", "ab", SURVIVED << 8 }, { "ab:1", "a", SURVIVED << 8 },
		{ "b:1,a:2", "a", SIGKILL },	{ "b:1,a:9", "a", SURVIVED << 8 },
		{ "a", "a", 2 << 8 },		{ "a:0", "a", 2 << 8 },
		{ "a:x", "a", 2 << 8 },		{ ":1", "a", 2 << 8 },
		{ "a:1;b:1", "a", 2 << 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(status_of(cases[i].armed, cases[i].name), cases[i].status);
}

/* All bytes, but the armed time half of them, and then death at the end of that write alone. */
static void test_short(void **state)
{
	int status = 0;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		setenv(FAULT_VARIABLE, "w:2", 1);
		if (FAULT_SHORT("w", 9) != 9)
			_exit(1);
		FAULT_SHORT_END("w");
		FAULT_SHORT_END("other");
		if (FAULT_SHORT("w", 9) != 4)
			_exit(2);
		FAULT_SHORT_END("w");
		_exit(3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
