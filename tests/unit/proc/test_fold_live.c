/* SPDX-License-Identifier: Apache-2.0 */
/* What fork, exec and exit records make of the process table, and which events come of them. */
#include "shell.h"

static void test_clone_of_known(void **state)
{
	struct world w;
	struct image_key child = KEY(11, 2000, 5);
	const struct event *ev;

	(void)state;
	setup_shell(&w);
	ev = world_feed(&w, record_fork(child, shell, 1000));
	assert_non_null(ev);
	assert_int_equal(ev->call, CALL_CLONE);
	assert_key(ev->image, child);
	assert_key(ev->image->parent, shell);
	assert_text(ev->image, BINARY, "/bin/sh");
	assert_str(ev->image->user->name, "ann");
	assert_true(ev->image->program == ev->image->parent->program);
	assert_true(ev->image->flags & IMAGE_NEVER_EXEC);
	assert_int_equal(world_counters(&w).unknown_parent, 0);
	world_done(&w);
}

static void test_clone_of_unknown(void **state)
{
	struct world w;
	const struct event *ev;

	(void)state;
	world_init(&w, NULL, NULL);
	ev = world_feed(&w, record_fork(KEY(11, 2000, 5), shell, 7));
	assert_non_null(ev);
	assert_key(ev->image->parent, shell);
	assert_true(ev->image->parent->flags & IMAGE_STUB);
	assert_null(ev->image->program);
	assert_int_equal(ev->image->cred->euid, 7);
	assert_int_equal(world_counters(&w).unknown_parent, 1);
	/* Another child shares the stub. */
	ev = world_feed(&w, record_fork(KEY(12, 2001, 5), shell, 7));
	assert_true(ev->image->parent == w.batch.events[0].image->parent);
	world_done(&w);
}

static void test_clone_without_parent(void **state)
{
	struct world w;
	const struct event *ev;

	(void)state;
	world_init(&w, NULL, NULL);
	ev = world_feed(&w, record_fork(KEY(11, 2000, 5), NOBODY, 0));
	assert_null(ev->image->parent);
	assert_int_equal(world_counters(&w).unknown_parent, 0);
	world_done(&w);
}

static void test_exec_details(void **state)
{
	struct event_task_ext ext = { .gid = 7, .tty = "pts3" };
	struct event_exe_ext exe = { .inode = 99 };
	struct event_exec *exec;
	const struct event *ev;
	struct world w;

	(void)state;
	setup_shell(&w);
	exec = record_exec(&(struct exec_spec){ .id = KEY(10, 1000, 6),
						.parent = NOBODY,
						.filename = "/usr/bin/ls",
						.cwd = "/root",
						.exe = "/usr/bin/ls",
						.args = RECORD_ARGS("ls\0-l\0/root/one more thing"),
						.task_ext = &ext,
						.exe_ext = &exe });
	exec->cred.permitted = 0x11;
	exec->cred.effective = 0x33;
	exec->cred.inheritable = 0x22;
	exec->head.tid = 77; /* a thread that was not the leader */
	ev = world_feed(&w, exec);
	assert_key(ev->image->parent, shell);
	assert_int_equal(ev->image->cred->permitted, 0x11);
	assert_int_equal(ev->image->cred->effective, 0x33);
	assert_int_equal(ev->image->cred->inheritable, 0x22);
	assert_text(ev->image, ARGS, "ls\0-l\0/root/one more thing\0");
	assert_int_equal(ev->image->ext->gid, 7);
	assert_int_equal(program_exe_ext(ev->image->program)->inode, 99);
	assert_int_equal(ev->tid, 77);
	assert_int_equal(world_counters(&w).processes, 1);
	world_done(&w);
}

/* The exec before it was lost: the exit has the identity of what ended. */
static void test_exit_of_a_later_image(void **state)
{
	struct world w;
	const struct event *ev;

	(void)state;
	setup_shell(&w);
	ev = world_feed(&w, record_exit(KEY(10, 1000, 6), NOBODY, 0));
	assert_key(ev->image, KEY(10, 1000, 6));
	assert_key(ev->image->parent, shell);
	assert_null(ev->image->program);
	assert_int_equal(world_counters(&w).processes, 0);
	world_done(&w);
}

