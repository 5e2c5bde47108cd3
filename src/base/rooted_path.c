/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rooted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

/* Its descriptor, or a negative errno: -ENOSYS also where a sandbox knows no openat2(2). */
static int open_below(int root_fd, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Where it is. -ENOENT: it has just been taken away. */
static int path_of(int fd, char to[PATH_MAX])
{
	char link[32];
	struct stat st;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, to, PATH_MAX - 1);
	if (n < 0 || fstat(fd, &st) < 0)
		return -errno;
	to[n] = '\0';
	return st.st_nlink ? 0 : -ENOENT;
}

/* The longest beginning of the path that is there; *ret_rest: where it ends. */
static int resolve_some(int root_fd, const char *path, char to[PATH_MAX], const char **ret_rest)
{
	_cleanup_(freep) char *some = strdup(path);
	int r = some ? -ENOENT : -ENOMEM;

	while (r == -ENOENT || r == -ENOTDIR) {
		_cleanup_(closep) int fd = open_below(root_fd, *some ? some : "/");
		char *slash;

		r = fd < 0 ? fd : path_of(fd, to);
		if (r == 0)
			*ret_rest = path + strlen(some);
		slash = strrchr(some, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return r;
}

int rooted_path_resolve(const char *root, const char *path, char **ret)
{
	_cleanup_(closep) int fd = -1;
	const char *before = root, *rest = path;
	char found[PATH_MAX];

	if (*root)
		fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Where that does not work it may still be found as it is said. */
	if (fd >= 0 && resolve_some(fd, path, found, &rest) == 0)
		before = found;
	return asprintf(ret, "%s%s", before, rest) < 0 ? -ENOMEM : 0;
}
