/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server on a unix socket, as kind or as hostile as the test wants it: each connection has a
 * thread, each request with an empty line at its end is given to the test's function. A raw one
 * reads nothing: the function gets the connection as it is.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PEER_CONNECTIONS 64
#define PEER_REQUEST 4096

struct peer;
/* Answers; false: and closes the connection. */
typedef bool peer_fn(struct peer *p, int fd, const char *request);

struct peer {
	char path[108];
	bool is_raw;
	peer_fn *answer;
	void *ctx; /* the test's */
	int fd;
	pthread_t thread;
	pthread_t threads[PEER_CONNECTIONS];
	int fds[PEER_CONNECTIONS];
	atomic_int n; /* of connections so far */
	atomic_int n_requests;
};

struct peer_connection {
	struct peer *peer;
	int fd;
};

static inline void peer_send(int fd, const void *data, size_t n)
{
	(void)!send(fd, data, n, MSG_NOSIGNAL);
}

static inline void peer_say(int fd, const char *text)
{
	peer_send(fd, text, strlen(text));
}

/* Says nothing until the client goes. */
static inline bool peer_hang(int fd)
{
	char c[256];

	while (read(fd, c, sizeof(c)) > 0)
		;
	return false;
}

/* Until an empty line; false when there is none. */
static inline bool peer_read(int fd, char request[PEER_REQUEST])
{
	size_t n = 0;

	request[0] = '\0';
	while (n + 1 < PEER_REQUEST && !strstr(request, "\r\n\r\n")) {
		ssize_t got = read(fd, request + n, PEER_REQUEST - 1 - n);

		if (got <= 0)
			return false;
		n += (size_t)got;
		request[n] = '\0';
	}
	return true;
}

static inline void *peer_serve(void *ctx)
{
	struct peer_connection c = *(struct peer_connection *)ctx;
	char request[PEER_REQUEST];

	free(ctx);
	if (c.peer->is_raw)
		(void)c.peer->answer(c.peer, c.fd, "");
	while (!c.peer->is_raw && peer_read(c.fd, request)) {
		atomic_fetch_add(&c.peer->n_requests, 1);
		if (!c.peer->answer(c.peer, c.fd, request))
			break;
	}
	shutdown(c.fd, SHUT_RDWR); /* it is closed when the peer is stopped */
	return NULL;
}

static inline void *peer_accept(void *ctx)
{
	struct peer *p = ctx;

	for (int n = 0; n < PEER_CONNECTIONS; n++) {
		int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
		struct peer_connection *c;

		if (fd < 0)
			break;
		c = malloc(sizeof(*c));
		assert_non_null(c);
		*c = (struct peer_connection){ .peer = p, .fd = fd };
		p->fds[n] = fd;
		assert_int_equal(pthread_create(&p->threads[n], NULL, peer_serve, c), 0);
		atomic_store(&p->n, n + 1);
	}
	return NULL;
}

/* At the path that p has, or one of its own. */
static inline void peer_start(struct peer *p, peer_fn *answer, void *ctx)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (!p->path[0])
		snprintf(p->path, sizeof(p->path), "/tmp/proctrail-peer-%d", (int)getpid());
	memcpy(address.sun_path, p->path, sizeof(address.sun_path));
	unlink(p->path);
	p->answer = answer;
	p->ctx = ctx;
	atomic_store(&p->n, 0);
	atomic_store(&p->n_requests, 0);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(p->fd, PEER_CONNECTIONS), 0);
	assert_int_equal(pthread_create(&p->thread, NULL, peer_accept, p), 0);
}

static inline void peer_stop(struct peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	for (int i = 0; i < atomic_load(&p->n); i++) {
		shutdown(p->fds[i], SHUT_RDWR);
		pthread_join(p->threads[i], NULL);
		close(p->fds[i]);
	}
	close(p->fd);
	unlink(p->path);
}
