/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the task iterator, alone and in every order with the live records of the same process.
 */
#include "world.h"

static const struct image_key init = { .pid = 1, .start_ns = 1, .exec_count = 3 };
static const struct image_key cat = { .pid = 20, .start_ns = 2000, .exec_count = 4 };

static struct event_process *cat_record(void)
{
	struct event_process *e = record_process(
		&(struct exec_spec){ .id = cat,
				     .parent = init,
				     .euid = 1000,
				     .cwd = "/",
				     .exe = "/usr/bin/cat",
				     .args = RECORD_ARGS("cat\0/etc/host.conf\0/etc/resolv.conf") },
		"cat");

	return e;
}

/* What the table has of a process: shown by its exit. */
static const struct image *image_at_exit(struct world *w, struct image_key id)
{
	const struct event *ev = world_feed(w, record_exit(id, NOBODY, 0));

	assert_non_null(ev);
	return ev->image;
}

static void test_full_citizen(void **state)
{
	const struct image *image;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_user(1000, "ann"));
	assert_null(world_feed(&w, cat_record()));
	assert_int_equal(world_counters(&w).processes, 1);
	assert_int_equal(world_counters(&w).unknown_parent, 0);
	image = image_at_exit(&w, cat);
	assert_key(image, cat);
	assert_key(image->parent, init);
	assert_text(image, BINARY, "/usr/bin/cat");
	assert_text(image, ARGS, "cat\0/etc/host.conf\0/etc/resolv.conf\0");
	assert_text(image, CWD, "/");
	assert_str(image->user->name, "ann");
	world_done(&w);
}

static void test_kthread(void **state)
{
	struct image_key kthreadd = KEY(2, 2, 0);
	struct event_fork *fork;
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_user(0, "root"));
	world_feed(&w, record_process(&(struct exec_spec){ .id = kthreadd,
							   .parent = NOBODY,
							   .flags = EVENT_F_KTHREAD |
								    EVENT_F_NEVER_EXEC },
				      "kthreadd"));
	fork = record_fork(KEY(30, 3000, 0), kthreadd, 0);
	fork->head.flags |= EVENT_F_BY_KTHREAD;
	assert_null(world_feed(&w, fork));
	ev = world_feed(&w, record_exec(&(struct exec_spec){ .id = KEY(30, 3000, 1),
							     .parent = kthreadd,
							     .filename = "/sbin/hotplug" }));
	assert_text(ev->image->parent, BINARY, "kthreadd");
	assert_int_equal(ev->image->parent->cred->euid, 0);
	assert_int_equal(ev->image->parent->cred->permitted, 0);
	assert_str(ev->image->parent->user->name, "root");
	assert_text(ev->image->parent, ARGS, "");
	assert_null(world_feed(&w, record_exit(kthreadd, NOBODY, 0)));
	world_done(&w);
}

/* A child may be seen before its parent: the parent fills the image that was made for it. */
static void test_child_before_parent(void **state)
{
	const struct image *image;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, cat_record());
	assert_int_equal(world_counters(&w).images, 2);
	world_feed(&w, record_process(&(struct exec_spec){ .id = init,
							   .parent = KEY(0, 0, 2),
							   .exe = "/sbin/init" },
				      "init"));
	assert_int_equal(world_counters(&w).images, 2);
	assert_int_equal(world_counters(&w).processes, 2);
	image = image_at_exit(&w, cat);
	assert_text(image->parent, BINARY, "/sbin/init");
	assert_false(image->parent->flags & IMAGE_STUB);
	assert_null(image->parent->parent);
	world_done(&w);
}

static const struct {
	const char *name;
	struct image_key id, parent;
	uint16_t flags;
	struct image_key want;
} parent_cases[] = {
	{ "first exec", { 2000, 4, 20 }, { 1, 3, 1 }, 0, { 1, 3, 1 } },
	{ "never exec", { 2000, 3, 20 }, { 1, 3, 1 }, EVENT_F_NEVER_EXEC, { 1, 3, 1 } },
	{ "never exec, odd", { 2000, 9, 20 }, { 1, 3, 1 }, EVENT_F_NEVER_EXEC, { 1, 3, 1 } },
	{ "second exec", { 2000, 5, 20 }, { 1, 3, 1 }, 0, { 2000, 4, 20 } },
	{ "adopted", { 2000, 4, 20 }, { 1, 3, 1 }, EVENT_F_ADOPTED, { 0, 0, 0 } },
	{ "adopted, second exec", { 2000, 5, 20 }, { 1, 3, 1 }, EVENT_F_ADOPTED, { 2000, 4, 20 } },
};

