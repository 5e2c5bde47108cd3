/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standard output is shared with whoever started us, and O_NONBLOCK belongs to the open file,
 * not to the descriptor: setting it there would surprise the shell. So each kind of file has its
 * own way:
 *   regular file  one write
 *   pipe          opened once more through /proc: an open file of our own, which may be O_NONBLOCK
 *   socket        MSG_DONTWAIT
 *   others        poll, then no more than what a pipe that polled writable always takes
 * What is taken in this way may end within a line. Then the standard output belongs to the one who
 * is in that line until it is finished or lost. That is the one lock between flushers, since the
 * process has only one standard output.
 */
#include "flusher/standard_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"

#define WAIT_NS (100 * CLOCK_MS_NS)

static struct {
	pthread_mutex_t lock;
	pthread_cond_t line_ended;
	const struct standard_output *in_line; /* who has begun a line; or NULL */
	bool is_torn; /* the last thing there is a line whose end is lost */
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER, .line_ended = PTHREAD_COND_INITIALIZER };

int standard_output_open(struct standard_output *o)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	struct stat st;

	*o = (struct standard_output){ .way = WAY_POLLED, .fd = STDOUT_FILENO };
	if (flags < 0 || fstat(STDOUT_FILENO, &st) < 0)
		return -errno;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (S_ISREG(st.st_mode))
		o->way = WAY_WHOLE;
	if (S_ISSOCK(st.st_mode))
		o->way = WAY_SOCKET;
	if (!S_ISFIFO(st.st_mode))
		return 0;
	o->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	o->is_own = o->fd >= 0;
	if (o->is_own)
		o->way = WAY_NONBLOCKING;
	else
		o->fd = STDOUT_FILENO; /* not ours to open, or without a reader: the slow way */
	return 0;
}

/* With the lock held. */
static void leave_line(bool is_torn)
{
	shared.in_line = NULL;
	shared.is_torn = is_torn;
	pthread_cond_broadcast(&shared.line_ended);
}

void standard_output_resume(const struct standard_output *o)
{
	pthread_mutex_lock(&shared.lock);
	shared.is_torn |= o->way != WAY_WHOLE && !shared.in_line;
	pthread_mutex_unlock(&shared.lock);
}

void standard_output_close(struct standard_output *o)
{
	pthread_mutex_lock(&shared.lock);
	if (shared.in_line == o)
		leave_line(true);
	pthread_mutex_unlock(&shared.lock);
	if (o->is_own)
		close(o->fd);
	*o = (struct standard_output){ .fd = -1 };
}

/* 0 when a write would get on, -EAGAIN when not by then. */
static int wait_writable(int fd, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);
	int n;

	n = poll(&p, 1, now < deadline_ns ? (int)((deadline_ns - now) / CLOCK_MS_NS) : 0);
	if (n < 0)
		return -errno;
	return n ? 0 : -EAGAIN; /* an error condition as well: the write will name it */
}

/* Bytes that were taken, or a negative errno. */
static ssize_t write_some(const struct standard_output *o, struct str bytes)
{
	ssize_t n;

	bytes.n = FAULT_SHORT("output_middle", bytes.n);
	if (o->way == WAY_SOCKET)
		n = send(o->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (o->way == WAY_POLLED)
		n = write(o->fd, bytes.p, bytes.n < PIPE_BUF ? bytes.n : PIPE_BUF);
	else
		n = write(o->fd, bytes.p, bytes.n);
	n = n < 0 ? -errno : n;
	FAULT_SHORT_END("output_middle");
	return n;
}

static int write_until(const struct standard_output *o, struct str bytes, uint64_t deadline_ns,
		       size_t *ret_done)
{
	ssize_t n = o->way == WAY_POLLED ? -EAGAIN : 0;

	for (*ret_done = 0; *ret_done < bytes.n;) {
		if (n == -EAGAIN)
			n = wait_writable(o->fd, deadline_ns);
		if (n < 0 && n != -EINTR)
			return (int)n;
		n = write_some(o, (struct str){ bytes.p + *ret_done, bytes.n - *ret_done });
		*ret_done += n > 0 ? (size_t)n : 0;
		if (n >= 0 && o->way == WAY_POLLED)
			n = -EAGAIN;
	}
	return 0;
}

/* The lock, while nobody else is in a line. 0 or -EAGAIN. */
static int take_turn(const struct standard_output *o, uint64_t deadline_ns)
{
	const struct timespec until = { .tv_sec = (time_t)(deadline_ns / CLOCK_SECOND_NS),
					.tv_nsec = (long)(deadline_ns % CLOCK_SECOND_NS) };
	int r = pthread_mutex_clocklock(&shared.lock, CLOCK_MONOTONIC, &until);

	if (r)
		return -EAGAIN; /* whoever has it waits for the reader of the output, too */
	while (r == 0 && shared.in_line && shared.in_line != o)
		r = pthread_cond_clockwait(&shared.line_ended, &shared.lock, CLOCK_MONOTONIC,
					   &until);
	if (r)
		pthread_mutex_unlock(&shared.lock);
	return r ? -EAGAIN : 0;
}

/* With the lock held. */
static int write_in_turn(const struct standard_output *o, struct str lines, uint64_t deadline_ns,
			 size_t *ret_done)
{
	size_t n = 0;
	int r;

	if (shared.is_torn) {
		r = write_until(o, STR("\n"), deadline_ns, &n);
		if (r < 0)
			return r;
		shared.is_torn = false;
	}
	r = write_until(o, lines, deadline_ns, ret_done);
	if (*ret_done)
		shared.in_line = lines.p[*ret_done - 1] == '\n' ? NULL : o;
	if (r != -EAGAIN && shared.in_line)
		leave_line(true);
	else if (!shared.in_line)
		leave_line(false);
	return r;
}

int standard_output_write(struct standard_output *o, struct str lines, size_t *ret_done)
{
	uint64_t deadline_ns = clock_now_ns(CLOCK_MONOTONIC) + WAIT_NS;
	int r;

	*ret_done = 0;
	r = take_turn(o, deadline_ns);
	if (r < 0)
		return r;
	r = write_in_turn(o, lines, deadline_ns, ret_done);
	pthread_mutex_unlock(&shared.lock);
	return r;
}
