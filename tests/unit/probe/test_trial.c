/* SPDX-License-Identifier: Apache-2.0 */
/* Trials, with whatever this user and this kernel allow: each has a name, a kind and an outcome. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/trial.h"
#include <cmocka.h>

static const struct trial *find(const struct trial *trials, const char *hook)
{
	for (int i = 0; i < TRIAL_MAX; i++)
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

	(void)state;
	trial_run(trials);
	for (int i = 0; i < TRIAL_MAX; i++) {
		const struct trial *trial = find(trials, hooks[i]);

		assert_non_null(trial);
		assert_true(trial->r <= 0);
		assert_true(*trial->kind);
	}
}

/* It is one that a controller has. */
static void test_hierarchy(void **state)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/cgroups", "re");
	uint32_t ours = trial_cgroup_hierarchy(), number;
	bool is_there = false, is_any = false;
	char line[256];

	(void)state;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %" SCNu32, &number) == 1) {
			is_there |= number == ours;
			is_any = true;
		}
	assert_true(is_there || (!is_any && !ours));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trials),
		cmocka_unit_test(test_hierarchy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
