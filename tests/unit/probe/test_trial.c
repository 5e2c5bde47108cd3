/* SPDX-License-Identifier: Apache-2.0 */
/* Trials, with whatever this user and this kernel allow: each has a name, a kind and an outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "probe/trial.h"
#include <cmocka.h>

static const struct trial *find(const struct trial *trials, int n, const char *hook)
{
	for (int i = 0; i < n; i++)
		if (strcmp(trials[i].hook, hook) == 0)
			return &trials[i];
	return NULL;
}

static void test_trials(void **state)
{
	static const char *const hooks[] = { "sched_process_exit", "sched_process_exec",
					     "cgroup_mkdir", "sched_process_fork",
					     "task iterator" };
	struct trial trials[TRIAL_MAX];
	int n = trial_run(trials);

	(void)state;
	if (n < 0) {
		print_message("no BTF here\n");
		skip();
	}
	assert_int_equal(n, TRIAL_MAX);
	for (int i = 0; i < TRIAL_MAX; i++) {
		const struct trial *trial = find(trials, n, hooks[i]);

		assert_non_null(trial);
		assert_true(trial->r <= 0);
		assert_true(*trial->kind);
	}
}

static void test_hierarchy(void **state)
{
	(void)state;
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0) {
		print_message("no BTF here\n");
		skip();
	}
	assert_true(trial_cgroup_hierarchy() >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trials),
		cmocka_unit_test(test_hierarchy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