static void test_parents(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parent_cases); i++) {
		const struct image *parent;
		struct world w;

		world_init(&w, NULL, NULL);
		world_feed(&w, record_process(&(struct exec_spec){ .id = parent_cases[i].id,
								   .parent = parent_cases[i].parent,
								   .flags = parent_cases[i].flags },
					      "x"));
		parent = image_at_exit(&w, parent_cases[i].id)->parent;
		if (!parent_cases[i].want.pid != !parent ||
		    (parent && image_key_cmp(&parent->key, &parent_cases[i].want) != 0))
			fail_msg("%s: wrong parent", parent_cases[i].name);
		world_done(&w);
	}
}

static void test_dying_is_nothing(void **state)
{
	struct event_process *e = cat_record();
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	e->live = 0;
	world_feed(&w, e);
	assert_int_equal(world_counters(&w).images, 0);
	world_done(&w);
}

static void test_tombstone(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_mark(EVENT_MARK_PASS_BEGIN));
	assert_non_null(world_feed(&w, record_exit(cat, init, 0)));
	world_settle(&w);
	world_feed(&w, cat_record());
	world_feed(&w, record_mark(EVENT_MARK_PASS_END));
	assert_int_equal(world_counters(&w).images, 0);
	world_done(&w);
}

/*
 * The iterator saw the exec's image before the exec's record came: the record knows better, and is
 * news.
 */
static void test_exec_after_its_snapshot(void **state)
{
	struct exec_spec exec = {
		.id = cat, .parent = init, .filename = "cat", .cwd = "/bin", .exe = "/usr/bin/cat"
	};
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, cat_record());
	ev = world_feed(&w, record_exec(&exec));
	assert_non_null(ev);
	assert_int_equal(ev->call, CALL_EXECVE);
	assert_text(ev->image, BINARY, "/bin/cat");
	assert_key(ev->image->parent, init);
	assert_null(world_feed(&w, record_exec(&exec)));
	assert_int_equal(world_counters(&w).twins, 1);
	/* A snapshot after it changes nothing. */
	world_feed(&w, cat_record());
	assert_text(image_at_exit(&w, cat), BINARY, "/bin/cat");
	world_done(&w);
}

/* The same for a process that the table knew in its image before. */
static void test_newer_snapshot_of_known(void **state)
{
	struct image_key next = KEY(20, 2000, 5);
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_exec(&(struct exec_spec){
			       .id = cat, .parent = init, .filename = "/bin/sh" }));
	world_feed(&w,
		   record_process(
			   &(struct exec_spec){ .id = next, .parent = init, .exe = "/bin/true" },
			   "true"));
	assert_int_equal(world_counters(&w).processes, 1);
	ev = world_feed(&w, record_exec(&(struct exec_spec){
				    .id = next, .parent = init, .filename = "/bin/x" }));
	assert_non_null(ev);
	assert_text(ev->image, BINARY, "/bin/x");
	assert_key(ev->image->parent, cat);
	assert_text(ev->image->parent, BINARY, "/bin/sh");
	/* An older view confirms, and no more. */
	world_feed(&w, cat_record());
	assert_text(image_at_exit(&w, next), BINARY, "/bin/x");
	world_done(&w);
}

static void test_fork_after_its_snapshot(void **state)
{
	struct image_key clone = KEY(21, 3000, 4);
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_exec(&(struct exec_spec){
			       .id = cat, .parent = init, .filename = "/bin/given" }));
	world_feed(&w, record_process(&(struct exec_spec){ .id = clone,
							   .parent = cat,
							   .exe = "/bin/resolved",
							   .flags = EVENT_F_NEVER_EXEC },
				      "x"));
	ev = world_feed(&w, record_fork(clone, cat, 0));
	assert_non_null(ev);
	assert_key(ev->image->parent, cat);
	assert_text(ev->image, BINARY, "/bin/given");
	assert_null(world_feed(&w, record_fork(clone, cat, 0)));
	assert_int_equal(world_counters(&w).processes, 2);
	world_done(&w);
}

