/* SPDX-License-Identifier: Apache-2.0 */
/* Every extended key, from facts that differ from each other, and without them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include <cmocka.h>

#include "sample.h"

static const struct {
	const char *name, *value;
} task_keys[] = {
	{ "gid", "1" },
	{ "egid", "2" },
	{ "ruid", "3" },
	{ "suid", "4" },
	{ "loginuid", "4294967295" },
	{ "audit_session", "6" },
	{ "session_id", "7" },
	{ "tty", "pts/12" },
	{ "no_new_privs", "true" },
	{ "cap.bounding", "CAP_KILL" },
	{ "cap.ambient", "CAP_CHOWN" },
	{ "ns.mnt", "11" },
	{ "ns.pid", "12" },
	{ "ns.net", "13" },
	{ "ns.user", "14" },
	{ "ns.uts", "15" },
	{ "ns.ipc", "16" },
	{ "ns.cgroup", "17" },
	{ "cgroup.id", "18" },
	{ "pid.container", "19" },
};

static const struct event_task_ext task = {
	.gid = 1,
	.egid = 2,
	.ruid = 3,
	.suid = 4,
	.loginuid = UINT32_MAX,
	.audit_session = 6,
	.session_id = 7,
	.tty = "pts12",
	.no_new_privs = 1,
	.bounding = 1 << 5,
	.ambient = 1,
	.ns_mnt = 11,
	.ns_pid = 12,
	.ns_net = 13,
	.ns_user = 14,
	.ns_uts = 15,
	.ns_ipc = 16,
	.ns_cgroup = 17,
	.cgroup_id = 18,
	.pid_inner = 19,
};

static void test_task(void **state)
{
	struct event_task_ext ext = task;
	_cleanup_(sample_done) struct sample s;
	size_t i;

	(void)state;
	sample_init(&s);
	assert_field(&s, "tid", "148749");
	for (i = 0; i < ARRAY_SIZE(task_keys); i++)
		assert_field(&s, task_keys[i].name, "(absent)");
	s.image.ext = &ext;
	for (i = 0; i < ARRAY_SIZE(task_keys); i++)
		assert_field(&s, task_keys[i].name, task_keys[i].value);
	ext.no_new_privs = 0;
	assert_field(&s, "no_new_privs", "(absent)");
}

/* No namespace has the number 0: it is not known, and what is not known is empty. */
static void test_unknown_namespaces(void **state)
{
	static const char *const names[] = { "ns.mnt", "ns.pid", "ns.net",   "ns.user",
					     "ns.uts", "ns.ipc", "ns.cgroup" };
	struct event_task_ext ext = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.image.ext = &ext;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_field(&s, names[i], "");
}

