/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The passwd file below another root: that of a process in a container, or the folder that a
 * runtime has mounted for one. All of it is its owner's to choose, so it is hostile: links are
 * resolved below that root and never through the magic ones of /proc, nothing but a regular file of
 * at most OTHER_ROOT_PASSWD_MAX is opened, and opening waits for no lease. It may hang all the
 * same, on a file system that a process or a server of the container's answers for (FUSE, NFS,
 * autofs):
 * for a thread that nobody waits for. To refuse these by their type would save nobody, since the
 * walk there is what hangs, and FUSE is what the roots of some containers are made of.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "enrich/passwd.h"

#define OTHER_ROOT_PASSWD_MAX (1024 * 1024)

/* Of the host's own root, which no container's names come from. */
struct other_root_host {
	dev_t dev;
	ino_t ino;
};

int other_root_host(struct other_root_host *ret); /* 0 or a negative errno */

/*
 * A descriptor of the root of a process, where it may stand for its whole mount namespace. -ESRCH:
 * the process is gone, or in another one. -EAGAIN: its root is the host's, or a folder that it
 * went into by chroot(2): while a container is being set up, not yet the container's. Else a
 * negative errno. *ret_parent is the process's parent, where it is known, else 0.
 */
int other_root_of_process(const struct other_root_host *host, uint32_t pid, uint32_t mnt_ns,
			  uint32_t *ret_parent);
/*
 * Whether it is worth while to ask for that once more: 0; -EAGAIN: its root is the host's still;
 * -ESRCH as above. Two system calls in place of a dozen.
 */
int other_root_peek(const struct other_root_host *host, uint32_t pid, uint32_t mnt_ns);
/* As other_root_of_process(), of a folder. */
int other_root_of_folder(const struct other_root_host *host, const char *path);

/*
 * Opens etc/passwd below the root, without reading it. A descriptor or a negative errno: -ENOENT
 * where there is none, -EINVAL where it is no regular file.
 */
int other_root_open_passwd(int root_fd, struct passwd_identity *ret);
/* 0, -EFBIG, or a negative errno. */
int other_root_read_passwd(int fd, const struct passwd_identity *identity, struct passwd **ret);
