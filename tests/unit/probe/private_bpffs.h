/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bpffs that nobody else sees and that is gone with the test, where this user may have one: in a
 * mount namespace of the test's own.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Mounts it on a new folder, whose path is put into `to`; false: not here. */
static inline bool private_bpffs(char to[64])
{
	strcpy(to, "/tmp/proctrail-test-XXXXXX");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(to))
		return false;
	if (mount("bpf", to, "bpf", 0, "mode=0700") == 0)
		return true;
	rmdir(to);
	return false;
}

static inline void private_bpffs_done(const char *path)
{
	umount2(path, MNT_DETACH);
	rmdir(path);
}
