/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 without TLS to a unix socket: one request at a time. A connection belongs to one thread,
 * which waits for the answers; any other may cancel it. Any failure but a status ends it: it is to
 * be closed and opened anew.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/cleanup.h"

struct http2;

/* What is asked, and how long. Borrowed during the call. */
struct http2_request {
	const char *path;
	const char *content_type;
	struct str head, body; /* what is sent: one behind the other */
	unsigned int ms;       /* in all */
	size_t max_bytes;      /* of the answer */
	/* Each header of the answer, ":status" and the trailers included; borrowed. */
	void (*header)(void *ctx, struct str key, struct str value);
	void *ctx;
};

/*
 * *ret is the caller's. 0; -ENOENT, -ECONNREFUSED, -EACCES, ... as connect(2) says; -EAGAIN: so
 * many wait already that it does not take one more; -ENAMETOOLONG, -ENOMEM.
 */
int http2_open(const char *socket, struct http2 **ret);
struct http2 *http2_close(struct http2 *h);
DEFINE_CLEANUP(struct http2 *, http2_close)

/* Ends the request that is waited for, and all later ones: -ECANCELED. Any thread. */
void http2_cancel(struct http2 *h);

/*
 * POST. Appends the answer's body. 0; -ETIMEDOUT; -ECANCELED; -ECONNRESET: the server has closed,
 * or takes no more requests; -EMSGSIZE; -EBADMSG: that is no HTTP/2; -ENOMEM. The answer may hold a
 * part then.
 */
int http2_post(struct http2 *h, const struct http2_request *q, struct buf *answer);

/*
 * Takes what the server has sent between two requests, without waiting. 0, or what has ended the
 * connection.
 */
int http2_attend(struct http2 *h);
