/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/passwd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint32_t uid;
	uint32_t line; /* so that sorting keeps the order of the file */
	struct str name;
};

struct passwd {
	char *text;
	size_t n_text;
	struct entry *entries;
	size_t n;
};

struct passwd_identity passwd_identity_of(const struct stat *st)
{
	return (struct passwd_identity){ .dev = st->st_dev,
					 .ino = st->st_ino,
					 .size = st->st_size,
					 .mtime = st->st_mtim,
					 .ctime = st->st_ctim };
}

static bool time_eq(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool passwd_identity_eq(const struct passwd_identity *a, const struct passwd_identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       time_eq(&a->mtime, &b->mtime) && time_eq(&a->ctime, &b->ctime);
}

struct passwd *passwd_free(struct passwd *p)
{
	if (!p)
		return NULL;
	free(p->text);
	free(p->entries);
	free(p);
	return NULL;
}

static int read_text(struct passwd *p, int fd, size_t size)
{
	ssize_t got = 1;

	p->text = malloc(size + 1);
	if (!p->text)
		return -ENOMEM;
	while (p->n_text < size && got > 0) {
		got = read(fd, p->text + p->n_text, size - p->n_text);
		if (got < 0)
			return -errno;
		p->n_text += (size_t)got;
	}
	p->text[p->n_text] = '\0';
	return 0;
}

/* name:password:uid:... */
static bool parse_line(char *line, struct entry *ret)
{
	char *colon = strchr(line, ':'), *uid, *end;
	unsigned long v;

	if (!colon || colon == line || line[0] == '#')
		return false;
	uid = strchr(colon + 1, ':');
	if (!uid || uid[1] < '0' || uid[1] > '9')
		return false;
	errno = 0;
	v = strtoul(uid + 1, &end, 10);
	if (errno || *end != ':' || v > UINT32_MAX)
		return false;
	*ret = (struct entry){ .uid = (uint32_t)v,
			       .name = { .p = line, .n = (size_t)(colon - line) } };
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* The end of a line that begins there; NULs are no ends. */
static char *end_of_line(const struct passwd *p, char *line)
{
	return memchr(line, '\n', (size_t)(p->text + p->n_text - line));
}

static int index_text(struct passwd *p)
{
	size_t n_lines = 1;

	for (char *c = p->text; (c = end_of_line(p, c)); c++)
		n_lines++;
	p->entries = calloc(n_lines, sizeof(*p->entries));
	if (!p->entries)
		return -ENOMEM;
	for (char *line = p->text, *next; line; line = next) {
		next = end_of_line(p, line);
		if (next)
			*next++ = '\0';
		if (parse_line(line, &p->entries[p->n])) {
			p->entries[p->n].line = (uint32_t)p->n;
			p->n++;
		}
	}
	qsort(p->entries, p->n, sizeof(*p->entries), compare);
	return 0;
}

int passwd_read(int fd, off_t size, off_t max, struct passwd **ret)
{
	_cleanup_(passwd_freep) struct passwd *p = NULL;
	int r;

	if (size > max)
		return -EFBIG;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	r = read_text(p, fd, size > 0 ? (size_t)size : 0);
	if (r == 0)
		r = index_text(p);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

struct str passwd_lookup(const struct passwd *p, uint32_t uid)
{
	size_t low = 0, high = p ? p->n : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (p->entries[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	if (p && low < p->n && p->entries[low].uid == uid)
		return p->entries[low].name;
	return STR_EMPTY;
}

size_t passwd_bytes(const struct passwd *p)
{
	return sizeof(*p) + p->n_text + p->n * sizeof(*p->entries);
}
