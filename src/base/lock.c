/* SPDX-License-Identifier: Apache-2.0 */
/* Locks on folders. No state, any thread. */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"

/* Whether the path still names what is open: who stops removes the folder with its lock. */
static bool is_still_there(const char *path, int fd)
{
	struct stat named, open;

	return stat(path, &named) == 0 && fstat(fd, &open) == 0 && named.st_ino == open.st_ino &&
	       named.st_dev == open.st_dev;
}

int lock_folder(const char *path, int *ret_fd)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (!is_still_there(path, fd))
		return -ENOENT;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* A line of proc_locks(5): "1: FLOCK  ADVISORY  WRITE 1234 00:1a:5678 0 EOF". */
static bool is_lock_on(const char *line, const struct stat *st, pid_t *ret_pid)
{
	unsigned int major, minor;
	unsigned long long inode;
	int pid;

	if (sscanf(line, "%*u: FLOCK %*s WRITE %d %x:%x:%llu", &pid, &major, &minor, &inode) != 4)
		return false;
	if (pid <= 0 || makedev(major, minor) != st->st_dev || inode != st->st_ino)
		return false;
	*ret_pid = pid;
	return true;
}

int lock_holder(const char *path, pid_t *ret_pid)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char line[256];
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	f = fopen("/proc/locks", "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (is_lock_on(line, &st, ret_pid))
			return 0;
	return -ENOENT;
}

static bool read_comm(pid_t pid, char *to, size_t size)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(to, (int)size, f))
		return false;
	to[strcspn(to, "\n")] = '\0';
	return true;
}

const char *lock_describe_holder(const char *path, char *to, size_t size)
{
	char comm[64];
	pid_t pid = 0;

	if (lock_holder(path, &pid) < 0)
		snprintf(to, size, "another process");
	else if (!read_comm(pid, comm, sizeof(comm)))
		snprintf(to, size, "process %d", pid);
	else
		snprintf(to, size, "process %d (%s)", pid, comm);
	return to;
}

const char *lock_describe_conflict(const char *path, char *to, size_t size)
{
	char holder[64];

	snprintf(to, size,
		 "%s has the lock on '%s': only one agent may use it; stop that one, or choose "
		 "another --instance",
		 lock_describe_holder(path, holder, sizeof(holder)), path);
	return to;
}
