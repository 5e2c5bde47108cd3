/* SPDX-License-Identifier: Apache-2.0 */
/* A folder is locked by one process at a time, which can be named. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/lock.h"
#include <cmocka.h>

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test-lock-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	rmdir(folder);
	return 0;
}

static void test_one_holds_it(void **state)
{
	int first = -1, second = -1;

	(void)state;
	assert_int_equal(lock_folder(folder, &first), 0);
	assert_int_equal(lock_folder(folder, &second), -EBUSY);
	assert_int_equal(second, -1);
	close(first);
	assert_int_equal(lock_folder(folder, &second), 0);
	close(second);
}

static void test_refuses_what_is_no_folder(void **state)
{
	char path[128];
	int fd = -1;

	(void)state;
	snprintf(path, sizeof(path), "%s/none", folder);
	assert_int_equal(lock_folder(path, &fd), -ENOENT);
	assert_int_equal(lock_folder("/proc/self/comm", &fd), -ENOTDIR);
	assert_int_equal(symlink(folder, path), 0);
	assert_true(lock_folder(path, &fd) < 0);
	unlink(path);
	assert_int_equal(fd, -1);
}

static void test_names_the_holder(void **state)
{
	_cleanup_(closep) int fd = -1;
	char text[128], expected[128];
	pid_t pid = 0;

	(void)state;
	assert_int_equal(lock_holder(folder, &pid), -ENOENT);
	assert_string_equal(lock_describe_holder(folder, text, sizeof(text)), "another process");
	assert_int_equal(lock_folder(folder, &fd), 0);
	if (lock_holder(folder, &pid) < 0)
		skip(); /* some file systems have other numbers in /proc/locks than in stat(2) */
	assert_int_equal(pid, getpid());
	snprintf(expected, sizeof(expected), "process %d (test_base_lock)", getpid());
	assert_string_equal(lock_describe_holder(folder, text, sizeof(text)), expected);
}

static void test_ends_with_the_process(void **state)
{
	_cleanup_(closep) int fd = -1;
	int status = 0;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(lock_folder(folder, &fd) == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(lock_folder(folder, &fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_holds_it, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_refuses_what_is_no_folder, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_names_the_holder, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_ends_with_the_process, make_folder,
						remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
