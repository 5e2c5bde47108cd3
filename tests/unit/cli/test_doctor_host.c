/* SPDX-License-Identifier: Apache-2.0 */
/* What is concluded from what a host says of itself. */
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "cli/doctor.h"
#include <cmocka.h>

static const struct diagnosis_line *find(const struct diagnosis *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->lines[i].name, name) == 0)
			return &d->lines[i];
	return NULL;
}

static void test_kernel(void **state)
{
	static const struct {
		const char *release, *version;
		enum finding finding;
		const char *text;
	} cases[] = {
		{ "6.1.0-18-amd64", "#1 SMP", FINDING_OK, "6.1.0-18-amd64" },
		{ "5.19.0", "", FINDING_OK, "5.19.0" },
		{ "10.0-rc1", "", FINDING_OK, "10.0-rc1" },
		{ "5.18.9", "", FINDING_WARNING, "5.18.9 cuts arguments above 8 KiB" },
		{ "5.17.0", "", FINDING_WARNING, "5.17.0 cuts arguments above 8 KiB" },
		{ "5.16.99", "", FINDING_FAILURE, "5.16.99 is too old" },
		{ "4.18.0-553.el8", "", FINDING_FAILURE, "4.18.0-553.el8 is too old" },
		{ "unknown", "", FINDING_WARNING, "'unknown' is no version that we know" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct diagnosis d = { 0 };

		doctor_kernel(&d, cases[i].release, cases[i].version);
		assert_int_equal(d.n, 1);
		assert_int_equal(d.lines[0].finding, cases[i].finding);
		assert_string_equal(d.lines[0].text, cases[i].text);
		assert_int_equal(d.lines[0].advice != NULL, cases[i].finding != FINDING_OK);
	}
}

static void test_realtime(void **state)
{
	static const struct {
		const char *release;
		enum finding finding;
	} cases[] = { { "6.12.1-rt", FINDING_OK },
		      { "7.0.0", FINDING_WARNING },
		      { "7.1.0", FINDING_WARNING } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct diagnosis d = { 0 };

		doctor_kernel(&d, cases[i].release, "#1 SMP PREEMPT_RT Debian");
		assert_non_null(find(&d, "realtime"));
		assert_int_equal(find(&d, "realtime")->finding, cases[i].finding);
	}
}

#define CAP(name) (UINT64_C(1) << CAP_##name)

static void test_capabilities(void **state)
{
	static const struct {
		uint64_t effective;
		enum finding bpf, perfmon, ptrace, search;
	} cases[] = {
		{ UINT64_MAX, FINDING_OK, FINDING_OK, FINDING_OK, FINDING_OK },
		{ 0, FINDING_FAILURE, FINDING_FAILURE, FINDING_WARNING, FINDING_WARNING },
		{ CAP(BPF), FINDING_OK, FINDING_FAILURE, FINDING_WARNING, FINDING_WARNING },
		{ CAP(SYS_ADMIN), FINDING_OK, FINDING_OK, FINDING_WARNING, FINDING_WARNING },
		{ CAP(BPF) | CAP(PERFMON) | CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH), FINDING_OK,
		  FINDING_OK, FINDING_OK, FINDING_OK },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct diagnosis d = { 0 };

		doctor_capabilities(&d, cases[i].effective);
		assert_int_equal(find(&d, "CAP_BPF")->finding, cases[i].bpf);
		assert_int_equal(find(&d, "CAP_PERFMON")->finding, cases[i].perfmon);
		assert_int_equal(find(&d, "CAP_SYS_PTRACE")->finding, cases[i].ptrace);
		assert_int_equal(find(&d, "CAP_DAC_READ_SEARCH")->finding, cases[i].search);
		assert_int_equal(find(&d, "CAP_SYS_RESOURCE")->finding, FINDING_OK);
	}
}

static void test_bpffs(void **state)
{
	static const struct {
		bool is_mounted;
		uint64_t effective;
		enum finding finding;
	} cases[] = {
		{ true, 0, FINDING_OK },
		{ false, CAP(SYS_ADMIN), FINDING_OK },
		{ false, CAP(BPF) | CAP(PERFMON), FINDING_WARNING },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct diagnosis d = { 0 };

		doctor_bpffs(&d, cases[i].is_mounted, cases[i].effective);
		assert_int_equal(find(&d, "bpffs")->finding, cases[i].finding);
	}
}

static void test_cgroups(void **state)
{
	static const char cgroups[] = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
				      "cpu\t4\t64\t1\n"
				      "cpuacct\t4\t64\t1\n"
				      "memory\t12\t99\t1\n"
				      "hugetlb\t0\t1\t1";
	static const struct {
		const char *lines;
		uint32_t hierarchy;
		const char *part;
	} cases[] = {
		{ cgroups, 0, "the unified hierarchy" },
		{ cgroups, 4, "the v1 hierarchy 4 (cpu,cpuacct)" },
		{ cgroups, 12, "the v1 hierarchy 12 (memory)" },
		{ "", 12, "the v1 hierarchy 12 ()" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct diagnosis d = { 0 };

		doctor_cgroups(&d, cases[i].lines, cases[i].hierarchy);
		assert_int_equal(d.n, 1);
		if (d.lines[0].finding == FINDING_WARNING) {
			print_message("no control groups are mounted here\n");
			skip();
		}
		assert_non_null(strstr(d.lines[0].text, cases[i].part));
	}
}

/* A line of each, whatever this host is; advice with all that is not right. */
static void test_host(void **state)
{
	static const char *const names[] = { "kernel",	       "BTF",		"user namespace",
					     "CAP_BPF",	       "pid namespace", "bpffs",
					     "control groups", "names of users" };
	struct diagnosis d = { 0 };
	size_t i;

	(void)state;
	doctor_host(&d, "");
	for (i = 0; i < ARRAY_SIZE(names); i++)
		assert_non_null(find(&d, names[i]));
	for (i = 0; i < d.n; i++) {
		assert_true(*d.lines[i].text);
		assert_int_equal(d.lines[i].advice != NULL, d.lines[i].finding != FINDING_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),	     cmocka_unit_test(test_realtime),
		cmocka_unit_test(test_capabilities), cmocka_unit_test(test_bpffs),
		cmocka_unit_test(test_cgroups),	     cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
