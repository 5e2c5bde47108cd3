/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that wait for connections, with the care that a service of root takes. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct listener {
	int fd;	    /* -1: none */
	char *path; /* of a unix socket: goes with it */
	dev_t dev;
	ino_t ino;
};

#define LISTENER_NONE ((struct listener){ .fd = -1 })

/*
 * A unix socket for its owner alone (0600), in a folder that is made (0700) where it is missing and
 * that nobody else may write to. A socket that a dead process left is replaced, one that is alive
 * is not: -EBUSY. 0 or a negative errno, after an error was logged.
 */
int listener_open_unix(const char *path, struct listener *ret);

/*
 * "127.0.0.1:9464", "[::1]:9464", "localhost:9464"; port 0: any. An address that other hosts reach
 * is -EPERM unless allow_remote. 0 or a negative errno, after an error was logged.
 */
int listener_open_tcp(const char *address, bool allow_remote, struct listener *ret);

void listener_done(
	struct listener *l); /* a socket that another process has put in our place stays */