static void test_exit(void **state)
{
	struct world w;
	const struct event *ev;

	(void)state;
	setup_shell(&w);
	ev = world_feed(&w, record_exit(shell, NOBODY, 0));
	assert_key(ev->image, shell);
	assert_text(ev->image, BINARY, "/bin/sh");
	assert_true(ev->image->flags & IMAGE_EXITED);
	assert_int_equal(world_counters(&w).processes, 0);
	world_settle(&w);
	assert_int_equal(world_counters(&w).images, 0);
	assert_true(world_counters(&w).bytes < 4096); /* the indexes */
	world_done(&w);
}

static void test_twins(void **state)
{
	struct world w;
	struct image_key child = KEY(11, 2000, 5), next = KEY(11, 2000, 6);

	(void)state;
	setup_shell(&w);
	assert_non_null(world_feed(&w, record_fork(child, shell, 0)));
	assert_null(world_feed(&w, record_fork(child, shell, 0)));
	assert_non_null(feed_exec(&w, next, shell, "/bin/ls"));
	assert_null(feed_exec(&w, next, shell, "/bin/ls"));
	assert_null(world_feed(&w, record_fork(child, shell, 0)));
	assert_non_null(feed_exec(&w, KEY(11, 2000, 7), shell, "/bin/ls"));
	assert_null(feed_exec(&w, next, shell, "/bin/ls"));
	assert_non_null(world_feed(&w, record_exit(KEY(11, 2000, 7), shell, 0)));
	assert_null(world_feed(&w, record_exit(KEY(11, 2000, 7), shell, 0)));
	world_settle(&w); /* nothing is left of it but the memory that it was */
	assert_null(world_feed(&w, record_exit(KEY(11, 2000, 7), shell, 0)));
	assert_null(feed_exec(&w, KEY(11, 2000, 7), shell, "/bin/ls"));
	assert_null(world_feed(&w, record_fork(child, shell, 0)));
	assert_int_equal(world_counters(&w).twins, 8);
	assert_int_equal(world_counters(&w).processes, 1);
	assert_int_equal(world_counters(&w).unknown_process, 1); /* the shell */
	world_done(&w);
}

/* Forgotten among those that ended, but still there as a parent: what is told of it is late. */
static void test_late_word_of_one_long_gone(void **state)
{
	struct world w;

	(void)state;
	setup_shell(&w);
	world_feed(&w, record_mark(EVENT_MARK_PASS_END));
	world_feed(&w, record_fork(KEY(11, 2000, 5), shell, 0));
	world_feed(&w, record_exit(shell, NOBODY, 0));
	for (uint32_t i = 0; i < 5000; i++) {
		world_feed(&w, record_exit(KEY(100 + i, 3000 + i, 1), NOBODY, 0));
		if (i % 1024 == 0)
			world_settle(&w);
	}
	world_settle(&w);
	assert_null(feed_exec(&w, shell, NOBODY, "/bin/sh"));
	assert_null(world_feed(&w, record_fork(shell, KEY(1, 1, 5), 0)));
	assert_null(world_feed(&w, record_exit(shell, NOBODY, 0)));
	assert_int_equal(world_counters(&w).twins, 3);
	world_feed(&w, record_process(&(struct exec_spec){ .id = shell, .exe = "/bin/sh" }, "sh"));
	assert_int_equal(world_counters(&w).processes, 1);
	assert_int_equal(world_counters(&w).images, 2);
	world_done(&w);
}

/* A pid that comes again is another process; the older one stays until its own exit. */
static void test_pid_again(void **state)
{
	struct world w;
	const struct event *ev;

	(void)state;
	setup_shell(&w);
	world_feed(&w, record_fork(KEY(11, 2000, 5), shell, 0));
	world_feed(&w, record_fork(KEY(11, 3000, 5), shell, 0));
	assert_int_equal(world_counters(&w).processes, 3);
	ev = world_feed(&w, record_exit(KEY(11, 2000, 5), shell, 0));
	assert_key(ev->image, KEY(11, 2000, 5));
	assert_int_equal(world_counters(&w).processes, 2);
	world_done(&w);
}

