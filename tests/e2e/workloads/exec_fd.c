/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_fd HOW TARGET: replaces itself by TARGET in a way that gives the kernel no full path.
 *   fexecve  execveat(fd, "", AT_EMPTY_PATH)     path     execveat(directory fd, name, 0)
 *   memfd    a copy of TARGET in a memfd         deleted  a copy, already unlinked, by fexecve
 *   relative execveat(AT_FDCWD, "./name") in TARGET's directory
 */
#include <fcntl.h>
#include <libgen.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

static int copy(const char *from, int to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || to < 0 || fstat(fd, &st) < 0 ||
	    sendfile(to, fd, NULL, st.st_size) != st.st_size)
		broken(from);
	close(fd);
	return to;
}

/* A descriptor that may be executed must not be open for writing. */
static int reopened(int fd, const char *unlink_path)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	if (unlink_path && unlink(unlink_path) < 0)
		broken("unlink");
	return ret;
}

int main(int argc, char **argv)
{
	char *how = argv[1], *target = argv[2], *args[] = { "by-fd", how, NULL };
	char *env[] = { NULL }, gone[4096];
	const char *path = "";
	int fd = -1, flags = AT_EMPTY_PATH;

	if (argc < 3)
		return 98;
	snprintf(gone, sizeof(gone), "%s.gone", target);
	if (strcmp(how, "fexecve") == 0) {
		fd = open(target, O_PATH | O_CLOEXEC);
	} else if (strcmp(how, "memfd") == 0) {
		fd = reopened(copy(target, memfd_create("proctrail-test", MFD_CLOEXEC)), NULL);
	} else if (strcmp(how, "deleted") == 0) {
		fd = reopened(copy(target,
				   open(gone, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0700)),
			      gone);
	} else {
		path = basename(strdup(target));
		flags = 0;
		fd = open(dirname(strdup(target)), O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (strcmp(how, "relative") == 0 && fchdir(fd) == 0) {
			snprintf(gone, sizeof(gone), "./%s", path);
			path = gone;
			fd = AT_FDCWD;
		}
	}
	syscall(SYS_execveat, fd, path, args, env, flags);
	return broken("execveat");
}
