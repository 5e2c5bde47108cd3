/* SPDX-License-Identifier: Apache-2.0 */
/* Records that are right, and every way in which their lengths can lie. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "event/decode.h"
#include <cmocka.h>

/* A record in memory of exactly its size, so that a sanitizer sees a read beyond it. */
static void *record_new(uint8_t type, size_t fixed, size_t behind)
{
	struct event_head *h = calloc(1, fixed + behind);

	assert_non_null(h);
	h->size = (uint32_t)(fixed + behind);
	h->layout = EVENT_LAYOUT;
	h->type = type;
	return h;
}

static int check(const void *record)
{
	return record_check(record, ((const struct event_head *)record)->size);
}

static const size_t fixed_sizes[] = {
	[EVENT_FORK] = sizeof(struct event_fork),
	[EVENT_EXEC] = sizeof(struct event_exec),
	[EVENT_EXIT] = sizeof(struct event_exit),
	[EVENT_CGROUP] = sizeof(struct event_cgroup_made),
	[EVENT_PROCESS] = sizeof(struct event_process),
	[EVENT_NODE] = sizeof(struct event_node),
	[EVENT_CLOCK] = sizeof(struct event_clock),
	[EVENT_USER] = sizeof(struct event_user),
	[EVENT_MARK] = sizeof(struct event_mark),
	[EVENT_STREAM] = sizeof(struct event_stream),
	[EVENT_GAP] = sizeof(struct event_gap),
	[EVENT_IMAGE] = sizeof(struct event_image),
	[EVENT_STATE] = sizeof(struct event_state),
	[EVENT_CONTAINER] = sizeof(struct event_container),
	[EVENT_INNER_USER] = sizeof(struct event_inner_user),
	[EVENT_TRANSIENTS] = sizeof(struct event_transients),
};
_Static_assert(ARRAY_SIZE(fixed_sizes) == _EVENT_MAX, "every type is tested");

/* Every type: right when bare; wrong when a byte is missing or too many. */
static void test_bare(void **state)
{
	uint8_t type;

	(void)state;
	for (type = 1; type < _EVENT_MAX; type++) {
		size_t fixed = fixed_sizes[type];
		_cleanup_(freep) void *whole = record_new(type, fixed, 0);
		_cleanup_(freep) void *longer = record_new(type, fixed, 1);
		_cleanup_(freep) void *shorter = record_new(type, fixed - 1, 0);

		if (type == EVENT_MARK)
			((struct event_mark *)whole)->mark = EVENT_MARK_PASS_END;
		if (type == EVENT_GAP)
			((struct event_gap *)whole)->reason = EVENT_GAP_PARTIAL;
		if (type == EVENT_CONTAINER)
			memset(((struct event_container *)whole)->id, 'a', CONTAINER_ID_LEN);
		if (type == EVENT_INNER_USER)
			memset(((struct event_inner_user *)whole)->container, 'a',
			       CONTAINER_ID_LEN);
		if (type == EVENT_TRANSIENTS)
			((struct event_head *)whole)->cpu = EVENT_CPU_AGENT;
		if (check(whole) != 0)
			fail_msg("%s", event_type_to_string(type));
		assert_int_equal(check(longer), -EBADMSG);
		assert_int_equal(check(shorter), -EBADMSG);
	}
}

static void test_head(void **state)
{
	_cleanup_(freep) struct event_exit *e = record_new(EVENT_EXIT, sizeof(*e), 0);

	(void)state;
	assert_int_equal(record_check(e, 0), -EBADMSG);
	assert_int_equal(record_check(e, 23), -EBADMSG);
	assert_int_equal(record_check(e, sizeof(*e) - 1), -EBADMSG);
	e->head.size++;
	assert_int_equal(record_check(e, sizeof(*e)), -EBADMSG);
	e->head.size--;
	e->head.layout = EVENT_LAYOUT + 1;
	assert_int_equal(check(e), -EPROTO);
	e->head.layout = EVENT_LAYOUT;
	e->head.type = EVENT_INVALID;
	assert_int_equal(check(e), -EBADMSG);
	e->head.type = _EVENT_MAX;
	assert_int_equal(check(e), -EBADMSG);
	e->head.type = EVENT_EXIT;
	assert_int_equal(check(e), 0);
}

