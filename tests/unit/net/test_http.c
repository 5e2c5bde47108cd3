/* SPDX-License-Identifier: Apache-2.0 */
/* The client against servers that answer, that do not, and that answer what they like. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/http.h"
#include <cmocka.h>

#include "peer.h"

#define MS_NS 1000000u
#define OK "HTTP/1.1 200 OK\r\n"

static bool say(struct peer *p, int fd, const char *request)
{
	(void)request;
	peer_say(fd, p->ctx);
	return false;
}

static bool say_and_stay(struct peer *p, int fd, const char *request)
{
	say(p, fd, request);
	return true;
}

static bool say_and_hang(struct peer *p, int fd, const char *request)
{
	say(p, fd, request);
	return peer_hang(fd);
}

static bool echo(struct peer *p, int fd, const char *request)
{
	(void)p;
	peer_say(fd, OK "Connection: close\r\n\r\n");
	peer_say(fd, request);
	return false;
}

/* Headers, or a body, without an end. */
static bool flood(struct peer *p, int fd, const char *request)
{
	(void)request;
	peer_say(fd, OK);
	while (send(fd, p->ctx, strlen(p->ctx), MSG_NOSIGNAL) > 0)
		;
	return false;
}

static uint64_t now_ms(void)
{
	return clock_now_ns(CLOCK_MONOTONIC) / MS_NS;
}

