/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of this machine: whose hierarchy tells containers, and where init is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "probe/internal.h"
#include <cmocka.h>

#define TITLE "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"

static void test_whose_hierarchy(void **state)
{
	static const struct {
		const char *table;
		enum knobs_cgroup_v1 controller;
		uint32_t hierarchy;
	} cases[] = {
		{ TITLE "cpu\t0\t9\t1\nmemory\t0\t9\t1\n", KNOBS_CGROUP_UNIFIED, 0 },
		{ TITLE "cpu\t2\t9\t1\npids\t7\t9\t1\nmemory\t5\t9\t1\ndevices\t6\t9\t1\n",
		  KNOBS_CGROUP_MEMORY, 5 },
		{ TITLE "memory\t5\t9\t1\npids\t7\t9\t1\n", KNOBS_CGROUP_MEMORY, 5 },
		{ TITLE "memory\t0\t9\t1\ncpu\t2\t9\t1\npids\t7\t9\t1\n", KNOBS_CGROUP_PIDS, 7 },
		{ TITLE "cpuset\t1\t9\t1\ncpu\t2\t9\t1\ndevices\t3\t9\t1\n", KNOBS_CGROUP_DEVICES,
		  3 },
		{ TITLE "freezer\t1\t9\t1\ncpu\t4294967295\t9\t1", KNOBS_CGROUP_CPU, UINT32_MAX },
		{ TITLE "freezer\t1\t9\t1\n", KNOBS_CGROUP_UNIFIED, 0 },
		{ "memory\nmemory x\n\n", KNOBS_CGROUP_UNIFIED, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(fclosep)
			FILE *f = fmemopen((void *)cases[i].table, strlen(cases[i].table), "r");
		struct kernel_facts facts = { 0 };

		assert_non_null(f);
		kernel_facts_cgroups(f, &facts);
		assert_int_equal(facts.cgroup_v1, cases[i].controller);
		assert_int_equal(facts.cgroup_v1_hierarchy, cases[i].hierarchy);
	}
}

static void test_this_machine(void **state)
{
	struct kernel_facts facts = { .host_mnt_ns = 1 };
	struct stat st;

	(void)state;
	kernel_facts_read(&facts);
	if (stat("/proc/1/ns/mnt", &st) < 0)
		assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	assert_int_equal(facts.host_mnt_ns, st.st_ino);
	assert_int_equal(facts.cgroup_v1 == KNOBS_CGROUP_UNIFIED, !facts.cgroup_v1_hierarchy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_hierarchy),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