/* init -> sh -> daemon -> app, and the daemon ends: who is kept, and for how long. */
static void test_lineage(void **state)
{
	struct image_key init = KEY(1, 1, 1), sh = KEY(2, 2, 2), daemon = KEY(3, 3, 3),
			 app = KEY(4, 4, 4);
	struct world w;
	const struct event *ev;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_exec(&w, init, NOBODY, "/init");
	world_feed(&w, record_fork(KEY(2, 2, 1), init, 0));
	feed_exec(&w, sh, init, "/sh");
	world_feed(&w, record_fork(KEY(3, 3, 2), sh, 0));
	feed_exec(&w, daemon, sh, "/daemon");
	world_feed(&w, record_fork(KEY(4, 4, 3), daemon, 0));
	feed_exec(&w, app, daemon, "/app");
	world_settle(&w);
	assert_int_equal(world_counters(&w).images, 4); /* the clones that went on are gone */
	world_feed(&w, record_exit(daemon, sh, 0));
	world_settle(&w);
	assert_int_equal(world_counters(&w).images, 4); /* the app holds the daemon */
	assert_int_equal(world_counters(&w).processes, 3);
	ev = feed_exec(&w, KEY(4, 4, 5), daemon, "/app2");
	assert_text(ev->image->parent->parent, BINARY, "/daemon");
	assert_text(ev->image->parent->parent->parent, BINARY, "/sh");
	world_feed(&w, record_exit(KEY(4, 4, 5), daemon, 0));
	world_settle(&w);
	assert_int_equal(world_counters(&w).images, 2); /* init, sh */
	world_done(&w);
}

/* A process that never execs forks one that does, and both end. */
static void test_clone_only_daemon(void **state)
{
	struct image_key sh = KEY(2, 2, 2), daemon = KEY(3, 3, 2), app = KEY(4, 4, 3);
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_exec(&w, sh, KEY(1, 1, 1), "/sh");
	world_feed(&w, record_fork(daemon, sh, 0));
	world_feed(&w, record_fork(KEY(4, 4, 2), daemon, 0));
	world_feed(&w, record_exit(daemon, sh, 0));
	ev = feed_exec(&w, app, daemon, "/app");
	assert_key(ev->image->parent, daemon);
	assert_text(ev->image->parent, BINARY, "/sh");
	world_feed(&w, record_exit(app, daemon, 0));
	assert_int_equal(w.batch.n, 6);
	world_settle(&w);
	assert_int_equal(world_counters(&w).images, 2); /* sh and the stub of its parent */
	world_done(&w);
}

/* A kernel thread starts a helper: nothing of either is told before the helper's exec. */
static void test_helper_of_kthread(void **state)
{
	struct image_key worker = KEY(50, 500, 0), helper = KEY(51, 600, 0);
	struct event_fork *fork = record_fork(helper, worker, 0);
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_user(0, "root"));
	fork->head.flags |= EVENT_F_BY_KTHREAD;
	memcpy(fork->comm, "kworker/u4:1", 12);
	assert_null(world_feed(&w, fork));
	ev = feed_exec(&w, KEY(51, 600, 1), worker, "/sbin/modprobe");
	assert_non_null(ev);
	assert_false(ev->image->flags & IMAGE_KTHREAD);
	assert_key(ev->image->parent, worker);
	assert_text(ev->image->parent, BINARY, "kworker/u4:1");
	assert_str(ev->image->parent->user->name, "root");
	assert_true(ev->image->parent->flags & IMAGE_KTHREAD);
	assert_false(ev->image->parent->flags & IMAGE_STUB);
	assert_non_null(world_feed(&w, record_exit(KEY(51, 600, 1), worker, 0)));

	/* One whose exec fails ends as it began. */
	fork = record_fork(KEY(52, 700, 0), worker, 0);
	fork->head.flags |= EVENT_F_BY_KTHREAD;
	assert_null(world_feed(&w, fork));
	assert_null(world_feed(&w, record_exit(KEY(52, 700, 0), worker, 0)));
	world_done(&w);
}