/*
 * It had even exec'ed when the iterator came: the clone's image is still told, and is not current.
 */
static void test_fork_after_snapshot_of_its_exec(void **state)
{
	struct image_key clone = KEY(21, 3000, 4), next = KEY(21, 3000, 5);
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w,
		   record_process(&(struct exec_spec){ .id = next, .parent = cat, .exe = "/bin/x" },
				  "x"));
	ev = world_feed(&w, record_fork(clone, cat, 0));
	assert_non_null(ev);
	assert_key(ev->image, clone);
	assert_true(ev->image->flags & IMAGE_EXITED); /* went on to the next */
	ev = world_feed(
		&w, record_exec(&(struct exec_spec){ .id = next, .parent = cat, .filename = "x" }));
	assert_non_null(ev);
	assert_key(ev->image, next);
	assert_key(ev->image->parent, cat);
	assert_key(image_at_exit(&w, next), next);
	world_settle(&w);
	assert_int_equal(world_counters(&w).images, 0);
	world_done(&w);
}

/* A counter that moved while argv was copied: the strings may be of either image. */
static void test_torn_strings(void **state)
{
	struct event_process *e = cat_record();
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	e->exec_count_after++;
	world_feed(&w, e);
	world_feed(&w, record_mark(EVENT_MARK_PASS_BEGIN));
	assert_int_equal(world_counters(&w).processes, 1);
	world_feed(&w, cat_record()); /* the second pass fills them in */
	assert_text(image_at_exit(&w, cat), BINARY, "/usr/bin/cat");

	e = cat_record();
	e->head.tgid = 22;
	e->exec_count_after++;
	world_feed(&w, e);
	assert_null(image_at_exit(&w, KEY(22, 2000, 4))->program);
	world_done(&w);
}

/* A leader that has gone while threads live has no strings at all, and no cwd that could be "/". */
static void test_leader_gone(void **state)
{
	struct event_process *e = record_process(
		&(struct exec_spec){ .id = cat, .parent = init, .flags = EVENT_F_NEVER_EXEC }, "x");
	const struct image *image;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	e->exit_state = 0x20;
	world_feed(&w, e);
	image = image_at_exit(&w, cat);
	assert_text(image, BINARY, "");
	assert_text(image, CWD, "");
	assert_false(image->program->flags & PROGRAM_HAS_EXE);
	world_done(&w);
}

/*
 * What the first pass saw, and the second did not, has died in between; what has acted since,
 * lives.
 */
static void test_sweep(void **state)
{
	struct image_key gone = KEY(31, 3001, 4), acted = KEY(32, 3002, 4), born = KEY(33, 3003, 4);
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, cat_record());
	world_feed(&w, record_process(&(struct exec_spec){ .id = gone, .parent = init }, "gone"));
	world_feed(&w, record_process(&(struct exec_spec){ .id = acted, .parent = init }, "acted"));
	world_feed(&w, record_mark(EVENT_MARK_PASS_BEGIN));
	world_feed(&w, record_exec(&(struct exec_spec){
			       .id = KEY(32, 3002, 5), .parent = init, .filename = "/x" }));
	world_feed(&w, record_fork(born, cat, 0));
	world_feed(&w, cat_record());
	assert_int_equal(world_counters(&w).processes, 4);
	assert_null(world_feed(&w, record_mark(EVENT_MARK_PASS_END)));
	assert_int_equal(world_counters(&w).processes, 3);
	world_settle(&w);
	assert_null(image_at_exit(&w, gone)->program); /* unknown again */
	assert_non_null(image_at_exit(&w, cat)->program);
	world_done(&w);
}

/* A clone whose forker was not known has no program until the snapshot tells. */
static void test_fills_clone(void **state)
{
	struct image_key clone = KEY(21, 3000, 4);
	const struct image *image;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_fork(clone, cat, 7));
	world_feed(&w, record_process(&(struct exec_spec){ .id = clone,
							   .parent = cat,
							   .exe = "/bin/x",
							   .euid = 8,
							   .flags = EVENT_F_NEVER_EXEC },
				      "x"));
	image = image_at_exit(&w, clone);
	assert_text(image, BINARY, "/bin/x");
	assert_int_equal(image->cred->euid, 7); /* the fork's own facts stay */
	assert_key(image->parent, cat);
	world_done(&w);
}