static void test_get(void **state)
{
	static const struct {
		const char *answer;
		int r;
		long status;
		const char *body;
	} cases[] = {
		{ OK "Content-Length: 4\r\n\r\nbody", 0, 200, "body" },
		{ OK "Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", 0, 200,
		  "body" },
		{ "HTTP/1.0 200 OK\r\n\r\nuntil it closes", 0, 200, "until it closes" },
		{ "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", 0, 404, "no" },
		{ "HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		  0, 302, "" },
		{ OK "Content-Length: 17\r\n\r\n12345678901234567", -EMSGSIZE, 200, NULL },
		{ OK "Content-Length: 5\r\n\r\ncut", -EBADMSG, 200, NULL },
		{ OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n", -EBADMSG, 200, NULL },
		{ "SSH-2.0-x\r\n", -EBADMSG, 0, NULL },
		{ "", -EBADMSG, 0, NULL },
	};
	_cleanup_(http_freep) struct http *h = NULL;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf body = { 0 };
		struct peer p = { 0 };
		struct http_request q = { .url = "http://localhost/x",
					  .socket = p.path,
					  .max_bytes = 16 };
		long status = -1;

		peer_start(&p, say, (void *)cases[i].answer);
		assert_int_equal(http_get(h, &q, &body, &status), cases[i].r);
		peer_stop(&p);
		assert_int_equal(status, cases[i].status);
		buf_put_char(&body, '\0');
		if (cases[i].body)
			assert_string_equal(body.data, cases[i].body);
	}
}

/* In seconds; what is none is nothing. */
static void test_retry_after(void **state)
{
	static const struct {
		const char *answer;
		unsigned int seconds;
	} cases[] = {
		{ "HTTP/1.1 429 Wait\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 7 },
		{ "HTTP/1.1 503 Wait\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 0 },
		{ "HTTP/1.1 503 Wait\r\nContent-Length: 0\r\n\r\n", 0 },
		{ "", 0 },
	};
	_cleanup_(http_freep) struct http *h = NULL;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf body = { 0 };
		struct peer p = { 0 };
		struct http_request q = { .url = "http://localhost/x", .socket = p.path };
		long status;

		peer_start(&p, say, (void *)cases[i].answer);
		http_get(h, &q, &body, &status);
		peer_stop(&p);
		assert_int_equal(http_retry_after(h), cases[i].seconds);
	}
}

static void count(void *ctx)
{
	++*(int *)ctx;
}

static int count_line(void *ctx, struct str line)
{
	(void)line;
	*(int *)ctx += 100;
	return 0;
}

/* Before the first line, and of an answer that is one. */
static void test_begin(void **state)
{
	static const struct {
		const char *answer;
		int n;
	} cases[] = {
		{ OK "Content-Length: 4\r\n\r\na\nb\n", 201 },
		{ OK "Content-Length: 0\r\n\r\n", 1 },
		{ "HTTP/1.1 410 Gone\r\nContent-Length: 2\r\n\r\na\n", 0 },
		{ "", 0 },
	};
	_cleanup_(http_freep) struct http *h = NULL;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct peer p = { 0 };
		struct http_request q = { .url = "http://localhost/x",
					  .socket = p.path,
					  .begin = count };
		long status;
		int n = 0;

		peer_start(&p, say, (void *)cases[i].answer);
		http_stream(h, &q, count_line, &n, &status);
		peer_stop(&p);
		assert_int_equal(n, cases[i].n);
	}
}

static void test_headers(void **state)
{
	static const char *const headers[] = { "Accept: application/json", NULL };
	static const char *const broken[] = { "A: b\r\nC: d", NULL };
	_cleanup_(http_freep) struct http *h = NULL;
	_cleanup_(buf_done) struct buf body = { 0 };
	struct peer p = { 0 };
	struct http_request q = { .url = "http://localhost/x?y=1",
				  .socket = p.path,
				  .headers = headers,
				  .token = "secret" };
	long status;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	peer_start(&p, echo, NULL);
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(http_get(h, &q, &body, &status), 0);
	unsetenv("http_proxy");
	buf_put_char(&body, '\0');
	assert_int_equal(strncmp(body.data, "GET /x?y=1 HTTP/1.1\r\n", 21), 0);
	assert_non_null(strstr(body.data, "\r\nAccept: application/json\r\n"));
	assert_non_null(strstr(body.data, "\r\nAuthorization: Bearer secret\r\n"));
	q.token = "two\nlines";
	assert_int_equal(http_get(h, &q, &body, &status), -EINVAL);
	q.token = NULL;
	q.headers = broken;
	assert_int_equal(http_get(h, &q, &body, &status), -EINVAL);
	assert_int_equal(atomic_load(&p.n_requests), 1);
	peer_stop(&p);
}

static void test_connection_is_kept(void **state)
{
	_cleanup_(http_freep) struct http *h = NULL;
	_cleanup_(buf_done) struct buf body = { 0 };
	struct peer p = { 0 };
	struct http_request q = { .url = "http://localhost/", .socket = p.path };
	long status;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	peer_start(&p, say_and_stay, OK "Content-Length: 1\r\n\r\nx");
	for (int i = 0; i < 5; i++)
		assert_int_equal(http_get(h, &q, &body, &status), 0);
	assert_int_equal(atomic_load(&p.n), 1);
	assert_int_equal(body.len, 5);
	peer_stop(&p);
	/* The next server at this path is found without a failure in between. */
	peer_start(&p, say_and_stay, OK "Content-Length: 1\r\n\r\ny");
	assert_int_equal(http_get(h, &q, &body, &status), 0);
	assert_int_equal(body.data[5], 'y');
	peer_stop(&p);
}

static void test_no_answer(void **state)
{
	_cleanup_(http_freep) struct http *h = NULL;
	_cleanup_(buf_done) struct buf body = { 0 };
	struct peer p = { 0 };
	struct http_request q = { .url = "http://localhost/", .socket = p.path, .total_ms = 100 };
	uint64_t start = now_ms();
	long status;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	assert_int_equal(http_get(h,
				  &(struct http_request){ .url = "http://localhost/",
							  .socket = "/nowhere/x" },
				  &body, &status),
			 -ENOENT);
	assert_int_equal(http_get(h, &(struct http_request){ .url = "http://127.0.0.1:1/" }, &body,
				  &status),
			 -ECONNREFUSED);
	assert_int_equal(http_get(h, &(struct http_request){ .url = "file:///etc/passwd" }, &body,
				  &status),
			 -EINVAL);
	peer_start(&p, say_and_hang, "");
	assert_int_equal(http_get(h, &q, &body, &status), -ETIMEDOUT);
	assert_true(now_ms() - start < 2000);
	assert_true(http_explain(h)[0]);
	q.total_ms = 10000;
	q.idle_ms = 50;
	assert_int_equal(http_get(h, &q, &body, &status), -ETIMEDOUT);
	assert_true(now_ms() - start < 4000);
	peer_stop(&p);
	assert_int_equal(body.len, 0);
}

static void test_flood(void **state)
{
	static const char *const endless[] = { "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", "X",
					       "\r\nbody" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(endless); i++) {
		_cleanup_(http_freep) struct http *h = NULL;
		_cleanup_(buf_done) struct buf body = { 0 };
		struct peer p = { 0 };
		struct http_request q = { .url = "http://localhost/",
					  .socket = p.path,
					  .max_bytes = 100000 };
		long status;
		int r;

		assert_int_equal(http_new(&h), 0);
		peer_start(&p, flood, (void *)endless[i]);
		r = http_get(h, &q, &body, &status);
		assert_true(r == -EMSGSIZE || r == -ENOMEM);
		assert_true(body.len <= 100000);
		h = http_free(h);
		peer_stop(&p);
	}
}

static int join(void *ctx, struct str line)
{
	struct buf *out = ctx;

	buf_put_str(out, line);
	buf_put_char(out, '|');
	return str_eq(line, STR("stop")) ? -EPIPE : 0;
}

static void test_stream(void **state)
{
	static const struct {
		const char *answer;
		int r;
		long status;
		const char *lines;
	} cases[] = {
		{ OK "Content-Length: 8\r\n\r\none\ntwo\n", 0, 200, "one|two|" },
		{ OK "Content-Length: 9\r\n\r\none\ntwo\n", -EBADMSG, 200, "one|two|" },
		{ OK "Content-Length: 5\r\n\r\none\nt", 0, 200, "one|" },
		{ OK "Content-Length: 9\r\n\r\none\nstop\n", -EPIPE, 200, "one|stop|" },
		{ OK "Content-Length: 22\r\n\r\none\n12345678901234567\n", -EMSGSIZE, 200, "one|" },
		{ "HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\none\n", 0, 410, "" },
	};
	_cleanup_(http_freep) struct http *h = NULL;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };
		struct peer p = { 0 };
		struct http_request q = { .url = "http://localhost/events",
					  .socket = p.path,
					  .max_bytes = 16 };
		long status = -1;

		peer_start(&p, say, (void *)cases[i].answer);
		assert_int_equal(http_stream(h, &q, join, &out, &status), cases[i].r);
		peer_stop(&p);
		buf_put_char(&out, '\0');
		assert_string_equal(out.data, cases[i].lines);
		assert_int_equal(status, cases[i].status);
	}
}

