/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole lines, in spite of everything. A write that fails half-way is cut back to the last line
 * end, or, where the file cannot be shortened, what is there is closed by a line feed before the
 * next record. Runs on the thread of its flusher; it may block on the disk.
 */
#include "flusher/rolling_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fault.h"
#include "base/folder.h"
#include "base/log.h"
#include "flusher/file_tail.h"

#define LOG_UNIT "flusher.file"
#define WAIT_MS 100

/*
 * O_NONBLOCK: a pipe without a reader is an error at once; nothing changes for a file. A disk has
 * no end to append at: what is on it would be overwritten.
 */
static int open_for_append(const char *path)
{
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		return -ENOTSUP;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	return fd < 0 ? -errno : fd;
}

/* Why the path could not be opened, in more than the words of the error number. */
static const char *why_closed(const char *path, int r)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return strerrordesc_np(-r);
	if (r == -ENXIO && S_ISFIFO(st.st_mode))
		return "nobody reads from this pipe";
	if (r == -ENXIO && S_ISSOCK(st.st_mode))
		return "it is a socket, not a file";
	if (r == -ENOTSUP && S_ISBLK(st.st_mode))
		return "it is a disk, whose content would be overwritten";
	return strerrordesc_np(-r);
}

static void repair_tail(const struct rolling_file *f)
{
	uint64_t n = 0;

	switch (file_tail_repair(f->fd, &n)) {
	case FILE_TAIL_WHOLE:
		break;
	case FILE_TAIL_CUT:
		log_warn("%s: cut %" PRIu64
			 " bytes off the end of '%s': a record without its end, left by a kill",
			 f->owner, n, f->path);
		break;
	case FILE_TAIL_CLOSED:
		log_warn("%s: '%s' did not end with a line; going on in a line of its own",
			 f->owner, f->path);
		break;
	}
}

static int look_at_size(struct rolling_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return -errno;
	f->size = (uint64_t)st.st_size;
	f->is_removed = !st.st_nlink;
	return 0;
}

/*
 * Changes over to the file that is at the path, which is made if need be. Keeps the old on failure.
 */
