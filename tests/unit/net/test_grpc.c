/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a server that answers with what the path says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "net/grpc.h"
#include <cmocka.h>

#include "grpc_peer.h"

#define WAIT_MS 10000 /* what never takes so long */

/* "/x/status/N" ends with that status, "/x/size/N" is N bytes, "/x/echo" what was sent. */
static int answer(void *ctx, const char *path, struct str message, struct buf *out)
{
	int n = 0;

	(void)ctx;
	if (sscanf(path, "/x/status/%d", &n) == 1)
		return n;
	if (sscanf(path, "/x/size/%d", &n) == 1) {
		for (int i = 0; i < n; i++)
			buf_put_char(out, (char)i);
		return 0;
	}
	buf_put_str(out, message);
	return 0;
}

static bool serve(struct peer *p, int fd, const char *request)
{
	(void)request;
	return grpc_peer_serve(fd, answer, p->ctx);
}

static void start(struct peer *p, peer_fn *fn, struct http2 **ret)
{
	*p = (struct peer){ .is_raw = true };
	peer_start(p, fn, NULL);
	assert_int_equal(http2_open(p->path, ret), 0);
}

static void test_call(void **state)
{
	static const int sizes[] = { 0, 1, 16384, 65535, 1000000, 5000000 };
	_cleanup_(http2_closep) struct http2 *g = NULL;
	_cleanup_(buf_done) struct buf echo = { 0 };
	struct peer p;

	(void)state;
	start(&p, serve, &g);
	assert_int_equal(grpc_call(g, "/x/echo", STR("hello"), WAIT_MS, &echo), 0);
	assert_int_equal(echo.len, 5);
	assert_memory_equal(echo.data, "hello", 5);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };
		char path[32];

		snprintf(path, sizeof(path), "/x/size/%d", sizes[i]);
		assert_int_equal(grpc_call(g, path, STR_EMPTY, WAIT_MS, &out), 0);
		assert_int_equal(out.len, sizes[i]);
		for (size_t j = 0; j < out.len; j += 997)
			assert_int_equal(out.data[j], (char)j);
	}
	assert_int_equal(http2_attend(g), 0);
	peer_stop(&p);
	assert_int_equal(http2_attend(g), -ECONNRESET);
}

/* A request larger than the window: it is sent as the server takes it. */
static void test_large_request(void **state)
{
	enum { SIZE = 1000000 };
	static char large[SIZE];
	_cleanup_(http2_closep) struct http2 *g = NULL;
	_cleanup_(buf_done) struct buf out = { 0 };
	struct peer p;

	(void)state;
	for (int i = 0; i < SIZE; i++)
		large[i] = (char)(i % 251);
	start(&p, serve, &g);
	assert_int_equal(
		grpc_call(g, "/x/echo", (struct str){ .p = large, .n = SIZE }, WAIT_MS, &out), 0);
	assert_int_equal(out.len, SIZE);
	assert_memory_equal(out.data, large, SIZE);
	peer_stop(&p);
}

static void test_status(void **state)
{
	static const struct {
		int status, r;
	} cases[] = {
		{ 0, 0 },	    { 5, -ESRCH },	 { 12, -EOPNOTSUPP },
		{ 7, -EACCES },	    { 16, -EACCES },	 { 2, -EREMOTEIO },
		{ 14, -EREMOTEIO }, { 999, -EREMOTEIO }, { 12345, -EBADMSG },
		{ 0, 0 },
	};
	_cleanup_(http2_closep) struct http2 *g = NULL;
	struct peer p;

	(void)state;
	start(&p, serve, &g);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };
		char path[32];

		snprintf(path, sizeof(path), "/x/status/%d", cases[i].status);
		assert_int_equal(grpc_call(g, path, STR_EMPTY, WAIT_MS, &out), cases[i].r);
		assert_int_equal(out.len, 0);
	}
	peer_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_large_request),
		cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
