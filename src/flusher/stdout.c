/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flusher_stdout: records to the standard output, without ever blocking for long on a reader who is
 * slow. The standard output is shared with whoever started us, and O_NONBLOCK belongs to the open
 * file, not to the descriptor: setting it there would surprise the shell. So each kind of file has
 * its own way:
 *   regular file  one write
 *   pipe          opened once more through /proc: an open file of our own, which may be O_NONBLOCK
 *   socket        MSG_DONTWAIT
 *   others        poll, then no more than what a pipe that polled writable always takes
 * Runs on the thread of its pipeline.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "plugin/plugin.h"

#define LOG_UNIT "flusher.stdout"
#define WAIT_MS 100

struct stdout_conf {
	bool is_only;
	bool tags;
};

enum way { WAY_WHOLE, WAY_NONBLOCKING, WAY_SOCKET, WAY_POLLED };

struct stdout_state {
	enum way way;
	int fd;
	bool is_own; /* fd is to be closed */
};

static const struct option options[] = {
	OPT_BOOL(
		struct stdout_conf, "OnlyStdout", is_only, .def = "false",
		.help = "Print to the standard output and nowhere else, which is also what happens without it."),
	OPT_BOOL(struct stdout_conf, "Tags", tags, .def = "false",
		 .help = "Add `__tag__:__hostname__` and `__tag__:__host_ip__` to each record."),
	{ .type = OPTION_END },
};

static void stdout_encoding(const void *conf, struct encoding *ret)
{
	ret->time_string = true;
	ret->tags = ((const struct stdout_conf *)conf)->tags;
}

static int stdout_start(struct instance *self)
{
	struct stdout_state *s = self->state;
	struct stat st;

	s->fd = STDOUT_FILENO;
	s->way = WAY_POLLED;
	if (fstat(STDOUT_FILENO, &st) < 0)
		return log_err_errno(-errno, "%s: the standard output is not open", self->name);
	if (S_ISREG(st.st_mode))
		s->way = WAY_WHOLE;
	if (S_ISSOCK(st.st_mode))
		s->way = WAY_SOCKET;
	if (!S_ISFIFO(st.st_mode))
		return 0;
	s->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	s->is_own = s->fd >= 0;
	if (s->is_own)
		s->way = WAY_NONBLOCKING;
	else
		s->fd = STDOUT_FILENO; /* not ours to open, or without a reader: the slow way */
	return 0;
}

static void stdout_stop(struct instance *self)
{
	struct stdout_state *s = self->state;

	if (s->is_own)
		close(s->fd);
	*s = (struct stdout_state){ .fd = -1 };
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* 0 when a write would get on, -EAGAIN when not by then. */
static int wait_writable(int fd, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int64_t left = deadline_ms - now_ms();
	int n;

	n = poll(&p, 1, left > 0 ? (int)left : 0);
	if (n < 0)
		return -errno;
	return n ? 0 : -EAGAIN; /* an error condition as well: the write will name it */
}

/* Bytes that were taken, or a negative errno. */
static ssize_t write_some(const struct stdout_state *s, struct str bytes)
{
	ssize_t n;

	if (s->way == WAY_SOCKET)
		n = send(s->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (s->way == WAY_POLLED)
		n = write(s->fd, bytes.p, bytes.n < PIPE_BUF ? bytes.n : PIPE_BUF);
	else
		n = write(s->fd, bytes.p, bytes.n);
	return n < 0 ? -errno : n;
}

static int stdout_flush(struct instance *self, const struct payload *in, size_t *ret_done)
{
	const struct stdout_state *s = self->state;
	int64_t deadline_ms = now_ms() + WAIT_MS;
	ssize_t n = s->way == WAY_POLLED ? -EAGAIN : 0;

	for (*ret_done = 0; *ret_done < in->bytes.n;) {
		if (n == -EAGAIN)
			n = wait_writable(s->fd, deadline_ms);
		if (n < 0 && n != -EINTR)
			return (int)n;
		n = write_some(s, (struct str){ in->bytes.p + *ret_done, in->bytes.n - *ret_done });
		*ret_done += n > 0 ? (size_t)n : 0;
		if (n >= 0 && s->way == WAY_POLLED)
			n = -EAGAIN;
	}
	return 0;
}

const struct flusher flusher_stdout = {
	.base = {
		.name = "flusher_stdout",
		.help = "Print records, one JSON object per line.",
		.options = options,
		.conf_size = sizeof(struct stdout_conf),
		.state_size = sizeof(struct stdout_state),
		.start = stdout_start,
		.stop = stdout_stop,
	},
	.encoding = stdout_encoding,
	.flush = stdout_flush,
};