static int change_over(struct rolling_file *f)
{
	_cleanup_(closep) int fd = -1, old = -1;
	struct stat st;
	int r;

	fd = open_for_append(f->path);
	if (fd == -ENOENT) {
		r = folder_make_above(f->path, 0700);
		if (r < 0)
			return r;
		fd = open_for_append(f->path);
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	old = f->fd;
	f->fd = TAKE_FD(fd);
	f->is_regular = S_ISREG(st.st_mode);
	f->n_torn = 0;
	if (f->is_regular)
		repair_tail(f);
	return look_at_size(f);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether a path leads to the file that is open. */
static bool is_at(const struct rolling_file *f, const char *path)
{
	struct stat at_path, own;

	return stat(path, &at_path) == 0 && fstat(f->fd, &own) == 0 && is_same(&at_path, &own);
}

/* FILE, or FILE.number. */
static int name_of(const char *path, unsigned int number, char to[PATH_MAX])
{
	int n = snprintf(to, PATH_MAX, number ? "%s.%u" : "%s", path, number);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int rename_to(const char *path, unsigned int from, unsigned int to)
{
	char old_name[PATH_MAX], new_name[PATH_MAX];

	if (name_of(path, from, old_name) < 0 || name_of(path, to, new_name) < 0)
		return -ENAMETOOLONG;
	return rename(old_name, new_name) < 0 ? -errno : 0;
}

static bool is_there(const char *path, unsigned int number)
{
	char name[PATH_MAX];
	struct stat st;

	return name_of(path, number, name) == 0 && lstat(name, &st) == 0;
}

/*
 * The full files move up, to the first number that is free: so a roll that was cut short is
 * completed by the next, and overwrites nothing that it need not.
 */
static int move_away(const char *path, unsigned int n_rolled)
{
	unsigned int to = 1;

	if (!n_rolled)
		return unlink(path) < 0 ? -errno : 0;
	while (to < n_rolled && is_there(path, to))
		to++;
	for (; to > 1; to--) {
		int r = rename_to(path, to - 1, to);

		if (r < 0)
			return r;
	}
	return rename_to(path, 0, 1);
}

/*
 * Where the path is a link, the file behind it is moved and the link stays. What is no longer at
 * its path was moved by somebody else.
 */
static int roll(struct rolling_file *f)
{
	_cleanup_(freep) char *path = realpath(f->path, NULL);
	int r = 0;

	if (path && is_at(f, path))
		r = move_away(path, f->n_rolled);
	return r < 0 ? r : change_over(f);
}

/* Where the file cannot be rolled it grows: better than to lose records. */
static void try_to_roll(struct rolling_file *f)
{
	int r = roll(f);

	if (r < 0 && !f->is_stuck)
		log_warn_errno(r, "%s: cannot roll '%s', which grows beyond its limit now",
			       f->owner, f->path);
	if (r == 0 && f->is_stuck)
		log_info("%s: '%s' could be rolled again", f->owner, f->path);
	f->is_stuck = r < 0;
}

/*
 * Takes the torn line off again. Only while it still is the end of the file: our own position is
 * behind it, and if the file has grown since, somebody else appends too and theirs must not go.
 */
static int cut_torn(struct rolling_file *f)
{
	off_t end = lseek(f->fd, 0, SEEK_CUR);
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return -errno;
	if (end >= (off_t)f->n_torn && st.st_size == end &&
	    ftruncate(f->fd, end - (off_t)f->n_torn) < 0)
		return -errno;
	f->n_torn = 0;
	return 0;
}

int rolling_file_open(struct rolling_file *f)
{
	int r;

	f->fd = -1;
	r = change_over(f);
	if (r < 0)
		log_err("%s: cannot open '%s': %s", f->owner, f->path, why_closed(f->path, r));
	return r;
}

void rolling_file_close(struct rolling_file *f)
{
	if (f->fd < 0)
		return;
	if (f->n_torn && f->is_regular)
		(void)cut_torn(f); /* or whoever opens it next does it */
	close(f->fd);
	f->fd = -1;
}

/* At the latest now, before there is a record behind it. */
static int end_torn(struct rolling_file *f)
{
	if (!f->n_torn || (f->is_regular && cut_torn(f) == 0))
		return 0;
	if (write(f->fd, "\n", 1) < 0) /* a pipe, or a file that may only grow: chattr +a */
		return -errno;
	f->n_torn = 0;
	return 0;
}

/* The file is open, in the file system, and ends with a line; its size is known. */
static int prepare(struct rolling_file *f)
{
	int r;

	r = end_torn(f);
	if (r == 0)
		r = look_at_size(f);
	if (r < 0 || !f->is_regular || !f->is_removed || is_at(f, f->path))
		return r;
	r = change_over(f);
	if (r == 0)
		log_warn("%s: '%s' was removed, going on in a new one", f->owner, f->path);
	return r;
}

/* 0 when the pipe can take more. */
static int wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, WAIT_MS) == 1 ? 0 : -EAGAIN;
}

static int write_all(int fd, struct str bytes, size_t *ret_done)
{
	bool has_waited = false;

	for (*ret_done = 0; *ret_done < bytes.n;) {
		size_t size = FAULT_SHORT("output_middle", bytes.n - *ret_done);
		ssize_t n = write(fd, bytes.p + *ret_done, size);
		int r = n < 0 ? -errno : 0;

		FAULT_SHORT_END("output_middle");
		if (r == -EAGAIN && !has_waited) {
			has_waited = true;
			r = wait_writable(fd);
		}
		if (r < 0 && r != -EINTR)
			return r;
		*ret_done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Bytes after the last line end: what of a line is there without its end. */
static size_t piece_at_end(const char *p, size_t n)
{
	const char *feed = n ? memrchr(p, '\n', n) : NULL;

	return feed ? n - (size_t)(feed + 1 - p) : n;
}

static int append(struct rolling_file *f, struct str lines, size_t *ret_done)
{
	int r = write_all(f->fd, lines, ret_done);

	if (!f->is_regular)
		return r == -EPIPE ? -ENXIO : r;
	if (r < 0) {
		f->n_torn = piece_at_end(lines.p, *ret_done);
		*ret_done -= f->n_torn;
		if (f->n_torn)
			(void)cut_torn(f); /* if not now, then before the next line */
	}
	f->size += *ret_done;
	return r;
}

/* How many bytes of the lines may go into the file as it is: whole lines. */
static size_t fitting(const struct rolling_file *f, struct str lines)
{
	uint64_t room = f->max_bytes > f->size ? f->max_bytes - f->size : 0;
	const char *feed;

	if (!f->max_bytes || !f->is_regular || lines.n <= room)
		return lines.n;
	feed = room ? memrchr(lines.p, '\n', room) : NULL;
	if (!feed && !f->size)
		feed = memchr(lines.p, '\n', lines.n); /* longer than a file may be */
	return feed ? (size_t)(feed + 1 - lines.p) : 0;
}

/*
 * How many bytes of the lines go into the file that is open, after a roll if need be. Where that
 * has not helped it is all of them.
 */
static int make_room(struct rolling_file *f, struct str lines, size_t *ret_n)
{
	size_t n = fitting(f, lines);
	int r;

	if (!n) {
		try_to_roll(f);
		r = prepare(f);
		if (r < 0)
			return r;
		n = fitting(f, lines);
	}
	*ret_n = n ? n : lines.n;
	return 0;
}

int rolling_file_write(struct rolling_file *f, struct str lines, size_t *ret_done)
{
	int r;

	*ret_done = 0;
	r = prepare(f);
	while (r == 0 && *ret_done < lines.n) {
		struct str rest = { lines.p + *ret_done, lines.n - *ret_done };
		size_t n = 0, done = 0;

		r = make_room(f, rest, &n);
		if (r == 0)
			r = append(f, (struct str){ rest.p, n }, &done);
		*ret_done += done;
	}
	return r;
}

void rolling_file_resume(struct rolling_file *f)
{
	if (!f->is_regular)
		f->n_torn = 1;
}

void rolling_file_reopen(struct rolling_file *f)
{
	uint64_t n_torn;
	int r;

	(void)end_torn(f);
	n_torn = f->n_torn;
	r = change_over(f);
	if (r == 0 && !f->is_regular)
		f->n_torn = n_torn; /* as a rule it is the same pipe */
	if (r < 0)
		log_warn("%s: cannot reopen '%s', going on with the file that is open: %s",
			 f->owner, f->path, why_closed(f->path, r));
	else
		log_info("%s: reopened '%s'", f->owner, f->path);
}
