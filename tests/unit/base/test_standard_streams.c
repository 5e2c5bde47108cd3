/* SPDX-License-Identifier: Apache-2.0 */
/* Every choice of closed descriptors, each in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/standard_streams.h"

/* In the child: 0 when all is as promised, else the number of the promise that was broken. */
static int judge(unsigned int closed)
{
	char c;
	int fd;

	for (int i = 0; i < 3; i++)
		if (closed & 1U << i)
			close(i);
	if (standard_streams_complete() < 0)
		return 1;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd <= STDERR_FILENO)
		return 2;
	if (closed & 1 && read(STDIN_FILENO, &c, 1) != 0)
		return 3;
	if (closed & 2 && (write(STDOUT_FILENO, "x", 1) >= 0 || errno != EBADF))
		return 4;
	if (closed & 4 && write(STDERR_FILENO, "x", 1) != 1)
		return 5;
	return 0;
}

static void test_closed(void **state)
{
	(void)state;
	for (unsigned int closed = 0; closed < 8; closed++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(judge(closed));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status))
			fail_msg("closed: %#x, promise %d", closed, WEXITSTATUS(status));
	}
}

static void test_open_ones_are_left_alone(void **state)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL), fd_flags = fcntl(STDOUT_FILENO, F_GETFD);

	(void)state;
	assert_int_equal(standard_streams_complete(), 0);
	assert_int_equal(fcntl(STDOUT_FILENO, F_GETFL), flags);
	assert_int_equal(fcntl(STDOUT_FILENO, F_GETFD), fd_flags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_open_ones_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
