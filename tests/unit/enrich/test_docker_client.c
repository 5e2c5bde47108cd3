/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for, and what the answers come to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "enrich/docker_client.h"
#include <cmocka.h>

#include "../net/peer.h"
#include "container_ids.h"

#define OK(body) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body
#define WAIT_MS 2000
#define NO "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"

struct daemon {
	struct peer peer;
	const char *answers[2];
	char requests[2][PEER_REQUEST];
};

static bool answer(struct peer *p, int fd, const char *request)
{
	struct daemon *d = p->ctx;
	int n = atomic_load(&p->n_requests) - 1;

	memcpy(d->requests[n], request, PEER_REQUEST);
	peer_say(fd, d->answers[n]);
	return false;
}

static void start(struct daemon *d, const char *first, const char *second)
{
	*d = (struct daemon){ .answers = { first, second } };
	peer_start(&d->peer, answer, d);
}

static bool was_asked(const struct daemon *d, int i, const char *path)
{
	return strncmp(d->requests[i], path, strlen(path)) == 0;
}

static void test_identify(void **state)
{
	static const struct {
		const char *first, *second;
		int r;
		const char *runtime;
	} cases[] = {
		{ OK("OK"), NULL, 0, "podman" },
		{ NO, OK("OK"), 0, "docker" },
		{ NO, NO, -ESRCH, NULL },
		{ "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", NULL, -EREMOTEIO, NULL },
		{ NO, OK("<html>"), -EBADMSG, NULL },
		{ "220 smtp\r\n", NULL, -EBADMSG, NULL },
	};
	_cleanup_(http_freep) struct http *h = NULL;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *runtime = NULL;
		struct daemon d;

		start(&d, cases[i].first, cases[i].second);
		assert_int_equal(docker_client_identify(h, d.peer.path, &runtime), cases[i].r);
		peer_stop(&d.peer);
		if (cases[i].runtime)
			assert_string_equal(runtime, cases[i].runtime);
	}
}

static void test_inspect(void **state)
{
	static const struct {
		const char *answer;
		int r;
	} cases[] = {
		{ OK("{}"), 0 },
		{ OK("{"), -EBADMSG },
		{ OK(""), -EBADMSG },
		{ OK("{\"a\":\"\xff\"}"), -EBADMSG },
		{ NO, -ESRCH },
		{ "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}", -EREMOTEIO },
	};
	_cleanup_(http_freep) struct http *h = NULL;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *json = NULL;
		struct daemon d;

		start(&d, cases[i].answer, NULL);
		assert_int_equal(docker_client_inspect(h, d.peer.path, WAIT_MS, container_id('a'),
						       &json),
				 cases[i].r);
		peer_stop(&d.peer);
		assert_int_equal(json != NULL, cases[i].r == 0);
		assert_true(was_asked(&d, 0, "GET /containers/aaaa"));
		assert_non_null(strstr(d.requests[0], "aaaa/json HTTP/1.1\r\n"));
		json_decref(json);
	}
}

static void test_list_and_image(void **state)
{
	_cleanup_(http_freep) struct http *h = NULL;
	json_t *list = NULL, *image = NULL;
	struct daemon d;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	start(&d, OK("[]"), OK("{}"));
	assert_int_equal(docker_client_list(h, d.peer.path, &list), 0);
	assert_int_equal(docker_client_image(h, d.peer.path, WAIT_MS, "sha256:1", &image), 0);
	peer_stop(&d.peer);
	assert_true(was_asked(&d, 0, "GET /containers/json?all=1 HTTP/1.1\r\n"));
	assert_true(was_asked(&d, 1, "GET /images/sha256:1/json HTTP/1.1\r\n"));
	json_decref(list);
	json_decref(image);
}

/* Deeper than any answer is; a parser that follows it would need the stack for it. */
static void test_deep(void **state)
{
	enum { DEPTH = 1000000 };
	static char deep[64 + DEPTH];
	_cleanup_(http_freep) struct http *h = NULL;
	json_t *json = NULL;
	struct daemon d;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	memcpy(deep, OK(""), strlen(OK("")));
	memset(deep + strlen(OK("")), '[', DEPTH);
	start(&d, deep, NULL);
	assert_int_equal(docker_client_list(h, d.peer.path, &json), -EBADMSG);
	peer_stop(&d.peer);
}

static void join(void *ctx, const json_t *event)
{
	struct buf *out = ctx;

	buf_printf(out, "%s|", json_string_value(json_object_get(event, "Action")));
}

/* {"type":["container"],"event":["rename","destroy","remove" ... and what comes before, or not. */
#define LATER                                                                                   \
	"GET /events?since=7&filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B" \
	"%22rename%22%2C%22destroy%22%2C%22remove%22"
#define EARLIER "%2C%22create%22%2C%22start%22%5D%7D"

static void test_events(void **state)
{
	static const struct {
		const char *answer;
		int r;
		const char *events;
	} cases[] = {
		{ OK("{\"Action\":\"a\"}\n{\"Action\":\"b\"}\n"), 0, "a|b|" },
		{ OK("{\"Action\":\"a\"}\n{\"Acti"), 0, "a|" },
		{ OK("{\"Action\":\"a\"}\nnonsense\n"), -EBADMSG, "a|" },
		{ OK(""), 0, "" },
		{ NO, -EREMOTEIO, "" },
	};
	_cleanup_(http_freep) struct http *h = NULL;

	(void)state;
	assert_int_equal(http_new(&h), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct docker_client_wish wish = { .since_s = 7, .is_later_alone = i % 2 };
		_cleanup_(buf_done) struct buf out = { 0 };
		struct daemon d;

		start(&d, cases[i].answer, NULL);
		assert_int_equal(docker_client_events(h, d.peer.path, &wish, join, &out),
				 cases[i].r);
		peer_stop(&d.peer);
		buf_put_char(&out, '\0');
		assert_string_equal(out.data, cases[i].events);
		assert_true(was_asked(&d, 0, i % 2 ? LATER "%5D%7D HTTP" : LATER EARLIER " HTTP"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identify),       cmocka_unit_test(test_inspect),
		cmocka_unit_test(test_list_and_image), cmocka_unit_test(test_deep),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