/* A future layout may be as short as the part that never changes; a record of ours may not. */
static void test_short_head(void **state)
{
	_cleanup_(freep) struct event_head *h = record_new(EVENT_EXIT, sizeof(*h), 0);

	(void)state;
	h->size = 24;
	assert_int_equal(check(h), -EBADMSG);
	h->layout = 9;
	assert_int_equal(check(h), -EPROTO);
}

static void test_too_large(void **state)
{
	_cleanup_(freep) struct event_exec *e = record_new(EVENT_EXEC, sizeof(*e), EVENT_SIZE_MAX);

	(void)state;
	e->args_len = EVENT_SIZE_MAX;
	assert_int_equal(check(e), -EBADMSG);
}

static void test_container(void **state)
{
	static const char behind[] = "web"
				     "docker";
	_cleanup_(freep) struct event_container *e =
		record_new(EVENT_CONTAINER, sizeof(*e), sizeof(behind) - 1);
	struct str texts[_CONTAINER_TEXT_MAX];

	(void)state;
	memset(e->id, 'f', sizeof(e->id));
	memcpy(e + 1, behind, sizeof(behind) - 1);
	e->lens[CONTAINER_NAME] = 3;
	e->lens[CONTAINER_RUNTIME] = 6;
	assert_int_equal(check(e), 0);
	container_texts(e, texts);
	assert_true(str_eq(texts[CONTAINER_NAME], STR("web")));
	assert_true(str_eq(texts[CONTAINER_RUNTIME], STR("docker")));
	assert_int_equal(texts[CONTAINER_POD_LABELS].n, 0);

	e->lens[CONTAINER_RUNTIME]++;
	assert_int_equal(check(e), -EBADMSG);
	e->lens[CONTAINER_RUNTIME] = 5;
	e->lens[EVENT_CONTAINER_TEXTS - 1] = 1; /* a text that nobody knows */
	assert_int_equal(check(e), -EBADMSG);
	e->lens[CONTAINER_RUNTIME] = 6;
	e->lens[EVENT_CONTAINER_TEXTS - 1] = 0;
	((char *)(e + 1))[4] = '\0';
	assert_int_equal(check(e), -EBADMSG);
	((char *)(e + 1))[4] = 'o';
	e->id[63] = 'F';
	assert_int_equal(check(e), -EBADMSG);
	e->id[63] = '0';
	assert_int_equal(check(e), 0);
}

static void test_inner_user(void **state)
{
	_cleanup_(freep) struct event_inner_user *e = record_new(EVENT_INNER_USER, sizeof(*e), 3);

	(void)state;
	memset(e->container, '0', sizeof(e->container));
	memcpy(e + 1, "app", 3);
	e->name_len = 3;
	assert_int_equal(check(e), 0);
	assert_true(str_eq(inner_user_name(e), STR("app")));
	e->name_len = UINT16_MAX;
	assert_int_equal(check(e), -EBADMSG);
	e->name_len = 3;
	((char *)(e + 1))[2] = '\0';
	assert_int_equal(check(e), -EBADMSG);
	((char *)(e + 1))[2] = 'p';
	e->container[63] = 'g';
	assert_int_equal(check(e), -EBADMSG);
}

static struct event_exec *exec_new(void)
{
	static const char behind[] = "bin/sh"
				     "/bin/dash"
				     "work\0home\0"
				     "dash\0bin\0usr\0";
	struct event_exec *e = record_new(EVENT_EXEC, sizeof(*e),
					  sizeof(behind) - 1 + sizeof(struct event_task_ext) +
						  sizeof(struct event_exe_ext) + 8);
	struct event_task_ext task = { .gid = 77 };
	struct event_exe_ext exe = { .inode = 88 };
	char *at = (char *)(e + 1);