static void test_silent_stream(void **state)
{
	_cleanup_(http_freep) struct http *h = NULL;
	_cleanup_(buf_done) struct buf out = { 0 };
	struct peer p = { 0 };
	struct http_request q = { .url = "http://localhost/", .socket = p.path, .idle_ms = 50 };
	long status;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	peer_start(&p, say_and_hang, OK "\r\none\ntw");
	assert_int_equal(http_stream(h, &q, join, &out, &status), -ETIMEDOUT);
	peer_stop(&p);
	assert_int_equal(out.len, 4);
}

static void *cancel(void *ctx)
{
	http_cancel(ctx);
	return NULL;
}

/* Cancels its own stream, from another thread, while it waits for what never comes. */
static int cancel_from_thread(void *ctx, struct str line)
{
	pthread_t thread;

	(void)line;
	assert_int_equal(pthread_create(&thread, NULL, cancel, ctx), 0);
	assert_int_equal(pthread_detach(thread), 0);
	return 0;
}

static void test_cancel(void **state)
{
	_cleanup_(http_freep) struct http *h = NULL;
	struct peer p = { 0 };
	struct http_request q = { .url = "http://localhost/", .socket = p.path };
	uint64_t start = now_ms();
	long status;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	peer_start(&p, say_and_hang, OK "\r\none\n");
	assert_int_equal(http_stream(h, &q, cancel_from_thread, h, &status), -ECANCELED);
	assert_true(now_ms() - start < 1000);
	/* For good. */
	assert_int_equal(http_stream(h, &q, cancel_from_thread, h, &status), -ECANCELED);
	peer_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_connection_is_kept),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_silent_stream),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
