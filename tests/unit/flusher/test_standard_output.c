/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each kind of standard output: what is taken, what is not, that its flags are left alone, and that
 * lines of several flushers do not mix.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "flusher/standard_output.h"

static char big[1024 * 1024];

/* The real standard output is put aside while a test runs. */
struct fixture {
	int saved;
	struct standard_output output;
};

static void begin(struct fixture *f, int fd)
{
	*f = (struct fixture){ .saved = dup(STDOUT_FILENO) };
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	close(fd);
}

static void end(struct fixture *f)
{
	standard_output_close(&f->output);
	assert_int_equal(dup2(f->saved, STDOUT_FILENO), STDOUT_FILENO);
	close(f->saved);
}

static int flush(struct fixture *f, const char *p, size_t n, size_t *ret_done)
{
	*ret_done = SIZE_MAX;
	return standard_output_write(&f->output, (struct str){ .p = p, .n = n }, ret_done);
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
	assert_int_equal(standard_output_open(&f.output), 0);
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
	assert_int_equal(standard_output_open(&f.output), 0);
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
	assert_int_equal(standard_output_open(&f.output), 0); /* cannot be opened once more */
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
	assert_int_equal(standard_output_open(&f.output), 0);
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
	close(STDOUT_FILENO);
	r = standard_output_open(&f.output);
	standard_output_close(&f.output);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	assert_int_equal(r, -EBADF);
}

static void test_not_for_writing(void **state)
{
	struct fixture f;
	int r;

	(void)state;
	begin(&f, open("/dev/null", O_RDONLY | O_CLOEXEC));
	r = standard_output_open(&f.output);
	end(&f);
	assert_int_equal(r, -EBADF);
}

/* A pipe as standard output, and as many flushers on it as are asked for. */
struct shared {
	struct fixture f;
	int reader;
	struct standard_output others[2];
};

static void begin_shared(struct shared *s)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s->reader = fds[0];
	begin(&s->f, fds[1]);
	assert_int_equal(standard_output_open(&s->f.output), 0);
	for (size_t i = 0; i < ARRAY_SIZE(s->others); i++)
		assert_int_equal(standard_output_open(&s->others[i]), 0);
}

static void end_shared(struct shared *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->others); i++)
		standard_output_close(&s->others[i]);
	end(&s->f);
	close(s->reader);
}

static void assert_next(const struct shared *s, const char *text)
{
	char got[16] = "";

	assert_int_equal(read(s->reader, got, sizeof(got) - 1), strlen(text));
	assert_string_equal(got, text);
}

/* A long line, of which the pipe takes the head. Returns how much. */
static size_t begin_line(struct shared *s)
{
	size_t done;

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\n';
	assert_int_equal(flush(&s->f, big, sizeof(big), &done), -EAGAIN);
	assert_int_equal(drain(s->reader), done);
	return done;
}

static void test_line_is_finished_first(void **state)
{
	struct shared s;
	size_t done = 9;

	(void)state;
	begin_shared(&s);
	begin_line(&s);
	assert_int_equal(standard_output_write(&s.others[0], STR("b\n"), &done), -EAGAIN);
	assert_int_equal(done, 0);
	assert_int_equal(flush(&s.f, "rest\n", 5, &done), 0);
	assert_int_equal(standard_output_write(&s.others[0], STR("b\n"), &done), 0);
	assert_next(&s, "rest\nb\n");
	end_shared(&s);
}

/* Its owner has gone: the next line begins with a line feed, once. */
static void test_line_is_never_finished(void **state)
{
	struct shared s;
	size_t done = 9;

	(void)state;
	begin_shared(&s);
	begin_line(&s);
	standard_output_close(&s.f.output);
	assert_int_equal(standard_output_write(&s.others[0], STR("b\n"), &done), 0);
	assert_int_equal(done, 2);
	assert_int_equal(standard_output_write(&s.others[1], STR("c\n"), &done), 0);
	assert_next(&s, "\nb\nc\n");
	end_shared(&s);
}

