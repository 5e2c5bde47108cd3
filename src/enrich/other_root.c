/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/other_root.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define OPEN_FOLDER (O_PATH | O_DIRECTORY | O_CLOEXEC)

int other_root_host(struct other_root_host *ret)
{
	struct stat st;

	/* Init's: our own may be another one. */
	if (stat("/proc/1/root/", &st) < 0 && stat("/", &st) < 0)
		return -errno;
	*ret = (struct other_root_host){ .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

/*
 * A container's root is where something is mounted, by pivot_root(2) or by a move of the mount.
 * What is no mount's root was chosen by chroot(2), and so by one process for itself.
 */
static int check_root(const struct other_root_host *host, int fd)
{
	struct statx sx;
	struct stat st;

	if (fstat(fd, &st) < 0 ||
	    statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &sx) < 0)
		return -errno;
	if (st.st_dev == host->dev && st.st_ino == host->ino)
		return -EAGAIN;
	if (sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT &&
	    !(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return -EAGAIN;
	return 0;
}

/* A number that no other process has while `proc` is open. */
static bool is_in_namespace(int proc, uint32_t mnt_ns)
{
	struct stat st;

	return fstatat(proc, "ns/mnt", &st, 0) == 0 && st.st_ino == mnt_ns;
}

static uint32_t parent_of(int proc)
{
	_cleanup_(closep) int fd = openat(proc, "stat", O_RDONLY | O_CLOEXEC);
	unsigned int parent = 0;
	char text[512], *at;
	ssize_t n;

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strrchr(text, ')'); /* a name may hold anything */
	if (!at || sscanf(at, ") %*c %u", &parent) != 1)
		return 0;
	return parent;
}

int other_root_peek(const struct other_root_host *host, uint32_t pid, uint32_t mnt_ns)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/ns/mnt", pid);
	if (stat(path, &st) < 0 || st.st_ino != mnt_ns)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/root/", pid);
	if (stat(path, &st) < 0)
		return -ESRCH;
	return st.st_dev == host->dev && st.st_ino == host->ino ? -EAGAIN : 0;
}

int other_root_of_process(const struct other_root_host *host, uint32_t pid, uint32_t mnt_ns,
			  uint32_t *ret_parent)
{
	_cleanup_(closep) int proc = -1, root = -1;
	char path[32];
	int r;

	*ret_parent = 0;
	snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
	proc = open(path, OPEN_FOLDER);
	if (proc < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* Twice: it may come or go in between, and its root with it. */
	if (!is_in_namespace(proc, mnt_ns))
		return -ESRCH;
	root = openat(proc, "root", OPEN_FOLDER);
	if (root < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (!is_in_namespace(proc, mnt_ns))
		return -ESRCH;
	*ret_parent = parent_of(proc);
	r = check_root(host, root);
	return r < 0 ? r : TAKE_FD(root);
}

int other_root_of_folder(const struct other_root_host *host, const char *path)
{
	_cleanup_(closep) int fd = open(path, OPEN_FOLDER);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return st.st_dev == host->dev && st.st_ino == host->ino ? -EAGAIN : TAKE_FD(fd);
}

int other_root_open_passwd(int root_fd, struct passwd_identity *ret)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	_cleanup_(closep) int fd = -1;
	struct stat st;

	fd = (int)syscall(SYS_openat2, root_fd, "etc/passwd", &how, sizeof(how));
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret = passwd_identity_of(&st);
	return TAKE_FD(fd);
}

int other_root_read_passwd(int fd, const struct passwd_identity *identity, struct passwd **ret)
{
	_cleanup_(closep) int readable = -1;
	char link[32];

	if (identity->size > OTHER_ROOT_PASSWD_MAX)
		return -EFBIG;
	/*
	 * What O_PATH has found cannot be another file any more; a lease on it is not waited for.
	 */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	readable = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (readable < 0)
		return -errno;
	return passwd_read(readable, identity->size, OTHER_ROOT_PASSWD_MAX, ret);
}
