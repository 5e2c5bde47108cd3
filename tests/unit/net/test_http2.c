/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against servers that only look like some, or not even that; the others: test_grpc.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/http2.h"
#include <cmocka.h>

#include "peer.h"

#define MS_NS 1000000u
#define WAIT_MS 10000 /* what never takes so long */

static void start(struct peer *p, peer_fn *fn, struct http2 **ret)
{
	*p = (struct peer){ .is_raw = true };
	peer_start(p, fn, NULL);
	assert_int_equal(http2_open(p->path, ret), 0);
}

static void ignore(void *ctx, struct str key, struct str value)
{
	(void)ctx;
	(void)key;
	(void)value;
}

static int post(struct http2 *h, unsigned int ms, struct buf *answer)
{
	const struct http2_request q = { .path = "/x",
					 .content_type = "text/plain",
					 .body = STR("x"),
					 .ms = ms,
					 .max_bytes = 1000,
					 .header = ignore };

	return http2_post(h, &q, answer);
}

static void test_nobody(void **state)
{
	struct http2 *h = NULL;
	char path[200];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(http2_open("/nowhere/x", &h), -ENOENT);
	assert_int_equal(http2_open("/etc/passwd", &h), -ECONNREFUSED);
	assert_int_equal(http2_open(path, &h), -ENAMETOOLONG);
	assert_null(h);
}

static bool hang(struct peer *p, int fd, const char *request)
{
	(void)p;
	(void)request;
	return peer_hang(fd);
}

static bool close_at_once(struct peer *p, int fd, const char *request)
{
	char c;

	(void)p;
	(void)request;
	(void)!read(fd, &c, 1);
	return false;
}

static bool talk_http(struct peer *p, int fd, const char *request)
{
	(void)p;
	(void)request;
	peer_say(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	return peer_hang(fd);
}

/* As many frames as will go: pings, each of which is to be answered. */
static bool flood(struct peer *p, int fd, const char *request)
{
	static const char settings[] = "\0\0\0\4\0\0\0\0\0";
	static const char ping[] = "\0\0\10\6\0\0\0\0\0abcdefgh";

	(void)p;
	(void)request;
	peer_send(fd, settings, sizeof(settings) - 1);
	while (send(fd, ping, sizeof(ping) - 1, MSG_NOSIGNAL) > 0)
		;
	return false;
}

static bool go_away(struct peer *p, int fd, const char *request)
{
	static const char frames[] = "\0\0\0\4\0\0\0\0\0"
				     "\0\0\10\7\0\0\0\0\0\0\0\0\0\0\0\0\0";

	(void)p;
	(void)request;
	peer_send(fd, frames, sizeof(frames) - 1);
	return peer_hang(fd);
}

/* A frame that says it is longer than any may be. */
static bool oversize(struct peer *p, int fd, const char *request)
{
	static const char frame[] = "\377\377\377\4\0\0\0\0\0";

	(void)p;
	(void)request;
	peer_send(fd, frame, sizeof(frame) - 1);
	return peer_hang(fd);
}

static void test_hostile(void **state)
{
	static const struct {
		peer_fn *fn;
		int r, other; /* one or the other, as it comes */
	} cases[] = {
		{ hang, -ETIMEDOUT, 0 },    { close_at_once, -ECONNRESET, -EBADMSG },
		{ talk_http, -EBADMSG, 0 }, { flood, -ETIMEDOUT, -EBADMSG },
		{ oversize, -EBADMSG, 0 },  { go_away, -ECONNRESET, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(http2_closep) struct http2 *h = NULL;
		_cleanup_(buf_done) struct buf out = { 0 };
		uint64_t begin = clock_now_ns(CLOCK_MONOTONIC);
		struct peer p;
		int r;

		start(&p, cases[i].fn, &h);
		r = post(h, 200, &out);
		if (r != cases[i].r && r != cases[i].other)
			fail_msg("case %zu: %d", i, r);
		assert_true((clock_now_ns(CLOCK_MONOTONIC) - begin) / MS_NS < WAIT_MS);
		assert_int_equal(out.len, 0);
		h = http2_close(h);
		peer_stop(&p);
	}
}

static void *cancel(void *ctx)
{
	http2_cancel(ctx);
	return NULL;
}

static void test_cancel(void **state)
{
	_cleanup_(http2_closep) struct http2 *h = NULL;
	_cleanup_(buf_done) struct buf out = { 0 };
	pthread_t thread;
	struct peer p;

	(void)state;
	start(&p, hang, &h);
	assert_int_equal(pthread_create(&thread, NULL, cancel, h), 0);
	assert_int_equal(post(h, WAIT_MS, &out), -ECANCELED);
	pthread_join(thread, NULL);
	peer_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
