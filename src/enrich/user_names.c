/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file in memory, and an index of it sorted by uid. Of several lines with one uid the first
 * counts, as for getpwuid(3). Bounded: 16 MiB of file; what is beyond has no names. Runs on the
 * reader thread.
 */
#include "enrich/user_names.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"

#define LOG_UNIT "user_names"

#define PASSWD_MAX (16 * 1024 * 1024)

struct entry {
	uint32_t uid;
	uint32_t line; /* so that sorting keeps the order of the file */
	struct str name;
};

/* Tells one version of the file from another. */
struct identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct user_names {
	const char *path;
	struct identity identity;
	char *text;
	struct entry *entries;
	size_t n;
};

int user_names_new(const char *path, struct user_names **ret)
{
	_cleanup_(user_names_freep) struct user_names *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->path = path;
	*ret = TAKE_PTR(u);
	return 0;
}

static void index_done(struct user_names *u)
{
	free(u->text);
	free(u->entries);
}

struct user_names *user_names_free(struct user_names *u)
{
	if (!u)
		return NULL;
	index_done(u);
	free(u);
	return NULL;
}

static int read_all(int fd, size_t size, char **ret, size_t *ret_n)
{
	_cleanup_(freep) char *text = malloc(size + 1);
	size_t n = 0;
	ssize_t got = 1;

	if (!text)
		return -ENOMEM;
	while (n < size && got > 0) {
		got = read(fd, text + n, size - n);
		if (got < 0)
			return -errno;
		n += (size_t)got;
	}
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	*ret_n = n;
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

static int index_text(char *text, struct entry **ret, size_t *ret_n)
{
	_cleanup_(freep) struct entry *entries = NULL;
	size_t n = 0, n_lines = 1;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		n_lines++;
	entries = calloc(n_lines, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (parse_line(line, &entries[n])) {
			entries[n].line = (uint32_t)n;
			n++;
		}
	}
	qsort(entries, n, sizeof(*entries), compare);
	*ret = TAKE_PTR(entries);
	*ret_n = n;
	return 0;
}

static int load(struct user_names *u, int fd, off_t size)
{
	_cleanup_(freep) struct entry *entries = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t n_text, n;
	int r;

	if (size > PASSWD_MAX)
		return -EFBIG;
	r = read_all(fd, (size_t)size, &text, &n_text);
	if (r < 0)
		return r;
	r = index_text(text, &entries, &n);
	if (r < 0)
		return r;
	index_done(u);
	u->text = TAKE_PTR(text);
	u->entries = TAKE_PTR(entries);
	u->n = n;
	return 0;
}

bool user_names_refresh(struct user_names *u)
{
	struct identity now;
	_cleanup_(closep) int fd = -1;
	struct stat st;
	int r;

	if (stat(u->path, &st) < 0)
		/* for a moment, while it is replaced: the names that are known stay */
		return false;
	now = (struct identity){ .dev = st.st_dev,
				 .ino = st.st_ino,
				 .size = st.st_size,
				 .mtime = st.st_mtim,
				 .ctime = st.st_ctim };
	if (memcmp(&now, &u->identity, sizeof(now)) == 0)
		return false;
	fd = open(u->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = fd < 0 ? -errno : load(u, fd, st.st_size);
	if (r < 0)
		log_warn_errno(r, "cannot read '%s', keeping the names that are known", u->path);
	u->identity = now;
	return r == 0;
}

struct str user_names_lookup(const struct user_names *u, uint32_t uid)
{
	size_t low = 0, high = u->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (u->entries[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < u->n && u->entries[low].uid == uid)
		return u->entries[low].name;
	return STR_EMPTY;
}
