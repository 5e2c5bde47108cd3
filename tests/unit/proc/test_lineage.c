/* SPDX-License-Identifier: Apache-2.0 */
/* Whose child an image is: after forks, execs, losses and adoption, and where nothing was seen. */
#include "shell.h"

/* The child is its forker's copy, and its forker's parent's child. */
static void test_clone_parent(void **state)
{
	struct world w;
	struct image_key mid = KEY(11, 2000, 6);
	struct event_fork *fork;
	const struct event *ev;

	(void)state;
	setup_shell(&w);
	world_feed(&w, record_fork(KEY(11, 2000, 5), shell, 1000));
	feed_exec(&w, mid, shell, "/bin/mid");
	fork = record_fork(KEY(12, 3000, 6), mid, 1000);
	fork->parent = record_id(shell);
	ev = world_feed(&w, fork);
	assert_key(ev->image->parent, shell);
	assert_text(ev->image, BINARY, "/bin/mid");
	world_done(&w);
}

/* An exec after a fork is the forker's child; a second one, the child of the first. */
static void test_exec_and_exec_again(void **state)
{
	struct world w;
	const struct event *ev;

	(void)state;
	setup_shell(&w);
	world_feed(&w, record_fork(KEY(11, 2000, 5), shell, 1000));
	ev = feed_exec(&w, KEY(11, 2000, 6), shell, "/bin/env");
	assert_int_equal(ev->call, CALL_EXECVE);
	assert_key(ev->image, KEY(11, 2000, 6));
	assert_key(ev->image->parent, shell);
	assert_false(ev->image->flags & IMAGE_NEVER_EXEC);
	ev = feed_exec(&w, KEY(11, 2000, 7), shell, "/bin/ls");
	assert_key(ev->image->parent, KEY(11, 2000, 6));
	assert_true(ev->image->parent->flags & IMAGE_EXITED);
	assert_text(ev->image->parent, BINARY, "/bin/env");
	assert_int_equal(world_counters(&w).unknown_parent, 0);
	assert_int_equal(world_counters(&w).processes, 2);
	world_done(&w);
}

/* Lost exec records: the images in between are known by name, down to the last that was seen. */
static void test_exec_after_a_gap(void **state)
{
	struct world w;
	const struct event *ev;

	(void)state;
	setup_shell(&w);
	world_feed(&w, record_fork(KEY(11, 2000, 5), shell, 1000));
	ev = feed_exec(&w, KEY(11, 2000, 7), shell, "/bin/ls");
	assert_key(ev->image->parent, KEY(11, 2000, 6));
	assert_true(ev->image->parent->flags & IMAGE_STUB);
	assert_key(ev->image->parent->parent, shell);
	ev = feed_exec(&w, KEY(11, 2000, 10), shell, "/bin/ls");
	assert_key(ev->image->parent, KEY(11, 2000, 9));
	assert_key(ev->image->parent->parent, KEY(11, 2000, 8));
	assert_key(ev->image->parent->parent->parent, KEY(11, 2000, 7));
	assert_text(ev->image->parent->parent->parent, BINARY, "/bin/ls");
	assert_int_equal(world_counters(&w).unknown_parent, 2);

	/* So many that it cannot be true are not named one by one. */
	ev = feed_exec(&w, KEY(11, 2000, UINT64_MAX), shell, "/bin/ls");
	assert_key(ev->image->parent, KEY(11, 2000, UINT64_MAX - 1));
	assert_true(world_counters(&w).images < 32);
	world_done(&w);
}

/* The same where nothing was seen: from what it is now down to who forked it. */
static void test_exec_of_unknown_after_others(void **state)
{
	struct world w;
	const struct event *ev;

	(void)state;
	setup_shell(&w);
	ev = feed_exec(&w, KEY(11, 2000, 8), shell, "/bin/ls");
	assert_key(ev->image->parent, KEY(11, 2000, 7));
	assert_key(ev->image->parent->parent, KEY(11, 2000, 6));
	assert_key(ev->image->parent->parent->parent, shell);
	assert_text(ev->image->parent->parent->parent, BINARY, "/bin/sh");
	world_done(&w);
}