/* A line that another process has begun is ended, unless one of ours is in a line of its own. */
static void test_resume(void **state)
{
	struct shared s;
	size_t done = 9;

	(void)state;
	begin_shared(&s);
	standard_output_resume(&s.f.output);
	standard_output_resume(&s.others[0]);
	assert_int_equal(standard_output_write(&s.others[0], STR("b\n"), &done), 0);
	assert_int_equal(standard_output_write(&s.others[1], STR("c\n"), &done), 0);
	assert_next(&s, "\nb\nc\n");
	begin_line(&s);
	standard_output_resume(&s.others[0]);
	assert_int_equal(flush(&s.f, "rest\n", 5, &done), 0);
	assert_next(&s, "rest\n");
	end_shared(&s);
}

/* The disk is full within a line: what is lost does not run into what follows. */
static void test_line_is_lost(void **state)
{
	char path[] = "/tmp/test_stdout.XXXXXX", text[32] = "";
	struct rlimit limit = { .rlim_cur = 6, .rlim_max = RLIM_INFINITY };
	int fd = mkstemp(path), check = open(path, O_RDONLY | O_CLOEXEC), r;
	struct fixture f;
	size_t done;

	(void)state;
	begin(&f, fd);
	assert_int_equal(standard_output_open(&f.output), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	r = flush(&f, "1\nabcdefgh\n", 11, &done);
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(r, -EFBIG);
	assert_int_equal(done, 6);
	assert_int_equal(flush(&f, "2\n", 2, &done), 0);
	end(&f);
	assert_true(read(check, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "1\nabcd\n2\n");
	close(check);
	unlink(path);
}

#define N_LINES 2000
#define LINE_BYTES 1000

static void *print_lines(void *arg)
{
	struct standard_output *o = arg;
	static const char letters[] = "abc";
	static _Atomic size_t next;
	char letter = letters[next++ % 3];
	char *lines = malloc((size_t)N_LINES * LINE_BYTES);

	memset(lines, letter, (size_t)N_LINES * LINE_BYTES);
	for (size_t i = 1; i <= N_LINES; i++)
		lines[i * LINE_BYTES - 1] = '\n';
	for (size_t at = 0, done; at < (size_t)N_LINES * LINE_BYTES; at += done) {
		struct str rest = { lines + at, (size_t)N_LINES * LINE_BYTES - at };

		(void)standard_output_write(o, rest, &done); /* 0 or -EAGAIN */
	}
	free(lines);
	return NULL;
}

/* Three threads, one pipe that takes 64 KiB at a time: every line is of one letter. */
static void test_threads(void **state)
{
	static char line[LINE_BYTES + 1];
	size_t n = 0, n_mixed = 0;
	pthread_t threads[3];
	struct shared s;
	FILE *reader;

	(void)state;
	begin_shared(&s);
	pthread_create(&threads[0], NULL, print_lines, &s.f.output);
	pthread_create(&threads[1], NULL, print_lines, &s.others[0]);
	pthread_create(&threads[2], NULL, print_lines, &s.others[1]);
	reader = fdopen(dup(s.reader), "r");
	for (; n < 3 * N_LINES && fread(line, LINE_BYTES, 1, reader) == 1; n++)
		n_mixed += strspn(line, (char[]){ *line, '\0' }) != LINE_BYTES - 1 ||
			   line[LINE_BYTES - 1] != '\n';
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	fclose(reader);
	end_shared(&s);
	assert_int_equal(n, 3 * N_LINES);
	assert_int_equal(n_mixed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_closed_pipe),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_not_open),
		cmocka_unit_test(test_not_for_writing),
		cmocka_unit_test(test_line_is_finished_first),
		cmocka_unit_test(test_line_is_never_finished),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_line_is_lost),
		cmocka_unit_test(test_threads),
	};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