static void test_tty(void **state)
{
	static const struct {
		const char *kernel, *name;
	} cases[] = {
		{ "", "" },
		{ "pts0", "pts/0" },
		{ "pts123", "pts/123" },
		{ "tty1", "tty1" },
		{ "ttyS0", "ttyS0" },
		{ "pts", "pts" },
		{ "ptsx", "ptsx" },
		{ "sixteen_bytes_xx", "sixteen_bytes_xx" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_task_ext ext = { 0 };
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		s.image.ext = &ext;
		memcpy(ext.tty, cases[i].kernel, strlen(cases[i].kernel));
		assert_field(&s, "tty", cases[i].name);
	}
}

static const struct {
	const char *name, *value;
} exe_keys[] = {
	{ "exe.inode", "21" },	      { "exe.dev", "8:1" },	 { "exe.nlink", "23" },
	{ "exe.upper", "true" },      { "exec.setuid", "true" }, { "exec.setgid", "true" },
	{ "exec.file_caps", "true" },
};

static void test_executable(void **state)
{
	static const struct event_exe_ext ext = {
		.inode = 21,
		.dev_major = 8,
		.dev_minor = 1,
		.nlink = 23,
		.bits = EVENT_EXE_UPPER | EVENT_EXE_SETUID | EVENT_EXE_SETGID | EVENT_EXE_FILE_CAPS,
	};
	_cleanup_(sample_done) struct sample s;
	size_t i;

	(void)state;
	sample_init(&s);
	sample_set_text(&s, PROGRAM_EXE, STR("/usr/bin/python3.11"));
	assert_field(&s, "exe.path", "(absent)");
	for (i = 0; i < ARRAY_SIZE(exe_keys); i++)
		assert_field(&s, exe_keys[i].name, "(absent)");
	sample_set_exe_ext(&s, &ext);
	s.program->flags |= PROGRAM_HAS_EXE;
	assert_field(&s, "exe.path", "/usr/bin/python3.11");
	for (i = 0; i < ARRAY_SIZE(exe_keys); i++)
		assert_field(&s, exe_keys[i].name, exe_keys[i].value);
}

/* Each bit is told by its own key and by no other. */
static void test_bits(void **state)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} bits[] = {
		{ EVENT_EXE_UPPER, "exe.upper" },
		{ EVENT_EXE_SETUID, "exec.setuid" },
		{ EVENT_EXE_SETGID, "exec.setgid" },
		{ EVENT_EXE_FILE_CAPS, "exec.file_caps" },
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		const struct event_exe_ext ext = { .bits = bits[i].bit };
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		sample_set_exe_ext(&s, &ext);
		for (j = 0; j < ARRAY_SIZE(bits); j++)
			assert_field(&s, bits[j].name, i == j ? "true" : "(absent)");
	}
}

static void test_flags(void **state)
{
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	assert_field(&s, "exe.deleted", "(absent)");
	assert_field(&s, "exe.memfd", "(absent)");
	assert_field(&s, "interpreter", "(absent)");
	s.program->flags = PROGRAM_EXE_DELETED;
	assert_field(&s, "exe.deleted", "true");
	assert_field(&s, "exe.memfd", "(absent)");
	s.program->flags = PROGRAM_EXE_MEMFD;
	assert_field(&s, "exe.deleted", "(absent)");
	assert_field(&s, "exe.memfd", "true");
	sample_set_text(&s, PROGRAM_INTERPRETER, STR("/bin/sh"));
	assert_field(&s, "interpreter", "/bin/sh");
	s.image.program = NULL;
	assert_field(&s, "interpreter", "(absent)");
	assert_field(&s, "exe.memfd", "(absent)");
	assert_field(&s, "exe.dev", "(absent)");
}

/*
 * Variables that this pipeline asks for, out of those that any pipeline does; quoted like
 * arguments.
 */
static void test_environment(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const path[] = { "PATH", NULL };
	static const char *const two[] = { "LD_PRELOAD", "PATH", NULL };
	static const struct {
		struct str env;
		const char *const *names;
		const char *want;
	} rows[] = {
		{ STR("PATH=/bin\0"), NULL, "(absent)" },
		{ STR("PATH=/bin\0"), none, "(absent)" },
		{ STR(""), two, "(absent)" },
		{ STR("PATH=/bin\0"), path, "PATH=/bin" },
		{ STR("LD_PRELOAD=a.so\0PATH=/bin\0"), path, "PATH=/bin" },
		{ STR("LD_PRELOAD=a.so\0PATH=/bin\0"), two, "LD_PRELOAD=a.so PATH=/bin" },
		{ STR("LD_PRELOAD=\0"), two, "LD_PRELOAD=" },
		{ STR("LD_PRELOAD=a b\0PATH=\"\n\0"), two, "\"LD_PRELOAD=a b\" \"PATH=\\\"\\n\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		sample_set_text(&s, PROGRAM_ENV, rows[i].env);
		s.view.environment = rows[i].names;
		assert_field(&s, "environment", rows[i].want);
		s.image.program = NULL;
		assert_field(&s, "environment", "(absent)");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task),	    cmocka_unit_test(test_unknown_namespaces),
		cmocka_unit_test(test_tty),	    cmocka_unit_test(test_executable),
		cmocka_unit_test(test_bits),	    cmocka_unit_test(test_flags),
		cmocka_unit_test(test_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
