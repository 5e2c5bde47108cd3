/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions and answers over threads, and file systems that hang: a FUSE mount that nobody serves.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "enrich/container_users.h"
#include "hung_folder.h"
#include "other_folder.h"

static const struct container_users_options options = { .patience_ms = 20,
							.hung_ms = 100,
							.shut_ms = 60000,
							.look_ms = 1000 };

static struct user_question question(char container, uint32_t uid)
{
	struct user_question q = { .mnt_ns = 1, .uid = uid, .pids = { 0x7ffffff0 }, .n_pids = 1 };

	memset(q.container, container, sizeof(q.container));
	return q;
}

static void set_folder(struct container_users *u, char container, const char *path)
{
	struct user_question q = question(container, 0);

	container_users_set_folder(u, q.container, path);
}

static bool ask(struct container_users *u, char container, uint32_t uid)
{
	struct user_question q = question(container, uid);

	return container_users_ask(u, &q);
}

static void next(struct container_users *u, struct user_answer *ret)
{
	while (!container_users_next(u, ret)) {
		struct pollfd p = { .fd = container_users_fd(u), .events = POLLIN };

		assert_int_equal(poll(&p, 1, 5000), 1);
	}
}

static void assert_answer(struct container_users *u, char container, uint32_t uid, const char *name)
{
	struct user_answer a;

	next(u, &a);
	assert_int_equal(a.container[0], container);
	assert_int_equal(a.container[63], container);
	assert_int_equal(a.mnt_ns, 1);
	assert_int_equal(a.uid, uid);
	assert_int_equal(a.n_name, strlen(name));
	assert_memory_equal(a.name, name, strlen(name));
}

static void test_answers(void **state)
{
	struct container_users_state s;
	struct container_users *u = NULL;
	struct other_folder f;

	(void)state;
	other_make(&f);
	other_write(&f, "etc/passwd", "root:x:0:\napp:x:5:\n");
	assert_int_equal(container_users_new(&options, &u), 0);
	set_folder(u, 'a', f.path);
	assert_true(ask(u, 'a', 5));
	assert_answer(u, 'a', 5, "app");
	assert_true(ask(u, 'a', 6));
	assert_answer(u, 'a', 6, "");
	/* A file that was changed is another one. */
	other_write(&f, "etc/passwd", "root:x:0:\nother:x:5:\n");
	assert_true(ask(u, 'a', 0));
	assert_answer(u, 'a', 5, "other"); /* what had been told of it, first */
	assert_answer(u, 'a', 0, "root");
	container_users_state(u, &s);
	assert_int_equal(s.questions, 3);
	assert_int_equal(s.named, 2);
	assert_int_equal(s.unnamed, 1);
	assert_int_equal(s.changed, 1);
	assert_int_equal(s.places, 1);
	/* Nobody is there any more: what was known is the best there is. */
	other_remove(&f);
	assert_true(ask(u, 'a', 5));
	assert_answer(u, 'a', 5, "other");
	assert_true(ask(u, 'b', 5));
	assert_answer(u, 'b', 5, "");
	container_users_state(u, &s);
	assert_int_equal(s.unknown, 1);
	/* Who was answered with nothing is told when somebody has found the file. */
	other_make(&f);
	other_write(&f, "etc/passwd", "root:x:0:\napp:x:5:\n");
	set_folder(u, 'b', f.path);
	assert_true(ask(u, 'b', 0));
	assert_answer(u, 'b', 5, "app");
	assert_answer(u, 'b', 0, "root");
	other_remove(&f);
	assert_null(container_users_free(u));
}

/* The folder is told of while the question waits. */
static void test_folder_comes_later(void **state)
{
	struct container_users_options patient = options;
	struct container_users *u = NULL;
	struct other_folder f;

	(void)state;
	other_make(&f);
	other_write(&f, "etc/passwd", "app:x:5:\n");
	patient.patience_ms = 5000;
	assert_int_equal(container_users_new(&patient, &u), 0);
	assert_true(ask(u, 'a', 5));
	set_folder(u, 'a', f.path);
	assert_answer(u, 'a', 5, "app");
	container_users_free(u);
	other_remove(&f);
}

static uint32_t own_mnt_ns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	return (uint32_t)st.st_ino;
}

/*
 * As a runtime that is slow: in a namespace of its own, the host's root is left when it is told to.
 */
