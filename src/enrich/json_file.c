/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/json_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define ESCAPED_NUL "\\u0000"
#define ESCAPED_REPLACEMENT "\\ufffd"

static int read_all(int fd, char *to, size_t n, size_t *ret_n)
{
	size_t done = 0;
	ssize_t got = 1;

	while (done < n && got > 0) {
		got = read(fd, to + done, n - done);
		if (got < 0)
			return -errno;
		done += (size_t)got;
	}
	*ret_n = done;
	return 0;
}

/* The whole of a regular file; `ret` is the caller's. */
static int read_file(const char *path, char **ret, size_t *ret_n)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > JSON_FILE_MAX)
		return -EFBIG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = read_all(fd, text, (size_t)st.st_size, ret_n);
	if (r == 0)
		*ret = TAKE_PTR(text);
	return r;
}

/*
 * A NUL, which an image may have put into a label, would make the library refuse all of the file:
 * it becomes the replacement character, which is as long.
 */
static void replace_nuls(char *text, size_t n)
{
	const size_t n_escape = strlen(ESCAPED_NUL);
	char *end = text + n;

	for (char *p = text; (p = memchr(p, '\\', (size_t)(end - p))) && end - p > 1; p += 2)
		if ((size_t)(end - p) >= n_escape && memcmp(p, ESCAPED_NUL, n_escape) == 0)
			memcpy(p, ESCAPED_REPLACEMENT, n_escape);
}

static int read_text(const char *path, char **ret, size_t *ret_n)
{
	int r = read_file(path, ret, ret_n);

	if (r == 0)
		replace_nuls(*ret, *ret_n);
	return r;
}

static int parse(const char *text, size_t n, json_t **ret)
{
	*ret = json_loadb(text, n, 0, NULL);
	return *ret ? 0 : -EBADMSG;
}

int json_file_read(const char *path, json_t **ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t n = 0;
	int r = read_text(path, &text, &n);

	return r < 0 ? r : parse(text, n, ret);
}

#define OBJECT_WITH_ID "{\"id\":\""

/* An object of a list that begins so, and has this id. */
static bool is_item(const char *text, const char *p, const char *end, struct str id)
{
	const char *at = p + strlen(OBJECT_WITH_ID);

	return p > text && (p[-1] == '[' || p[-1] == ',') && (size_t)(end - at) > id.n &&
	       memcmp(at, id.p, id.n) == 0 && at[id.n] == '"';
}

/* Such quotes stand in no text, where each has a backslash before it; NULL: none begins so. */
static json_t *find_first(const char *text, size_t n, struct str id)
{
	const size_t n_begin = strlen(OBJECT_WITH_ID);
	const char *end = text + n, *p = text;

	while ((p = memmem(p, (size_t)(end - p), OBJECT_WITH_ID, n_begin))) {
		if (is_item(text, p, end, id))
			return json_loadb(p, (size_t)(end - p), JSON_DISABLE_EOF_CHECK, NULL);
		p += n_begin;
	}
	return NULL;
}

static json_t *find_any(const json_t *list, struct str id)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) if (str_eq(JSON_TEXT(item, "id"), id)) return item;
	return NULL;
}

int json_file_find(const char *path, struct str id, json_t **ret)
{
	_cleanup_(json_unrefp) json_t *all = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t n = 0;
	int r = read_text(path, &text, &n);

	if (r < 0)
		return r;
	*ret = find_first(text, n, id);
	if (*ret)
		return 0;
	r = parse(text, n, &all);
	if (r < 0)
		return r;
	*ret = json_incref(find_any(all, id));
	return *ret ? 0 : -ENOENT;
}

struct str json_text_at(const json_t *json, const char *const *names)
{
	for (; *names; names++)
		json = json_object_get(json, *names);
	if (!json_is_string(json))
		return STR_EMPTY;
	return (struct str){ .p = json_string_value(json), .n = json_string_length(json) };
}
