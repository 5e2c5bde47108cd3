/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration file, read whole before it is parsed. What is no regular file is refused, and no
 * more is read than may be there, whatever the file says about its size.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/node.h"

static const char *kind_of_file(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a folder";
	if (S_ISFIFO(mode))
		return "a pipe";
	return S_ISSOCK(mode) ? "a socket" : "a device";
}

/* Up to one byte more than is allowed, so that a file that grows is found out. */
static int read_whole(int fd, char *to, size_t *ret_n)
{
	size_t n = 0;

	while (n < CONF_TEXT_MAX + 1) {
		ssize_t k = read(fd, to + n, CONF_TEXT_MAX + 1 - n);

		if (k < 0 && errno != EINTR)
			return -errno;
		if (k == 0)
			break;
		n += k > 0 ? (size_t)k : 0;
	}
	*ret_n = n;
	return 0;
}

/* Opens a regular file; a pipe without a writer does not block this. */
static int open_file(const char *path, struct diag *reterr, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;
	struct position at = { .file = path };
	struct stat st;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		diag_add(reterr, DIAG_ERROR, at, "", "cannot be opened: %m");
		return -EINVAL;
	}
	if (!S_ISREG(st.st_mode)) {
		diag_add(reterr, DIAG_ERROR, at, "", "expected a file, not %s",
			 kind_of_file(st.st_mode));
		return -EINVAL;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int conf_parse_file(const char *path, struct diag *reterr, struct conf_node **ret)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *text = NULL;
	size_t n = 0;
	int r;

	r = open_file(path, reterr, &fd);
	if (r < 0)
		return r;
	text = malloc(CONF_TEXT_MAX + 1);
	if (!text)
		return -ENOMEM;
	r = read_whole(fd, text, &n);
	if (r < 0) {
		diag_add(reterr, DIAG_ERROR, (struct position){ .file = path }, "",
			 "cannot be read: %s", strerror(-r));
		return -EINVAL;
	}
	return conf_parse_text(path, text, n, reterr, ret);
}