/*
 * Everybody who lives, in the order of their starts, however they became known; no kernel threads,
 * nobody who has ended, and nobody who is only known as a parent.
 */
static void test_each_living(void **state)
{
	static const struct image_key shell = { .pid = 7, .start_ns = 1500, .exec_count = 9 };
	static const struct image_key child = { .pid = 6, .start_ns = 3000, .exec_count = 9 };
	static const struct image_key late = { .pid = 5, .start_ns = 4000, .exec_count = 2 };
	static const struct image_key stranger = { .pid = 4, .start_ns = 1200, .exec_count = 2 };
	static const struct image_key gone = { .pid = 3, .start_ns = 1100, .exec_count = 2 };
	const struct image_key want[] = { init, shell, cat, child, late };
	struct event_process *kthread = record_process(
		&(struct exec_spec){ .id = KEY(2, 2, 0), .flags = EVENT_F_KTHREAD }, "kthreadd");
	size_t n_before;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_clock(1000000));
	world_feed(&w, record_exec(&(struct exec_spec){
			       .id = late, .parent = stranger, .filename = "/bin/l" }));
	world_feed(&w, cat_record());
	world_feed(&w, kthread);
	world_feed(&w, record_exec(&(struct exec_spec){
			       .id = shell, .parent = init, .filename = "/bin/sh" }));
	world_feed(&w,
		   record_process(&(struct exec_spec){ .id = init, .exe = "/sbin/init" }, "init"));
	world_feed(&w, record_exec(&(struct exec_spec){
			       .id = gone, .parent = init, .filename = "/bin/g" }));
	world_feed(&w, record_fork(child, shell, 0));
	world_feed(&w, record_exit(gone, init, 0));
	n_before = w.batch.n;
	assert_int_equal(fold_each_living(w.fold, 500, 42, &w.batch), 0);
	assert_int_equal(w.batch.n, n_before + ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct event *ev = &w.batch.events[n_before + i];

		assert_key(ev->image, want[i]);
		assert_int_equal(ev->call, CALL_SNAPSHOT);
		assert_int_equal(ev->tid, want[i].pid);
		assert_int_equal(ev->boot_ns, 500);
		assert_int_equal(ev->time_ns, 1000500);
		assert_int_equal(ev->seq, 42);
		assert_ptr_equal(ev->node, fold_node(w.fold));
		assert_null(ev->exit);
	}
	for (size_t i = 0; i < n_before; i++)
		assert_int_not_equal(w.batch.events[i].call, CALL_SNAPSHOT);
	world_done(&w); /* checks that every image was given back */
}

/* The images stay what they were, though their processes end before the events are delivered. */
static void test_living_outlive(void **state)
{
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	assert_int_equal(fold_each_living(w.fold, 1, 0, &w.batch), 0); /* nobody */
	assert_int_equal(w.batch.n, 0);
	world_feed(&w, cat_record());
	assert_int_equal(fold_each_living(w.fold, 1, 0, &w.batch), 0);
	world_feed(&w, record_exit(cat, init, 0));
	fold_trim(w.fold);
	assert_int_equal(w.batch.n, 2);
	ev = &w.batch.events[0];
	assert_key(ev->image, cat);
	assert_text(ev->image, BINARY, "/usr/bin/cat");
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_citizen),
		cmocka_unit_test(test_kthread),
		cmocka_unit_test(test_child_before_parent),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_dying_is_nothing),
		cmocka_unit_test(test_tombstone),
		cmocka_unit_test(test_exec_after_its_snapshot),
		cmocka_unit_test(test_newer_snapshot_of_known),
		cmocka_unit_test(test_fork_after_its_snapshot),
		cmocka_unit_test(test_fork_after_snapshot_of_its_exec),
		cmocka_unit_test(test_torn_strings),
		cmocka_unit_test(test_leader_gone),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_fills_clone),
		cmocka_unit_test(test_each_living),
		cmocka_unit_test(test_living_outlive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
