/* SPDX-License-Identifier: Apache-2.0 */
/* Which path is the binary, what the cwd looks like, and which flags the strings bring along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proc/program.h"
#include "records.h"

static const struct exec_case {
	const char *filename, *cwd, *exe;
	uint16_t flags;
	const char *want_binary, *want_cwd;
	uint32_t want_flags;
} exec_cases[] = {
	{ "/bin/ls", "/root", "/usr/bin/ls", 0, "/bin/ls", "/root", PROGRAM_HAS_EXE },
	{ "ls", "/usr/bin", NULL, 0, "/usr/bin/ls", "/usr/bin", 0 },
	{ "ls", "/", NULL, 0, "/ls", "/", 0 },
	{ "./ls", "/usr/bin", NULL, 0, "/usr/bin/./ls", "/usr/bin", 0 },
	{ "../ls", "/usr/bin", NULL, 0, "/usr/bin/../ls", "/usr/bin", 0 },
	{ "a//b", "/", NULL, 0, "/a//b", "/", 0 },
	{ "", "/usr", NULL, 0, "", "/usr", 0 },
	{ "ls", "/gone", NULL, EVENT_F_CWD_DELETED, "/gone/ls", "/gone (deleted)", 0 },
	{ "/bin/ls", "/gone", NULL, EVENT_F_CWD_DELETED, "/bin/ls", "/gone (deleted)", 0 },
	{ "/bin/ls", "/tail", NULL, EVENT_F_CWD_CUT, "/bin/ls", "/tail", PROGRAM_CWD_CUT },
	{ "/dev/fd/3", "/", "/opt/tool", 0, "/opt/tool", "/", PROGRAM_HAS_EXE },
	{ "/dev/fd/3", "/", "/memfd:x", EVENT_F_EXE_ANONYMOUS | EVENT_F_EXE_DELETED, "/memfd:x",
	  "/", PROGRAM_HAS_EXE | PROGRAM_EXE_MEMFD | PROGRAM_EXE_DELETED },
	{ "/dev/fd/12/sub/tool", "/", "/opt/sub/tool", 0, "/opt/sub/tool", "/", PROGRAM_HAS_EXE },
	{ "/dev/fd/3", "/", NULL, 0, "/dev/fd/3", "/", 0 },
	{ "/dev/fd/", "/", "/x", 0, "/dev/fd/", "/", PROGRAM_HAS_EXE },
	{ "/dev/fd/3x", "/", "/x", 0, "/dev/fd/3x", "/", PROGRAM_HAS_EXE },
	{ "/dev/fd/x", "/", "/x", 0, "/dev/fd/x", "/", PROGRAM_HAS_EXE },
	{ "/bin/ls", "/", NULL, EVENT_F_ARGS_CUT, "/bin/ls", "/", PROGRAM_ARGS_CUT },
	{ "/bin/ls", "/", NULL, EVENT_F_ARGS_BAD, "/bin/ls", "/", PROGRAM_ARGS_CUT },
};

static bool is(struct str s, const char *want)
{
	return str_eq(s, str_from(want));
}

static void check_text(const struct program *program, enum program_text which, const char *want,
		       const struct exec_case *c)
{
	struct str have = program_text(program, which);

	if (!is(have, want))
		fail_msg("'%s' in '%s': text %d is '%.*s'", c->filename, c->cwd, (int)which,
			 (int)have.n, have.p);
}

static void check_exec(struct proc_table *t, struct buf *scratch, const struct exec_case *c)
{
	_cleanup_(freep) struct event_exec *e =
		record_exec(&(struct exec_spec){ .filename = c->filename,
						 .cwd = c->cwd,
						 .exe = c->exe,
						 .flags = c->flags,
						 .interp = "/bin/sh",
						 .args = RECORD_ARGS("a\0b") });
	struct program *program = NULL;

	e->args_total = 9;
	assert_int_equal(program_from_exec(t, scratch, e, NULL, &program), 0);
	check_text(program, PROGRAM_BINARY, c->want_binary, c);
	check_text(program, PROGRAM_CWD, c->want_cwd, c);
	check_text(program, PROGRAM_EXE, c->exe ? c->exe : "", c);
	if (program->flags != c->want_flags)
		fail_msg("'%s' in '%s': flags %x", c->filename, c->cwd, program->flags);
	assert_true(is(program_text(program, PROGRAM_INTERPRETER), "/bin/sh"));
	assert_int_equal(program_text(program, PROGRAM_ARGS).n, 4);
	assert_memory_equal(program_text(program, PROGRAM_ARGS).p, "a\0b", 4);
	assert_int_equal(program->argc, 2);
	assert_int_equal(program->args_total, 9);
	table_program_unref(t, program);
}

static void test_exec(void **state)
{
	struct proc_table t;
	struct buf scratch = { 0 };

	(void)state;
	table_init(&t, &proc_limits_default);
	for (size_t i = 0; i < ARRAY_SIZE(exec_cases); i++)
		check_exec(&t, &scratch, &exec_cases[i]);
	buf_done(&scratch);
	table_done(&t);
}

/* A path of the greatest length in every place. */
static void test_longest(void **state)
{
	char cwd[4096], name[4096], want[8192];
	struct exec_case c = { name, cwd, cwd, EVENT_F_CWD_DELETED, want, NULL, PROGRAM_HAS_EXE };
	char want_cwd[4200];
	struct buf scratch = { 0 };
	struct proc_table t;

	(void)state;
	for (size_t i = 0; i < sizeof(cwd) - 1; i++)
		cwd[i] = i % 2 ? 'd' : '/';
	cwd[sizeof(cwd) - 2] = 'd';
	cwd[sizeof(cwd) - 1] = '\0';
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(want, sizeof(want), "%s/%s", cwd, name);
	snprintf(want_cwd, sizeof(want_cwd), "%s (deleted)", cwd);
	c.want_cwd = want_cwd;
	table_init(&t, &proc_limits_default);
	check_exec(&t, &scratch, &c);
	buf_done(&scratch);
	table_done(&t);
}

