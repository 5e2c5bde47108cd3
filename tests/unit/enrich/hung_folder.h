/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that hangs whoever opens what is below it, until its server's descriptor is closed. */
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "base/cleanup.h"

/* Mounts a file system whose server never answers; -1: it cannot be done here. */
static inline int mount_fuse(const char *path)
{
	_cleanup_(closep) int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char how[64];

	snprintf(how, sizeof(how), "fd=%d,rootmode=40755,user_id=0,group_id=0", fd);
	if (fd < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("test", path, "fuse", 0, how) < 0)
		return -1;
	return TAKE_FD(fd);
}
