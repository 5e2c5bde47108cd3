/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/fault.h"

int slices_begin(struct slices *s, size_t n)
{
	struct iovec *items;

	s->n = 1;
	if (n < s->cap)
		return 0;
	items = reallocarray(s->items, n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	s->items = items;
	s->cap = n + 1;
	return 0;
}

void slices_put(struct slices *s, const void *p, size_t n)
{
	if (n)
		s->items[s->n++] = (struct iovec){ .iov_base = (void *)p, .iov_len = n };
}

void slices_done(struct slices *s)
{
	free(s->items);
	*s = (struct slices){ 0 };
}

int journal_file_open(int dir_fd, const char *name, uint64_t size, struct journal_file *ret)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret = (struct journal_file){ .fd = fd, .size = size };
	return 0;
}

void journal_file_close(struct journal_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	*f = JOURNAL_FILE_NONE;
}

/* Writes all of it. 0 or a negative errno. */
static int write_all(int fd, struct iovec *v, size_t n, off_t at)
{
	while (n) {
		ssize_t k = pwritev(fd, v, n < IOV_MAX ? (int)n : IOV_MAX, at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		at += k;
		for (; n && (size_t)k >= v->iov_len; n--, v++)
			k -= (ssize_t)v->iov_len;
		if (n) {
			v->iov_base = (char *)v->iov_base + k;
			v->iov_len -= (size_t)k;
		}
	}
	return 0;
}

/* Whether the file is still the one of that name. */
static bool has_name(const struct journal_file *f, int dir_fd, const char *name)
{
	struct stat ours, named;

	return f->fd >= 0 && fstat(f->fd, &ours) == 0 &&
	       fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

static int make(int dir_fd, const char *name, struct journal_file *f)
{
	journal_file_close(f);
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	f->fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return f->fd < 0 ? -errno : 0;
}

int journal_file_begin(int dir_fd, const char *name, const struct format_file *header,
		       struct journal_file *f)
{
	struct iovec v = { .iov_base = (void *)header, .iov_len = sizeof(*header) };
	int r = has_name(f, dir_fd, name) ? 0 : make(dir_fd, name, f);

	if (r < 0)
		return r;
	f->size = sizeof(*header);
	return write_all(f->fd, &v, 1, 0);
}

int journal_file_write(struct journal_file *f, enum format_kind kind, uint64_t begin, uint64_t end,
		       struct slices *s)
{
	struct iovec *last = &s->items[s->n - 1];
	struct format_batch h;
	uint64_t length = 0;
	uint32_t crc = 0;
	int r;

	for (size_t i = 1; i < s->n; i++) {
		crc = crc32c(crc, s->items[i].iov_base, s->items[i].iov_len);
		length += s->items[i].iov_len;
	}
	format_batch_make(&h, kind, begin, end, length, crc);
	s->items[0] = (struct iovec){ .iov_base = &h, .iov_len = sizeof(h) };

	last->iov_len = FAULT_SHORT("journal_middle", last->iov_len);
	r = write_all(f->fd, s->items, s->n, (off_t)f->size);
	FAULT_SHORT_END("journal_middle");
	if (r < 0)
		return r;
	f->size += sizeof(h) + length;
	return 0;
}

int journal_file_commit(struct journal_file *f)
{
	uint64_t tail = format_tail(f->size);
	struct iovec v = { .iov_base = &tail, .iov_len = sizeof(tail) };

	return tail ? write_all(f->fd, &v, 1, offsetof(struct format_file, tail)) : -EFBIG;
}
