/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flusher_file: appends records to a file. When the disk is full in the middle of a record, the
 * piece of it that was written is cut off again: what a reader finds are whole lines. Runs on the
 * thread of its pipeline.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "plugin/plugin.h"

#define LOG_UNIT "flusher.file"

struct file_conf {
	char *path;
};

struct file_state {
	int fd;
	bool is_regular;
	off_t torn; /* bytes of a piece of a record at the end of the file */
};

static const struct option options[] = {
	OPT_STRING(
		struct file_conf, "FilePath", path, .required = true,
		.help = "File to append to. It is made where it does not exist, readable by its owner alone, and "
			"so are the folders that it lies in."),
	{ .type = OPTION_END },
};

/* All folders above the file. */
static int make_folders(const char *path)
{
	_cleanup_(freep) char *folder = NULL;

	folder = strdup(path);
	if (!folder)
		return -ENOMEM;
	for (char *p = strchr(folder + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(folder, 0700) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

static int file_start(struct instance *self)
{
	const struct file_conf *conf = self->conf;
	struct file_state *s = self->state;
	struct stat st;
	int r;

	s->fd = -1;
	r = make_folders(conf->path);
	if (r < 0)
		return log_err_errno(r, "%s: cannot make the folder of '%s'", self->name,
				     conf->path);
	/* O_NONBLOCK: a pipe without a reader is an error at once; nothing changes for a file. */
	s->fd = open(conf->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		     0600);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return log_err_errno(-errno, "%s: cannot open '%s'", self->name, conf->path);
	s->is_regular = S_ISREG(st.st_mode);
	return 0;
}

static void file_stop(struct instance *self)
{
	struct file_state *s = self->state;

	if (s->fd >= 0)
		close(s->fd);
	*s = (struct file_state){ .fd = -1 };
}

/*
 * Cuts a torn record off. Only while it still is the end of the file: our own position is behind
 * it, and if the file has grown since, somebody else appends too and theirs must not go.
 */
static int mend(struct file_state *s)
{
	off_t end = lseek(s->fd, 0, SEEK_CUR);
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return -errno;
	if (end >= s->torn && st.st_size == end && ftruncate(s->fd, end - s->torn) < 0)
		return -errno;
	s->torn = 0;
	return 0;
}

/* Bytes after the last line end: what of a record is there without its end. */
static size_t piece_at_end(const char *p, size_t n)
{
	const char *end = n ? memrchr(p, '\n', n) : NULL;

	return end ? n - (size_t)(end + 1 - p) : n;
}

static int write_all(int fd, struct str bytes, size_t *ret_done)
{
	for (*ret_done = 0; *ret_done < bytes.n;) {
		ssize_t n = write(fd, bytes.p + *ret_done, bytes.n - *ret_done);

		if (n < 0 && errno != EINTR)
			return -errno;
		*ret_done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int file_flush(struct instance *self, const struct payload *in, size_t *ret_done)
{
	struct file_state *s = self->state;
	int r;

	*ret_done = 0;
	if (s->torn) {
		r = mend(s);
		if (r < 0)
			return r;
	}
	r = write_all(s->fd, in->bytes, ret_done);
	if (r == 0 || !s->is_regular)
		return r;
	s->torn = (off_t)piece_at_end(in->bytes.p, *ret_done);
	*ret_done -= (size_t)s->torn;
	if (s->torn)
		(void)mend(s); /* if not now, then before the next record */
	return r;
}

const struct flusher flusher_file = {
	.base = {
		.name = "flusher_file",
		.help = "Append records to a file, one JSON object per line.",
		.options = options,
		.conf_size = sizeof(struct file_conf),
		.state_size = sizeof(struct file_state),
		.start = file_start,
		.stop = file_stop,
	},
	.flush = file_flush,
};