static void test_kthread(void **state)
{
	struct event_fork *fork = record_fork(KEY(60, 600, 0), KEY(2, 2, 0), 0);
	struct event_exit *exit = record_exit(KEY(61, 601, 0), KEY(2, 2, 0), 0);
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	fork->head.flags |= EVENT_F_KTHREAD;
	exit->head.flags |= EVENT_F_KTHREAD;
	assert_null(world_feed(&w, fork));
	assert_null(world_feed(&w, exit));
	assert_null(world_feed(&w, record_exit(KEY(60, 600, 0), KEY(2, 2, 0), 0)));
	/* One whose beginning was not marked: its end is enough. */
	world_feed(&w, record_fork(KEY(62, 602, 0), KEY(2, 2, 0), 0));
	exit = record_exit(KEY(62, 602, 0), KEY(2, 2, 0), 0);
	exit->head.flags |= EVENT_F_KTHREAD;
	assert_null(world_feed(&w, exit));
	assert_int_equal(world_counters(&w).processes, 0);
	world_done(&w);
}

/* A daemon that forks itself anew for ever, the old one ending: no endless chain. */
static void test_endless_chain(void **state)
{
	struct world w;
	struct image_key last = KEY(10, 1000, 5);

	(void)state;
	setup_shell(&w);
	for (uint32_t i = 0; i < 20000; i++) {
		struct image_key next = KEY(11 + i % 30000, 2000 + i, 5);

		world_feed(&w, record_fork(next, last, 0));
		world_feed(&w, record_exit(last, NOBODY, 0));
		last = next;
		if (i % 256 == 0)
			world_settle(&w);
	}
	world_settle(&w);
	assert_int_equal(world_counters(&w).processes, 1);
	assert_true(world_counters(&w).images <= 160);
	world_done(&w);
}

/* The same with execs in one process. */
static void test_endless_execs(void **state)
{
	struct world w;

	(void)state;
	setup_shell(&w);
	for (uint32_t i = 0; i < 20000; i++) {
		feed_exec(&w, KEY(10, 1000, 6 + i), NOBODY, "/bin/again");
		if (i % 256 == 0)
			world_settle(&w);
	}
	world_settle(&w);
	assert_true(world_counters(&w).images <= 160);
	world_done(&w);
}

/* Living processes, each the child of the one before, end from the top down; then all go. */
static void test_deep_chain_goes(void **state)
{
	enum { DEPTH = 100000 };
	struct world w;

	(void)state;
	setup_shell(&w);
	for (uint32_t i = 0; i < DEPTH; i++) {
		struct image_key parent = i ? KEY(100 + i - 1, 2000 + i - 1, 5) : shell;

		world_feed(&w, record_fork(KEY(100 + i, 2000 + i, 5), parent, 0));
		if (i % 1024 == 0)
			world_settle(&w);
	}
	for (uint32_t i = 0; i + 1 < DEPTH; i++) {
		world_feed(&w, record_exit(KEY(100 + i, 2000 + i, 5), shell, 0));
		if (i % 1024 == 0)
			world_settle(&w);
	}
	assert_true(world_counters(&w).images > DEPTH / 2);
	world_feed(&w, record_exit(KEY(100 + DEPTH - 1, 2000 + DEPTH - 1, 5), shell, 0));
	world_settle(&w);
	assert_int_equal(world_counters(&w).images, 1);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clone_of_known),
		cmocka_unit_test(test_clone_of_unknown),
		cmocka_unit_test(test_clone_without_parent),
		cmocka_unit_test(test_exec_details),
		cmocka_unit_test(test_exit_of_a_later_image),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_late_word_of_one_long_gone),
		cmocka_unit_test(test_pid_again),
		cmocka_unit_test(test_lineage),
		cmocka_unit_test(test_clone_only_daemon),
		cmocka_unit_test(test_helper_of_kthread),
		cmocka_unit_test(test_kthread),
		cmocka_unit_test(test_endless_chain),
		cmocka_unit_test(test_endless_execs),
		cmocka_unit_test(test_deep_chain_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
