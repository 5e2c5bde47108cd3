/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of standard output: what is taken, what is not, and that its flags are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "plugin/plugin.h"

extern const struct flusher flusher_stdout;

static char big[1024 * 1024];

/* The real standard output is put aside while a test runs. */
struct fixture {
	int saved;
	_Alignas(16) char state[64];
	struct instance self;
};

static void begin(struct fixture *f, int fd)
{
	*f = (struct fixture){ .saved = dup(STDOUT_FILENO) };
	f->self = (struct instance){
		.plugin = &flusher_stdout.base,
		.name = "flusher_stdout",
		.state = f->state,
	};
	assert_true(flusher_stdout.base.state_size <= sizeof(f->state));
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	close(fd);
}

static void end(struct fixture *f)
{
	flusher_stdout.base.stop(&f->self);
	assert_int_equal(dup2(f->saved, STDOUT_FILENO), STDOUT_FILENO);
	close(f->saved);
}

static int flush(struct fixture *f, const char *p, size_t n, size_t *ret_done)
{
	const struct payload in = { .bytes = { .p = p, .n = n } };

	*ret_done = SIZE_MAX;
	return flusher_stdout.flush(&f->self, &in, ret_done);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static size_t drain(int fd)
{
	static char bytes[65536];
	size_t total = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		total += (size_t)n;
	return total;
}

static void test_file(void **state)
{
	char path[] = "/tmp/test_stdout.XXXXXX", text[8] = "";
	int fd = mkstemp(path), check = open(path, O_RDONLY | O_CLOEXEC);
	struct fixture f;
	size_t done;

	(void)state;
	begin(&f, fd);
	assert_int_equal(flusher_stdout.base.start(&f.self), 0);
	assert_int_equal(flush(&f, "1\n", 2, &done), 0);
	assert_int_equal(write(STDOUT_FILENO, "2\n", 2),
			 2); /* the position is shared with others */
	assert_int_equal(flush(&f, "3\n", 2, &done), 0);
	assert_int_equal(done, 2);
	end(&f);
	assert_int_equal(read(check, text, sizeof(text) - 1), 6);
	assert_string_equal(text, "1\n2\n3\n");
	close(check);
	unlink(path);
}

/* Fills whatever stands for the standard output, up to where it blocks, then drains and goes on. */
static void check_blocked(int writer, int reader)
{
	struct fixture f;
	size_t done, taken;
	double begun;

	begin(&f, writer);
	assert_int_equal(flusher_stdout.base.start(&f.self), 0);
	begun = seconds();
	assert_int_equal(flush(&f, big, sizeof(big), &done), -EAGAIN);
	assert_true(seconds() - begun < 2);
	assert_true(done > 0 && done < sizeof(big));
	taken = done;
	assert_int_equal(flush(&f, big + done, 10, &done), -EAGAIN);
	assert_int_equal(done, 0);
	assert_int_equal(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(drain(reader), taken);
	assert_int_equal(flush(&f, "rest\n", 5, &done), 0);
	assert_int_equal(done, 5);
	assert_int_equal(drain(reader), 5);
	close(reader);
	assert_int_equal(flush(&f, "x\n", 2, &done), -EPIPE);
	assert_int_equal(done, 0);
	end(&f);
}

static void test_pipe(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	check_blocked(fds[1], fds[0]);
}

static void test_socket(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	check_blocked(fds[1], fds[0]);
}

static void test_closed_pipe(void **state)
{
	struct fixture f;
	size_t done;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	begin(&f, fds[1]);
	assert_int_equal(flusher_stdout.base.start(&f.self), 0); /* cannot be opened once more */
	assert_int_equal(flush(&f, "x\n", 2, &done), -EPIPE);
	assert_int_equal(done, 0);
	end(&f);
}

/*
 * A terminal: the way that polls. Without a reader on the other side it takes some and then no
 * more.
 */
static void test_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), fd;
	struct pollfd arrival = { .fd = master, .events = POLLIN };
	struct fixture f;
	size_t done, n;

	(void)state;
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
		print_message("no pseudo-terminals here\n");
		skip();
	}
	fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	begin(&f, fd);
	assert_int_equal(flusher_stdout.base.start(&f.self), 0);
	assert_int_equal(flush(&f, "one\n", 4, &done), 0);
	assert_int_equal(done, 4);
	assert_int_equal(poll(&arrival, 1, 5000), 1);
	n = drain(master);
	end(&f);
	close(master);
	assert_int_equal(n, 5); /* the terminal makes \r\n of \n */
}

static void test_not_open(void **state)
{
	int saved = dup(STDOUT_FILENO);
	struct fixture f = { 0 };
	int r;

	(void)state;
	f.self = (struct instance){ .plugin = &flusher_stdout.base,
				    .name = "flusher_stdout",
				    .state = f.state };
	close(STDOUT_FILENO);
	r = flusher_stdout.base.start(&f.self);
	flusher_stdout.base.stop(&f.self);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	assert_int_equal(r, -EBADF);
}

static void test_encoding(void **state)
{
	struct encoding encoding = { 0 };
	bool conf[2] = { false, true }; /* OnlyStdout, Tags */

	(void)state;
	assert_int_equal(flusher_stdout.base.conf_size, sizeof(conf));
	flusher_stdout.encoding(conf, &encoding);
	assert_true(encoding.time_string);
	assert_true(encoding.tags);
	conf[1] = false;
	flusher_stdout.encoding(conf, &encoding);
	assert_true(encoding.time_string);
	assert_false(encoding.tags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),	 cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_socket),	 cmocka_unit_test(test_closed_pipe),
		cmocka_unit_test(test_terminal), cmocka_unit_test(test_not_open),
		cmocka_unit_test(test_encoding),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