static const struct {
	const char *name;
	struct image_key id, parent;
	uint16_t flags;
	struct image_key want; /* pid 0: none */
} unknown_cases[] = {
	{ "first exec", { 2000, 6, 11 }, { 1000, 5, 10 }, 0, { 1000, 5, 10 } },
	{ "second exec", { 2000, 7, 11 }, { 1000, 5, 10 }, 0, { 2000, 6, 11 } },
	{ "adopted", { 2000, 6, 11 }, { 1, 5, 1 }, EVENT_F_ADOPTED, { 0, 0, 0 } },
	{ "adopted, second exec", { 2000, 9, 11 }, { 1, 5, 1 }, EVENT_F_ADOPTED, { 2000, 8, 11 } },
	{ "no parent", { 2000, 1, 1 }, { 0, 0, 0 }, 0, { 0, 0, 0 } },
	{ "a parent's counter above", { 2000, 3, 11 }, { 1000, 5, 10 }, 0, { 1000, 5, 10 } },
	{ "a parent that is younger", { 2000, 6, 11 }, { 2001, 5, 10 }, 0, { 0, 0, 0 } },
	{ "its own parent", { 2000, 6, 11 }, { 2000, 6, 11 }, 0, { 0, 0, 0 } },
};

static void check_unknown(const struct event *ev, size_t i)
{
	const struct image *parent = ev->image->parent;

	if (image_key_cmp(&ev->image->key, &unknown_cases[i].id) != 0)
		fail_msg("%s: wrong image", unknown_cases[i].name);
	if (!unknown_cases[i].want.pid != !parent ||
	    (parent && image_key_cmp(&parent->key, &unknown_cases[i].want) != 0))
		fail_msg("%s: wrong parent", unknown_cases[i].name);
}

static void test_exec_of_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown_cases); i++) {
		struct world w;

		world_init(&w, NULL, NULL);
		check_unknown(world_feed(&w, record_exec(&(struct exec_spec){
						     .id = unknown_cases[i].id,
						     .parent = unknown_cases[i].parent,
						     .flags = unknown_cases[i].flags,
						     .filename = "/bin/ls" })),
			      i);
		assert_int_equal(world_counters(&w).unknown_process, 1);
		assert_int_equal(world_counters(&w).unknown_parent, !!unknown_cases[i].want.pid);
		world_done(&w);
	}
}

/* All that is known of it is what its exit says. */
static void test_exit_of_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown_cases); i++) {
		struct event_exit *exit =
			record_exit(unknown_cases[i].id, unknown_cases[i].parent, 0x100);
		const struct event *ev;
		struct world w;

		world_init(&w, NULL, NULL);
		world_feed(&w, record_user(1000, "ann"));
		exit->head.flags = unknown_cases[i].flags;
		exit->euid = 1000;
		ev = world_feed(&w, exit);
		check_unknown(ev, i);
		assert_int_equal(ev->call, CALL_EXIT);
		assert_ptr_equal(ev->exit, exit);
		assert_null(ev->image->program);
		assert_int_equal(ev->image->cred->euid, 1000);
		assert_str(ev->image->user->name, "ann");
		assert_false(ev->image->flags & IMAGE_STUB);
		assert_int_equal(world_counters(&w).unknown_process, 1);
		assert_int_equal(world_counters(&w).processes, 0);
		world_settle(&w);
		assert_int_equal(world_counters(&w).images, 0);
		world_done(&w);
	}
}

/* The forker went on to its next image: the old one, which a child holds, is still found. */
static void test_parent_in_its_old_image(void **state)
{
	struct world w;
	const struct event *ev;

	(void)state;
	setup_shell(&w);
	world_feed(&w, record_fork(KEY(11, 2000, 5), shell, 0));
	feed_exec(&w, KEY(10, 1000, 6), NOBODY, "/bin/next");
	world_settle(&w);
	ev = world_feed(&w, record_fork(KEY(12, 2001, 5), shell, 0));
	assert_key(ev->image->parent, shell);
	assert_text(ev->image, BINARY, "/bin/sh");
	ev = feed_exec(&w, KEY(11, 2000, 6), shell, "/bin/ls");
	assert_text(ev->image->parent, BINARY, "/bin/sh");
	assert_int_equal(world_counters(&w).unknown_parent, 0);
	/* One that nobody holds any more is a stub with the right name. */
	ev = world_feed(&w, record_fork(KEY(13, 2002, 4), KEY(10, 1000, 4), 0));
	assert_key(ev->image->parent, KEY(10, 1000, 4));
	assert_true(ev->image->parent->flags & IMAGE_STUB);
	assert_int_equal(world_counters(&w).unknown_parent, 1);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clone_parent),
		cmocka_unit_test(test_exec_and_exec_again),
		cmocka_unit_test(test_exec_after_a_gap),
		cmocka_unit_test(test_exec_of_unknown_after_others),
		cmocka_unit_test(test_exec_of_unknown),
		cmocka_unit_test(test_exit_of_unknown),
		cmocka_unit_test(test_parent_in_its_old_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