/* Of an environment only what is asked for by name is kept, in its order, each with its NUL. */
static void test_environment(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const two[] = { "SSH_CONNECTION", "LD_PRELOAD", NULL };
	static const char *const path[] = { "PATH", NULL };
	static const struct {
		struct str env;
		const char *const *names;
		struct str want;
	} rows[] = {
		{ STR("PATH=/bin\0LD_PRELOAD=x\0"), NULL, STR("") },
		{ STR("PATH=/bin\0LD_PRELOAD=x\0"), none, STR("") },
		{ STR("PATH=/bin\0LD_PRELOAD=x\0"), two, STR("LD_PRELOAD=x\0") },
		{ STR("LD_PRELOAD=x\0A=\0SSH_CONNECTION=\0"), two,
		  STR("LD_PRELOAD=x\0SSH_CONNECTION=\0") },
		{ STR("LD_PRELOAD=x\0LD_PRELOAD=y\0"), two, STR("LD_PRELOAD=x\0LD_PRELOAD=y\0") },
		{ STR("A=1\0PATH=/usr/bi"), path, STR("PATH=/usr/bi\0") },
		{ STR("PATH"), path, STR("") },
		{ STR(""), path, STR("") },
	};
	struct buf scratch = { 0 };
	struct proc_table t;

	(void)state;
	table_init(&t, &proc_limits_default);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) struct event_exec *e =
			record_exec(&(struct exec_spec){ .filename = "ls",
							 .cwd = "/bin",
							 .exe = "/bin/ls",
							 .args = RECORD_ARGS("ls"),
							 .env = rows[i].env });
		struct program *program = NULL;

		assert_int_equal(program_from_exec(&t, &scratch, e, rows[i].names, &program), 0);
		assert_int_equal(program_text(program, PROGRAM_ENV).n, rows[i].want.n);
		if (program_text(program, PROGRAM_ENV).n)
			assert_memory_equal(program_text(program, PROGRAM_ENV).p, rows[i].want.p,
					    rows[i].want.n);
		assert_true(is(program_text(program, PROGRAM_BINARY), "/bin/ls"));
		assert_true(is(program_text(program, PROGRAM_CWD), "/bin"));
		assert_int_equal(program_text(program, PROGRAM_ARGS).n, 3);
		table_program_unref(&t, program);
	}
	buf_done(&scratch);
	table_done(&t);
}