static pid_t start_slow_container(const struct other_folder *f, int *ret_go)
{
	int go[2], there[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(there, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		bool works = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && unshare(CLONE_NEWNS) == 0 &&
			     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
			     mount(f->path, f->path, NULL, MS_BIND, NULL) == 0;

		(void)!write(there[1], works ? "y" : "n", 1);
		(void)!read(go[0], &c, 1);
		if (chdir(f->path) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
			_exit(1);
		pause();
	}
	assert_int_equal(read(there[0], &c, 1), 1);
	close(there[0]);
	close(there[1]);
	close(go[0]);
	*ret_go = go[1];
	return c == 'y' ? pid : -pid;
}

/* Nobody waits for a container that is set up for longer; its names are told when it is. */
static void test_slow_container(void **state)
{
	struct container_users *u = NULL;
	struct user_question q = { .uid = 5, .n_pids = 1 };
	struct user_answer a;
	struct other_folder f;
	struct stat st;
	char path[64];
	pid_t pid;
	int go;

	(void)state;
	other_make(&f);
	other_write(&f, "etc/passwd", "app:x:5:\n");
	pid = start_slow_container(&f, &go);
	if (pid > 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
		assert_int_equal(stat(path, &st), 0);
		assert_int_not_equal(st.st_ino, own_mnt_ns());
		q.mnt_ns = (uint32_t)st.st_ino;
		q.pids[0] = (uint32_t)pid;
		memset(q.container, 'c', sizeof(q.container));
		assert_int_equal(container_users_new(&options, &u), 0);
		assert_true(container_users_ask(u, &q));
		next(u, &a);
		assert_int_equal(a.n_name, 0);
		assert_int_equal(write(go, "g", 1), 1);
		next(u, &a);
		assert_int_equal(a.uid, 5);
		assert_int_equal(a.n_name, 3);
		assert_memory_equal(a.name, "app", 3);
		container_users_free(u);
	}
	kill(abs(pid), SIGKILL);
	waitpid(abs(pid), NULL, 0);
	close(go);
	other_remove(&f);
	if (pid < 0)
		skip();
}

static void test_hang(void **state)
{
	struct container_users_state s;
	struct container_users *u = NULL;
	struct other_folder hung, f;
	uint64_t since;
	int fuse;

	(void)state;
	other_make(&hung);
	other_make(&f);
	other_write(&f, "etc/passwd", "app:x:5:\n");
	fuse = mount_fuse(other_path(&hung, "etc"));
	if (fuse < 0) {
		other_remove(&hung);
		other_remove(&f);
		print_message("a FUSE file system cannot be mounted here\n");
		skip();
	}
	assert_int_equal(container_users_new(&options, &u), 0);
	set_folder(u, 'a', f.path);
	for (char c = 'b'; c < 'j'; c++) {
		set_folder(u, c, hung.path);
		assert_true(ask(u, c, 5));
	}
	/* Those who hang, two at a time, and each is answered; others get their turn. */
	for (char c = 'b'; c < 'j'; c++) {
		struct user_answer a;

		next(u, &a);
		assert_int_equal(a.n_name, 0);
	}
	container_users_state(u, &s);
	assert_int_equal(s.hung, 8);
	assert_int_equal(s.hanging, 8);
	assert_false(ask(u, 'b', 6)); /* its place is shut */
	/* So many may hang: then nobody looks until one is back, and nobody waits for that. */
	ask(u, 'a', 5);
	assert_answer(u, 'a', 5, "");
	closep(&fuse); /* the server has gone: whoever waits for it is woken */
	since = clock_now_ns(CLOCK_MONOTONIC);
	do {
		container_users_state(u, &s);
	} while (s.hanging && clock_now_ns(CLOCK_MONOTONIC) - since < 5 * CLOCK_SECOND_NS);
	assert_int_equal(s.hanging, 0);
	assert_true(ask(u, 'a', 5));
	assert_answer(u, 'a', 5, "app");
	assert_int_equal(umount2(other_path(&hung, "etc"), MNT_DETACH), 0);
	container_users_free(u);
	other_remove(&hung);
	other_remove(&f);
}

/* Nobody waits at the end for who hangs. */
static void test_free_while_one_hangs(void **state)
{
	struct container_users_options slow = options;
	struct container_users *u = NULL;
	struct user_answer a;
	struct other_folder hung;
	uint64_t since;
	int fuse;

	(void)state;
	other_make(&hung);
	fuse = mount_fuse(other_path(&hung, "etc"));
	if (fuse < 0) {
		other_remove(&hung);
		print_message("a FUSE file system cannot be mounted here\n");
		skip();
	}
	slow.hung_ms = 60000;
	assert_int_equal(container_users_new(&slow, &u), 0);
	set_folder(u, 'b', hung.path);
	assert_true(ask(u, 'b', 5));
	assert_false(container_users_next(u, &a));
	since = clock_now_ns(CLOCK_MONOTONIC);
	container_users_free(u);
	assert_true(clock_now_ns(CLOCK_MONOTONIC) - since < CLOCK_SECOND_NS);
	closep(&fuse);
	umount2(other_path(&hung, "etc"), MNT_DETACH);
	other_remove(&hung);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_folder_comes_later),
		cmocka_unit_test(test_slow_container),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_free_while_one_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
