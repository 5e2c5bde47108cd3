/* SPDX-License-Identifier: Apache-2.0 */
/* Times, calls and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include <cmocka.h>

#include "sample.h"

static void test_execve(void **state)
{
	static const char *const exit_keys[] = {
		"exit_code",	  "exit_tid",		"exit_signal",		"core_dumped",
		"duration_ns",	  "cpu.user_ns",	"cpu.system_ns",	"memory.peak_bytes",
		"container.name", "container.image.id", "container.image.name", "k8s.namespace",
		"k8s.pod.name",	  "k8s.container.name", "k8s.workload.name",	"k8s.workload.kind",
	};
	_cleanup_(sample_done) struct sample s;
	size_t i;

	(void)state;
	sample_init(&s);
	assert_field(&s, "call_name", "execve");
	assert_field(&s, "event_type", "kprobe");
	assert_field(&s, "__seq__", "4096");
	for (i = 0; i < ARRAY_SIZE(exit_keys); i++)
		assert_field(&s, exit_keys[i], "(absent)");
	s.event.call = CALL_CLONE;
	assert_field(&s, "call_name", "clone");
}

static void test_status(void **state)
{
	static const struct {
		uint32_t status;
		const char *code, *signal, *core;
	} cases[] = {
		{ 0x0000, "0", "(absent)", "(absent)" },
		{ 0x0100, "1", "(absent)", "(absent)" },
		{ 0xff00, "255", "(absent)", "(absent)" },
		{ 0x0002, "130", "SIGINT", "(absent)" },
		{ 0x0009, "137", "SIGKILL", "(absent)" },
		{ 0x008b, "139", "SIGSEGV", "true" },
		{ 0x0086, "134", "SIGABRT", "true" },
		{ 0x001f, "159", "SIGSYS", "(absent)" },
		{ 0x001d, "157", "SIGIO", "(absent)" },
		{ 0x0020, "160", "SIG32", "(absent)" },
		{ 0x0022, "162", "SIGRTMIN", "(absent)" },
		{ 0x0023, "163", "SIGRTMIN+1", "(absent)" },
		{ 0x0040, "192", "SIGRTMIN+30", "(absent)" },
		{ 0x0041, "193", "SIG65", "(absent)" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		sample_end(&s, cases[i].status);
		assert_field(&s, "call_name", "exit");
		assert_field(&s, "exit_code", cases[i].code);
		assert_field(&s, "exit_signal", cases[i].signal);
		assert_field(&s, "core_dumped", cases[i].core);
	}
}

static void test_end(void **state)
{
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	sample_end(&s, 0);
	s.event.tid = 148751;
	s.exit.peak_bytes = 12345678;
	assert_field(&s, "exit_tid", "148751");
	assert_field(&s, "duration_ns", "2000000500");
	assert_field(&s, "memory.peak_bytes", "12345678");
	s.event.boot_ns = s.image.key.start_ns - 1;
	assert_field(&s, "duration_ns", "0");
}

static void test_cpu(void **state)
{
	static const struct {
		uint64_t utime, stime, runtime;
		const char *user, *system;
	} cases[] = {
		{ 0, 0, 700, "700", "0" },
		{ 4000000, 0, 700, "700", "0" },
		{ 0, 4000000, 700, "0", "700" },
		{ 4000000, 4000000, 701, "351", "350" },
		{ 12000000, 4000000, 1000, "750", "250" },
		/* beyond 64 bits on the way */
		{ UINT64_MAX / 2, UINT64_MAX / 2, 1ull << 62, "2305843009213693952",
		  "2305843009213693952" },
		{ UINT64_MAX, UINT64_MAX, 10, "5", "5" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		sample_end(&s, 0);
		s.exit.utime_ns = cases[i].utime;
		s.exit.stime_ns = cases[i].stime;
		s.exit.runtime_ns = cases[i].runtime;
		assert_field(&s, "cpu.user_ns", cases[i].user);
		assert_field(&s, "cpu.system_ns", cases[i].system);
	}
}

static void test_time(void **state)
{
	static const struct {
		int64_t time_ns;
		const char *seconds, *ns;
	} cases[] = {
		{ 1758701451123456789, "1758701451", "1758701451123456789" },
		{ 1758701451999999999, "1758701451", "1758701451999999999" },
		{ 0, "0", "0" },
		{ -1, "-1", "-1" },
		{ -1000000000, "-1", "-1000000000" },
		{ -1000000001, "-2", "-1000000001" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		s.event.time_ns = cases[i].time_ns;
		assert_field(&s, "__time__", cases[i].seconds);
		assert_field(&s, "__time_ns__", cases[i].ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_execve), cmocka_unit_test(test_status),
		cmocka_unit_test(test_end),    cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