	e->head.flags = EVENT_F_TASK_EXT | EVENT_F_EXE_EXT;
	e->filename_len = 6;
	e->interp_len = 9;
	e->cwd_len = 10;
	e->exe_len = 13;
	e->args_len = 8;
	memcpy(at, behind, sizeof(behind) - 1);
	at += sizeof(behind) - 1;
	memcpy(at, &task, sizeof(task));
	memcpy(at + sizeof(task), &exe, sizeof(exe));
	memcpy(at + sizeof(task) + sizeof(exe), "sh\0-c\0x", 8);
	return e;
}

static void test_exec(void **state)
{
	_cleanup_(freep) struct event_exec *e = exec_new();
	struct event_task_ext task;
	struct event_exe_ext exe;
	struct exec_parts parts;

	(void)state;
	assert_int_equal(check(e), 0);
	exec_parts(e, &parts);
	assert_true(str_eq(parts.filename, STR("bin/sh")));
	assert_true(str_eq(parts.interp, STR("/bin/dash")));
	assert_true(str_eq(parts.cwd, STR("work\0home\0")));
	assert_true(str_eq(parts.exe, STR("dash\0bin\0usr\0")));
	assert_true(str_eq(parts.args, STR("sh\0-c\0x\0")));
	memcpy(&task, parts.task_ext, sizeof(task));
	memcpy(&exe, parts.exe_ext, sizeof(exe));
	assert_int_equal(task.gid, 77);
	assert_int_equal(exe.inode, 88);
}

/* Each length one too high or too low, each flag missing. */
static void test_exec_lengths(void **state)
{
	_cleanup_(freep) struct event_exec *e = exec_new();
	uint16_t *lengths[] = { &e->filename_len, &e->interp_len, &e->cwd_len, &e->exe_len };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		++*lengths[i];
		assert_int_equal(check(e), -EBADMSG);
		*lengths[i] -= 2;
		assert_int_equal(check(e), -EBADMSG);
		*lengths[i] = (uint16_t)(*lengths[i] + 1);
	}
	e->args_len = UINT32_MAX;
	assert_int_equal(check(e), -EBADMSG);
	e->args_len = 8;
	e->head.flags &= (uint16_t)~EVENT_F_TASK_EXT;
	assert_int_equal(check(e), -EBADMSG);
	e->head.flags = EVENT_F_TASK_EXT;
	assert_int_equal(check(e), -EBADMSG);
	e->head.flags |= EVENT_F_EXE_EXT;
	assert_int_equal(check(e), 0);
}

/* Strings that are not what they should be, at the byte that this is about. */
static void test_exec_strings(void **state)
{
	static const struct {
		size_t at;
		char byte;
	} cases[] = {
		{ 0, '\0' },  /* a NUL in the filename */
		{ 14, '\0' }, /* in the interpreter */
		{ 24, 'x' },  /* the cwd without its last NUL */
		{ 15, '\0' }, /* an empty name at its beginning */
		{ 23, '\0' }, /* ... at its end */
		{ 37, 'x' },  /* the executable without its last NUL */
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) struct event_exec *e = exec_new();
		char *behind = (char *)(e + 1);

		behind[cases[i].at] = cases[i].byte;
		if (check(e) != -EBADMSG)
			fail_msg("case %zu", i);
	}
}