/* As large as they come, and all of it asked for. */
static void test_large_environment(void **state)
{
	static const char *const names[] = { "A", NULL };
	const size_t n = EVENT_ENV_MAX;
	_cleanup_(freep) char *env = malloc(n);
	_cleanup_(freep) struct event_exec *e = NULL;
	struct program *program = NULL;
	struct buf scratch = { 0 };
	struct proc_table t;

	(void)state;
	for (size_t i = 0; i < n; i++)
		env[i] = "A=x"[i % 4];
	env[n - 1] = 'y'; /* cut */
	e = record_exec(&(struct exec_spec){
		.filename = "ls", .cwd = "/bin", .exe = "/bin/ls", .env = { .p = env, .n = n } });
	table_init(&t, &proc_limits_default);
	assert_int_equal(program_from_exec(&t, &scratch, e, names, &program), 0);
	assert_int_equal(program_text(program, PROGRAM_ENV).n, n + 1);
	assert_memory_equal(program_text(program, PROGRAM_ENV).p, env, n);
	assert_int_equal(program_text(program, PROGRAM_ENV).p[n], '\0');
	assert_true(is(program_text(program, PROGRAM_BINARY), "/bin/ls"));
	table_program_unref(&t, program);
	buf_done(&scratch);
	table_done(&t);
}

static void test_process(void **state)
{
	_cleanup_(freep) struct event_process *e = record_process(
		&(struct exec_spec){
			.cwd = "/srv", .exe = "/usr/bin/cat", .args = RECORD_ARGS("cat\0-") },
		"cat");
	struct program *program = NULL;
	struct buf scratch = { 0 };
	struct proc_table t;

	(void)state;
	table_init(&t, &proc_limits_default);
	assert_int_equal(program_from_process(&t, &scratch, e, &program), 0);
	assert_true(is(program_text(program, PROGRAM_BINARY), "/usr/bin/cat"));
	assert_true(is(program_text(program, PROGRAM_EXE), "/usr/bin/cat"));
	assert_true(is(program_text(program, PROGRAM_CWD), "/srv"));
	assert_int_equal(program_text(program, PROGRAM_ARGS).n, 6);
	assert_int_equal(program->argc, 0);
	table_program_unref(&t, program);

	e->head.flags |= EVENT_F_KTHREAD;
	assert_int_equal(program_from_process(&t, &scratch, e, &program), 0);
	assert_true(is(program_text(program, PROGRAM_BINARY), "cat"));
	assert_true(is(program_text(program, PROGRAM_CWD), ""));
	table_program_unref(&t, program);
	buf_done(&scratch);
	table_done(&t);
}

/* A name that fills its room has no NUL. */
static void test_comm(void **state)
{
	const char comm[EVENT_COMM_MAX] = "kworker/u64:3-ev";
	struct program *program = NULL;
	struct proc_table t;

	(void)state;
	table_init(&t, &proc_limits_default);
	assert_int_equal(program_from_comm(&t, comm, &program), 0);
	assert_true(is(program_text(program, PROGRAM_BINARY), "kworker/u64:3-ev"));
	table_program_unref(&t, program);
	table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),	    cmocka_unit_test(test_longest),
		cmocka_unit_test(test_environment), cmocka_unit_test(test_large_environment),
		cmocka_unit_test(test_process),	    cmocka_unit_test(test_comm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
