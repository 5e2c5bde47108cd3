/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions by HTTP, to a unix socket or a host: an answer as a whole, or line by line for as long
 * as it lasts. A client belongs to one thread, which waits for the answers; any other may cancel
 * it. Its connections are kept and used again. Everything has a limit: time to connect, time in
 * all, silence, bytes. Redirections are not followed.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "net/lines.h"

#define HTTP_CONNECT_MS 2000
#define HTTP_TOTAL_MS 5000
#define HTTP_MAX_BYTES ((size_t)16 * 1024 * 1024)

struct http;

/* Who is asked, for what, and how long. Borrowed during the call; zero is the default. */
struct http_request {
	const char *url;    /* "http://localhost/version", "https://10.0.0.1:443/api" */
	const char *socket; /* path of a unix socket: who really is asked; without any proxy */
	const char *const *headers; /* "Accept: application/json", ...; ended by NULL */
	const char *token;	    /* sent as Authorization: Bearer */
	const char *ca_file;	    /* PEM; NULL: the system's */
	const char *certificate;    /* of the client; PEM file */
	const char *key;	    /* of the certificate; PEM file; NULL: it is in the same */
	bool is_insecure;	    /* takes whatever certificate the server has */
	unsigned int connect_ms;    /* 0: HTTP_CONNECT_MS */
	unsigned int total_ms;	    /* 0: HTTP_TOTAL_MS; of a stream: without limit */
	unsigned int idle_ms;	    /* between two pieces of an answer; 0: without limit */
	/* Of a stream: its answer has begun, with 200. ctx is that of the lines. */
	void (*begin)(void *ctx);
	size_t max_bytes; /* of an answer, or of a line of a stream; 0: HTTP_MAX_BYTES */
};

/* *ret is the caller's. 0, -ENOMEM, -ELIBACC where this machine has no libcurl. */
int http_new(struct http **ret);
struct http *http_free(struct http *h);
DEFINE_CLEANUP(struct http *, http_free)

/*
 * Ends what the client is doing, at once, and all that it would do later: -ECANCELED. Any thread,
 * for as long as the client is there.
 */
void http_cancel(struct http *h);

/*
 * GET. Appends the answer's body; *ret_status is the status of HTTP, whatever it is. 0, or
 * -ENOENT, -EACCES, -ECONNREFUSED, ... as connect(2) says; -EHOSTUNREACH: the name has no address;
 * -ETIMEDOUT; -ECANCELED; -EMSGSIZE: more than max_bytes; -EKEYREJECTED: the certificates do not
 * fit; -ENOKEY: one of the files cannot be used; -EBADMSG: no HTTP, or cut off; -EINVAL: what is
 * asked for is wrong in itself; -ENOMEM. The body may hold a part of the answer then.
 */
int http_get(struct http *h, const struct http_request *q, struct buf *body, long *ret_status);

/*
 * GET, and each line of the answer, complete, to fn, as it comes; what fails in fn ends it. As
 * http_get(), and 0 when the answer has ended. Of an answer other than 200 only *ret_status is
 * told; it is 0 where none came.
 */
int http_stream(struct http *h, const struct http_request *q, lines_fn *fn, void *ctx,
		long *ret_status);

/* How many seconds the last answer asked to be left alone (Retry-After); 0: it did not. */
unsigned int http_retry_after(const struct http *h);

/* What the last failure was, in libcurl's words; "" where it has none. Until the next call. */
const char *http_explain(const struct http *h);