/* The environment comes last, behind argv, and may hold anything. */
static void test_exec_environment(void **state)
{
	static const char env[] = "PATH=/bin\0\0HOME=/ro"; /* cut */
	_cleanup_(freep) struct event_exec *bare = exec_new();
	size_t before = bare->head.size - sizeof(*bare);
	_cleanup_(freep) struct event_exec *e =
		record_new(EVENT_EXEC, sizeof(*e), before + sizeof(env) - 1);
	uint32_t size = e->head.size;
	struct exec_parts parts;

	(void)state;
	exec_parts(bare, &parts);
	assert_int_equal(parts.env.n, 0);
	memcpy(e, bare, bare->head.size);
	memcpy((char *)(e + 1) + before, env, sizeof(env) - 1);
	e->head.size = size;
	assert_int_equal(check(e), -EBADMSG); /* bytes that no length speaks of */
	e->env_len = sizeof(env) - 1;
	assert_int_equal(check(e), 0);
	exec_parts(e, &parts);
	assert_true(str_eq(parts.args, STR("sh\0-c\0x\0")));
	assert_int_equal(parts.env.n, sizeof(env) - 1);
	assert_memory_equal(parts.env.p, env, sizeof(env) - 1);
	e->env_len++;
	assert_int_equal(check(e), -EBADMSG);
	e->env_len -= 2;
	assert_int_equal(check(e), -EBADMSG);
	e->env_len = UINT32_MAX;
	assert_int_equal(check(e), -EBADMSG);
}

static void test_process(void **state)
{
	struct event_process *e;
	_cleanup_(freep) void *owner = NULL;
	struct exec_parts parts;

	(void)state;
	e = owner = record_new(EVENT_PROCESS, sizeof(*e), 4 + 3 + 5);
	memcpy(e + 1, "tmp\0sh\0a\0bc", 12);
	e->cwd_len = 4;
	e->exe_len = 3;
	e->args_len = 5;
	assert_int_equal(check(e), 0);
	process_parts(e, &parts);
	assert_int_equal(parts.filename.n, 0);
	assert_int_equal(parts.interp.n, 0);
	assert_true(str_eq(parts.cwd, STR("tmp\0")));
	assert_true(str_eq(parts.exe, STR("sh\0")));
	assert_true(str_eq(parts.args, STR("a\0bc\0")));
	assert_null(parts.task_ext);
	assert_null(parts.exe_ext);
	e->args_len = 6;
	assert_int_equal(check(e), -EBADMSG);
	e->args_len = 8;
	e->cwd_len = 1; /* lengths add up; "t" is no walk */
	assert_int_equal(check(e), -EBADMSG);
}

static void test_fork(void **state)
{
	_cleanup_(freep) struct event_fork *bare = record_new(EVENT_FORK, sizeof(*bare), 0);
	_cleanup_(freep) struct event_fork *e =
		record_new(EVENT_FORK, sizeof(*e), sizeof(struct event_task_ext));

	(void)state;
	assert_null(fork_task_ext(bare));
	assert_int_equal(check(e), -EBADMSG);
	e->head.flags = EVENT_F_TASK_EXT;
	assert_int_equal(check(e), 0);
	assert_ptr_equal(fork_task_ext(e), e + 1);
}

static void test_facts(void **state)
{
	struct event_node *node = record_new(EVENT_NODE, sizeof(*node), 9);
	struct event_user *user = record_new(EVENT_USER, sizeof(*user), 4);
	struct event_cgroup_made *cgroup = record_new(EVENT_CGROUP, sizeof(*cgroup), 5);
	struct event_mark *mark = record_new(EVENT_MARK, sizeof(*mark), 0);
	_cleanup_(freep) void *a = node, *b = user, *c = cgroup, *d = mark;

	(void)state;
	memcpy(node + 1,
	       "n1"
	       "1.2.3.4",
	       9);
	node->name_len = 2;
	node->address_len = 7;
	assert_int_equal(check(node), 0);
	assert_true(str_eq(node_name(node), STR("n1")));
	assert_true(str_eq(node_address(node), STR("1.2.3.4")));
	memset(node->boot_id, 'x', sizeof(node->boot_id));
	assert_int_equal(check(node), -EBADMSG);

	memcpy(user + 1, "root", 4);
	user->name_len = 4;
	assert_int_equal(check(user), 0);
	assert_true(str_eq(user_name(user), STR("root")));
	((char *)(user + 1))[1] = '\0';
	assert_int_equal(check(user), -EBADMSG);

	memcpy(cgroup + 1, "/a/bc", 5);
	cgroup->path_len = 5;
	assert_int_equal(check(cgroup), 0);
	assert_true(str_eq(cgroup_made_path(cgroup), STR("/a/bc")));
	cgroup->path_len = UINT32_MAX;
	assert_int_equal(check(cgroup), -EBADMSG);

	assert_int_equal(check(mark), -EBADMSG);
	mark->mark = EVENT_MARK_PASS_BEGIN;
	assert_int_equal(check(mark), 0);
	mark->mark = EVENT_MARK_RING_BEGIN;
	assert_int_equal(check(mark), 0);
	mark->mark = 4;
	assert_int_equal(check(mark), -EBADMSG);
	(void)a;
	(void)b;
	(void)c;
	(void)d;
}

