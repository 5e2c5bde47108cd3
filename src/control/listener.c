/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets. Who may claim the path of a unix socket is settled under a lock beside it (PATH.lock,
 * which stays:
 * to remove a lock file is a race of its own), so that two agents that start at once do not remove
 * each other's socket. Runs on the thread that loads.
 */
#include "control/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/log.h"

#define LOG_UNIT "control"

#define BACKLOG 16

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

void listener_done(struct listener *l)
{
	struct stat st;

	if (l->fd >= 0)
		close(l->fd);
	if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	free(l->path);
	*l = LISTENER_NONE;
}

/* Whoever may write to the folder could put a socket of his own in our place. */
static int check_folder(const char *folder)
{
	struct stat st;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return log_err_errno(-errno, "cannot make the folder '%s' of the control socket",
				     folder);
	if (stat(folder, &st) < 0)
		return log_err_errno(-errno, "cannot use the folder '%s'", folder);
	if (!S_ISDIR(st.st_mode))
		return log_err_errno(-ENOTDIR, "cannot use '%s'", folder);
	if ((st.st_uid != geteuid() && st.st_uid != 0) || st.st_mode & (S_IWGRP | S_IWOTH)) {
		log_err("others may write to '%s': the control socket needs a folder of its own, as /run/proctrail",
			folder);
		return -EPERM;
	}
	return 0;
}

static int prepare_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(freep) char *folder = NULL;

	folder = slash == path ? strdup("/")
		 : slash       ? strndup(path, (size_t)(slash - path))
			       : strdup(".");
	return folder ? check_folder(folder) : -ENOMEM;
}

/* The lock goes with the descriptor. */
static int lock_path(const char *path, int *ret)
{
	_cleanup_(freep) char *name = NULL;
	_cleanup_(closep) int fd = -1;

	if (asprintf(&name, "%s.lock", path) < 0)
		return -ENOMEM;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return log_err_errno(-errno, "cannot lock '%s'", name);
	*ret = TAKE_FD(fd);
	return 0;
}

static int busy(const char *path, int fd)
{
	struct ucred peer = { 0 };
	socklen_t n = sizeof(peer);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n);
	log_err("'%s' belongs to an agent that is running (pid %d): stop it, or give this one another --instance or --control-socket",
		path, (int)peer.pid);
	return -EBUSY;
}

/* Sees to it that nothing is at the path. */
static int clear_path(const char *path, const union address *address)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : log_err_errno(-errno, "cannot use '%s'", path);
	if (!S_ISSOCK(st.st_mode)) {
		log_err("'%s' is there and is no socket: remove it, or choose another --control-socket",
			path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, &address->any, sizeof(address->un)) == 0)
		return busy(path, fd);
	if (errno != ECONNREFUSED)
		return log_err_errno(-errno, "cannot tell whether the owner of '%s' is alive",
				     path);
	if (unlink(path) < 0)
		return log_err_errno(
			-errno, "cannot remove '%s', which a process that is gone has left", path);
	return 0;
}

static int bind_unix(const union address *address, struct listener *ret)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st = { 0 };

	/* The mode of the descriptor is that of the file from its first moment. */
	if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, &address->any, sizeof(address->un)) < 0 ||
	    listen(fd, BACKLOG) < 0 || lstat(address->un.sun_path, &st) < 0)
		return log_err_errno(-errno, "cannot listen on '%s'", address->un.sun_path);
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->fd = TAKE_FD(fd);
	return 0;
}

int listener_open_unix(const char *path, struct listener *ret)
{
	_cleanup_(listener_done) struct listener l = LISTENER_NONE;
	union address address = { .un.sun_family = AF_UNIX };
	_cleanup_(closep) int lock = -1;
	int r;

	if (!*path || strlen(path) >= sizeof(address.un.sun_path)) {
		log_err("'%s' cannot be the path of a socket: it has 1 to %zu bytes", path,
			sizeof(address.un.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.un.sun_path, path, strlen(path));
	r = prepare_folder(path);
	if (r < 0)
		return r;
	r = lock_path(path, &lock);
	if (r < 0)
		return r;
	r = clear_path(path, &address);
	if (r < 0)
		return r;
	l.path = strdup(path);
	if (!l.path)
		return -ENOMEM;
	r = bind_unix(&address, &l);
	if (r < 0)
		return r;
	*ret = TAKE(l, LISTENER_NONE);
	return 0;
}

static bool parse_port(const char *text, in_port_t *ret)
{
	char *end;
	unsigned long port;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	port = strtoul(text, &end, 10);
	if (*end || errno || port > UINT16_MAX)
		return false;
	*ret = htons((uint16_t)port);
	return true;
}

/* HOST as it is written before the colon, brackets included. */
static bool parse_host(const char *host, in_port_t port, union address *ret)
{
	size_t n = strlen(host);
	char inner[INET6_ADDRSTRLEN];

	*ret = (union address){ .v4 = { .sin_family = AF_INET, .sin_port = port } };
	if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
		      &ret->v4.sin_addr) == 1)
		return true;
	if (n < 3 || n - 2 >= sizeof(inner) || host[0] != '[' || host[n - 1] != ']')
		return false;
	memcpy(inner, host + 1, n - 2);
	inner[n - 2] = '\0';
	*ret = (union address){ .v6 = { .sin6_family = AF_INET6, .sin6_port = port } };
	return inet_pton(AF_INET6, inner, &ret->v6.sin6_addr) == 1;
}

static bool parse_address(const char *text, union address *ret)
{
	const char *colon = strrchr(text, ':');
	char host[64] = "";
	in_port_t port;

	if (!colon || (size_t)(colon - text) >= sizeof(host) || !parse_port(colon + 1, &port))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	return parse_host(host, port, ret);
}

static bool is_loopback(const union address *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static int bind_tcp(const char *text, const union address *a, struct listener *ret)
{
	_cleanup_(closep) int fd =
		socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n = a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &a->any, n) < 0 || listen(fd, BACKLOG) < 0)
		return log_err_errno(-errno, "cannot listen on '%s'", text);
	ret->fd = TAKE_FD(fd);
	return 0;
}

int listener_open_tcp(const char *address, bool allow_remote, struct listener *ret)
{
	struct listener l = LISTENER_NONE;
	union address parsed;
	int r;

	if (!parse_address(address, &parsed)) {
		log_err("'%s' is no address to listen on: write 127.0.0.1:PORT or [::1]:PORT",
			address);
		return -EINVAL;
	}
	if (!is_loopback(&parsed) && !allow_remote) {
		log_err("'%s' would show the metrics to other hosts: listen on 127.0.0.1:PORT or [::1]:PORT",
			address);
		return -EPERM;
	}
	r = bind_tcp(address, &parsed, &l);
	if (r < 0)
		return r;
	*ret = l;
	return 0;
}
