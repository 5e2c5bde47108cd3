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

#define LINKS_MAX 8 /* one after the other that lead nowhere */

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

/*
 * What is left may begin with a link to what is not there: that is meant from the root all the
 * same. *ret is the caller's: the path below the root. -ENOENT: it begins with none.
 */
static int follow_dangling(int root_fd, const char *found, const char *rest, char **ret)
{
	char root[PATH_MAX], link[PATH_MAX], target[PATH_MAX];
	const char *end = *rest ? strchrnul(rest + 1, '/') : rest;
	int n = snprintf(link, sizeof(link), "%s%.*s", found, (int)(end - rest), rest);
	ssize_t len = *rest && n < PATH_MAX ? readlink(link, target, sizeof(target) - 1) : -1;
	const char *folder = found;

	if (len <= 0 || path_of(root_fd, root) < 0)
		return -ENOENT;
	target[len] = '\0';
	folder += root[1] ? strlen(root) : 0; /* "/" has nothing before it */
	if (*target == '/')
		n = asprintf(ret, "%s%s", target, end);
	else
		n = asprintf(ret, "%s/%s%s", folder, target, end);
	return n < 0 ? -ENOMEM : 0;
}

/* *ret is the caller's. A negative errno: it cannot be said where it is. */
static int resolve(int root_fd, const char *path, unsigned int n_links, char **ret)
{
	_cleanup_(freep) char *meant = NULL;
	char found[PATH_MAX];
	const char *rest = path;
	int r = resolve_some(root_fd, path, found, &rest);

	if (r < 0)
		return r;
	r = follow_dangling(root_fd, found, rest, &meant);
	if (r == 0)
		return n_links ? resolve(root_fd, meant, n_links - 1, ret) : -ELOOP;
	if (r == -ENOENT)
		r = asprintf(ret, "%s%s", found, rest) < 0 ? -ENOMEM : 0;
	return r;
}

int rooted_path_resolve(const char *root, const char *path, char **ret)
{
	_cleanup_(closep) int fd = -1;

	if (*root)
		fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && resolve(fd, path, LINKS_MAX, ret) == 0)
		return 0;
	/* Where that does not work it may still be found as it is said. */
	return asprintf(ret, "%s%s", root, path) < 0 ? -ENOMEM : 0;
}