static void test_gap(void **state)
{
	_cleanup_(freep) struct event_gap *gap = record_new(EVENT_GAP, sizeof(*gap), 0);

	(void)state;
	gap->until_ns = 7;
	assert_int_equal(check(gap), -EBADMSG); /* for no reason */
	for (uint32_t reason = EVENT_GAP_NOT_RUNNING; reason <= EVENT_GAP_UNREADABLE; reason++) {
		gap->reason = reason;
		assert_int_equal(check(gap), 0);
	}
	gap->since_ns = 8; /* ends before it begins */
	assert_int_equal(check(gap), -EBADMSG);
	gap->since_ns = 7;
	assert_int_equal(check(gap), 0);
	gap->reason = EVENT_GAP_UNREADABLE + 1;
	assert_int_equal(check(gap), -EBADMSG);
}

static struct event_image *image_new(void)
{
	static const char behind[] = "/bin/sh"
				     "/tmp"
				     "int"
				     "/bin/dash"
				     "sh\0-c"
				     "A=1";
	const size_t ext = sizeof(struct event_task_ext) + sizeof(struct event_exe_ext);
	struct event_image *e = record_new(EVENT_IMAGE, sizeof(*e), ext + sizeof(behind) - 1);

	e->head.flags = EVENT_F_TASK_EXT | EVENT_F_EXE_EXT;
	e->binary_len = 7;
	e->cwd_len = 4;
	e->interp_len = 3;
	e->exe_len = 9;
	e->args_len = 5;
	e->env_len = 3;
	memcpy((char *)(e + 1) + ext, behind, sizeof(behind) - 1);
	return e;
}

static void test_image(void **state)
{
	_cleanup_(freep) struct event_image *e = image_new();
	struct image_parts parts;

	(void)state;
	assert_int_equal(check(e), 0);
	image_parts(e, &parts);
	assert_ptr_equal(parts.task_ext, e + 1);
	assert_ptr_equal(parts.exe_ext, (const char *)(e + 1) + sizeof(struct event_task_ext));
	assert_true(str_eq(parts.binary, STR("/bin/sh")));
	assert_true(str_eq(parts.cwd, STR("/tmp")));
	assert_true(str_eq(parts.interpreter, STR("int")));
	assert_true(str_eq(parts.exe, STR("/bin/dash")));
	assert_true(str_eq(parts.args, STR("sh\0-c")));
	assert_true(str_eq(parts.env, STR("A=1")));
}

/* Each length one too high or too low, or as high as it can be; each flag missing. */
static void test_image_lengths(void **state)
{
	_cleanup_(freep) struct event_image *e = image_new();
	uint32_t *lengths[] = { &e->binary_len, &e->cwd_len,  &e->interp_len,
				&e->exe_len,	&e->args_len, &e->env_len };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint32_t right = *lengths[i];

		*lengths[i] = right + 1;
		assert_int_equal(check(e), -EBADMSG);
		*lengths[i] = right - 1;
		assert_int_equal(check(e), -EBADMSG);
		*lengths[i] = UINT32_MAX;
		assert_int_equal(check(e), -EBADMSG);
		*lengths[i] = right;
	}
	/* A sum that is right only where it wraps. */
	e->args_len = UINT32_MAX;
	e->env_len = 9;
	assert_int_equal(check(e), -EBADMSG);
	e->args_len = 5;
	e->env_len = 3;
	e->head.flags = EVENT_F_TASK_EXT;
	assert_int_equal(check(e), -EBADMSG);
	e->head.flags = EVENT_F_EXE_EXT;
	assert_int_equal(check(e), -EBADMSG);
	e->head.flags |= EVENT_F_TASK_EXT;
	assert_int_equal(check(e), 0);
}

static void test_state(void **state)
{
	_cleanup_(freep) struct event_state *e =
		record_new(EVENT_STATE, sizeof(*e), 2 * sizeof(struct event_ended));

	(void)state;
	assert_int_equal(check(e), -EBADMSG);
	e->n_ended = 2;
	assert_int_equal(check(e), 0);
	e->n_ended = 3;
	assert_int_equal(check(e), -EBADMSG);
	e->n_ended = (1u << 28) + 2; /* right only where the product wraps */
	assert_int_equal(check(e), -EBADMSG);
}

static void test_type_names(void **state)
{
	(void)state;
	assert_string_equal(event_type_to_string(EVENT_EXEC), "exec");
	assert_string_equal(event_type_to_string(EVENT_MARK), "mark");
	assert_string_equal(event_type_to_string(EVENT_INVALID), "invalid");
	assert_string_equal(event_type_to_string(_EVENT_MAX), "invalid");
	assert_string_equal(event_type_to_string(UINT32_MAX), "invalid");
}

static void test_path(void **state)
{
	static const struct {
		struct str walk;
		bool cut;
		const char *path;
	} cases[] = {
		{ STR(""), false, "/" },
		{ STR("usr\0"), false, "/usr" },
		{ STR("python3\0bin\0usr\0"), false, "/usr/bin/python3" },
		{ STR("c\0b\0"), true, "/b/c" },
	};
	char to[64];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bool cut = !cases[i].cut;
		size_t n = path_from_walk(cases[i].walk, cases[i].cut, to, &cut);

		assert_true(str_eq((struct str){ to, n }, str_from(cases[i].path)));
		assert_true(n <= cases[i].walk.n + 1);
		assert_int_equal(cut, cases[i].cut);
	}
}

/* One byte over the limit: the first byte goes, and that is said. */
static void test_long_path(void **state)
{
	char walk[EVENT_PATH_MAX + 1], to[EVENT_PATH_MAX + 2];
	bool cut = false;
	size_t n;

	(void)state;
	memset(walk, 'x', sizeof(walk));
	walk[9] = '\0';
	walk[EVENT_PATH_MAX - 1] = '\0';
	n = path_from_walk((struct str){ walk, EVENT_PATH_MAX }, false, to, &cut);
	assert_int_equal(n, EVENT_PATH_MAX);
	assert_false(cut);
	assert_int_equal(to[0], '/');

	walk[EVENT_PATH_MAX - 1] = 'x';
	walk[EVENT_PATH_MAX] = '\0';
	n = path_from_walk((struct str){ walk, sizeof(walk) }, false, to, &cut);
	assert_int_equal(n, EVENT_PATH_MAX);
	assert_true(cut);
	assert_int_equal(to[0], 'x');
	assert_memory_equal(to + n - 10, "/xxxxxxxxx", 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bare),	     cmocka_unit_test(test_head),
		cmocka_unit_test(test_short_head),   cmocka_unit_test(test_container),
		cmocka_unit_test(test_inner_user),   cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_exec),	     cmocka_unit_test(test_exec_lengths),
		cmocka_unit_test(test_exec_strings), cmocka_unit_test(test_exec_environment),
		cmocka_unit_test(test_process),	     cmocka_unit_test(test_fork),
		cmocka_unit_test(test_facts),	     cmocka_unit_test(test_gap),
		cmocka_unit_test(test_image),	     cmocka_unit_test(test_image_lengths),
		cmocka_unit_test(test_state),	     cmocka_unit_test(test_type_names),
		cmocka_unit_test(test_path),	     cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
