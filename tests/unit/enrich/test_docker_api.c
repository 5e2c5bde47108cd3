/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source against a daemon that the test plays: with containers, hung, talking nonsense, gone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "enrich/docker_api.h"
#include <cmocka.h>

#include "../net/peer.h"
#include "container_ids.h"
#include "listener_sink.h"

#define FREE_NS 1000000000u /* what the interface promises */

/* Containers have ids of one digit; what is served is what the texts say. */
struct daemon {
	struct peer peer;
	const char *list;    /* digits of those that are listed */
	const char *events;  /* each a digit and what happens to it: "a+b-c=" made, gone, renamed */
	const char *hung;    /* the path on which it hangs; NULL: none */
	const char *unknown; /* digits of which it knows nothing */
};

static void respond(int fd, int status, const char *body)
{
	char head[128];

	snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", status,
		 strlen(body));
	peer_say(fd, head);
	peer_say(fd, body);
}

static void respond_list(const struct daemon *d, int fd)
{
	char body[4096] = "[";
	size_t n = 1;

	for (const char *p = d->list; *p; p++)
		n += (size_t)snprintf(body + n, sizeof(body) - n,
				      "%s{\"Id\":\"%s\",\"Names\":[\"/listed\"]}",
				      p > d->list ? "," : "", container_id(*p));
	snprintf(body + n, sizeof(body) - n, "]");
	respond(fd, 200, body);
}

static void respond_inspect(const struct daemon *d, int fd, char digit)
{
	char body[512];

	if (d->unknown && strchr(d->unknown, digit)) {
		respond(fd, 404, "{}");
		return;
	}
	snprintf(
		body, sizeof(body),
		"{\"Id\":\"%s\",\"Name\":\"/inspected\",\"Image\":\"sha256:%s\",\"Config\":{\"Image\":\"i\"}}",
		container_id(digit), container_id('0'));
	respond(fd, 200, body);
}

static void respond_events(const struct daemon *d, int fd)
{
	char line[512];

	peer_say(fd, "HTTP/1.1 200 X\r\n\r\n");
	for (const char *p = d->events; p && *p; p += 2) {
		const char *action = p[1] == '+' ? "create" : p[1] == '-' ? "destroy" : "rename";

		snprintf(line, sizeof(line),
			 "{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\","
			 "\"Attributes\":{\"name\":\"event\"}}}\n",
			 action, container_id(*p));
		peer_say(fd, line);
	}
}

static bool serve(struct peer *p, int fd, const char *request)
{
	const struct daemon *d = p->ctx;
	char path[PEER_REQUEST];

	if (sscanf(request, "GET %4000s", path) != 1)
		return false;
	if (d->hung && strstr(path, d->hung))
		return peer_hang(fd);
	if (strcmp(path, "/_ping") == 0)
		respond(fd, 200, "OK");
	else if (strcmp(path, "/containers/json?all=1") == 0)
		respond_list(d, fd);
	else if (strncmp(path, "/containers/", 12) == 0)
		respond_inspect(d, fd, path[12]);
	else if (strncmp(path, "/images/", 8) == 0)
		respond(fd, 200, "{\"RepoDigests\":[]}");
	else if (strncmp(path, "/events", 7) == 0)
		respond_events(d, fd);
	else
		respond(fd, 404, "{}");
	return strncmp(path, "/events", 7) != 0 || peer_hang(fd);
}

struct world {
	struct daemon daemon;
	struct listener_sink sink;
	struct docker_api *api;
};

static void setup(struct world *w, peer_fn *fn)
{
	const char *const sockets[] = { w->daemon.peer.path, NULL };
	struct container_sink sink;

	listener_sink_init(&w->sink);
	sink = listener_sink_of(&w->sink);
	if (fn)
		peer_start(&w->daemon.peer, fn, &w->daemon);
	assert_int_equal(docker_api_new_docker(sockets, &sink, &w->api), 0);
}

static void teardown(struct world *w, bool has_peer)
{
	uint64_t start = clock_now_ns(CLOCK_MONOTONIC);

	assert_null(docker_source.free(w->api));
	assert_true(clock_now_ns(CLOCK_MONOTONIC) - start < FREE_NS);
	if (has_peer)
		peer_stop(&w->daemon.peer);
	listener_sink_done(&w->sink);
}

static void ask(struct world *w, char digit)
{
	struct container_facts f;

	container_facts_init(&f, container_id(digit));
	docker_source.ask(w->api, &f);
}

static struct source_state state_of(struct world *w)
{
	struct source_state s;

	docker_source.state(w->api, &s);
	return s;
}

/* Looks until the state is as wanted. */
static void wait_for(struct world *w, enum source_status status, int error)
{
	struct source_state s;

	for (int i = 0; i < SINK_WAIT_S * 1000; i++) {
		s = state_of(w);
		if (s.status == status && s.error == error)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	fail_msg("status %d, error %d", (int)s.status, s.error);
}

static void test_list_and_events(void **state)
{
	struct world w = { .daemon = { .list = "ab", .events = "c+a-b=" } };

	(void)state;
	setup(&w, serve);
	listener_sink_wait(&w.sink, "tell aaaa listed\n", 1);
	listener_sink_wait(&w.sink, "tell bbbb listed\n", 1);
	listener_sink_wait(&w.sink, "tell cccc event\n", 1);
	listener_sink_wait(&w.sink, "gone aaaa\n", 1);
	listener_sink_wait(&w.sink, "tell bbbb event\n", 1);
	/* And all there is to know of each, without a question. */
	listener_sink_wait(&w.sink, "tell bbbb inspected\n", 1);
	listener_sink_wait(&w.sink, "tell cccc inspected\n", 1);
	wait_for(&w, SOURCE_READY, 0);
	assert_int_equal(state_of(&w).failures, 0);
	teardown(&w, true);
}

static void test_ask(void **state)
{
	struct world w = { .daemon = { .list = "", .unknown = "e" } };

	(void)state;
	setup(&w, serve);
	wait_for(&w, SOURCE_READY, 0);
	ask(&w, 'd');
	listener_sink_wait(&w.sink, "tell dddd inspected\nanswered dddd\n", 1);
	ask(&w, 'e');
	listener_sink_wait(&w.sink, "answered eeee\n", 1);
	assert_int_equal(state_of(&w).questions, 2);
	assert_int_equal(state_of(&w).answers, 1);
	assert_int_equal(state_of(&w).failures, 0);
	teardown(&w, true);
}

static void test_nothing_there(void **state)
{
	struct world w = { .daemon.peer.path = "/nowhere/docker.sock" };

	(void)state;
	setup(&w, NULL);
	wait_for(&w, SOURCE_OFF, 0);
	ask(&w, 'a');
	listener_sink_wait(&w.sink, "answered aaaa\n", 1);
	teardown(&w, false);
}

static void test_hung(void **state)
{
	struct world w = { .daemon = { .list = "", .hung = "/" } };

	(void)state;
	setup(&w, serve);
	wait_for(&w, SOURCE_CONNECTING, -ETIMEDOUT);
	ask(&w, 'a');
	teardown(&w, true);
}

/* One container that nobody can be told of does not keep the others from being asked about. */
static void test_one_hung(void **state)
{
	struct world w = { .daemon = { .list = "", .hung = "aaa/json" } };

	(void)state;
	setup(&w, serve);
	wait_for(&w, SOURCE_READY, 0);
	ask(&w, 'a');
	ask(&w, 'b');
	ask(&w, 'c');
	listener_sink_wait(&w.sink, "answered bbbb\n", 1);
	listener_sink_wait(&w.sink, "answered cccc\n", 1);
	listener_sink_wait(&w.sink, "answered aaaa\n", 1);
	wait_for(&w, SOURCE_READY, -ETIMEDOUT);
	assert_int_equal(state_of(&w).failures, 1);
	teardown(&w, true);
}

static bool nonsense(struct peer *p, int fd, const char *request)
{
	(void)p;
	(void)request;
	peer_say(fd, "\1\2\3nonsense\r\n");
	return false;
}

static void test_nonsense(void **state)
{
	struct world w = { 0 };

	(void)state;
	setup(&w, nonsense);
	wait_for(&w, SOURCE_CONNECTING, -EBADMSG);
	teardown(&w, true);
}

/* It goes, comes again, and one container has gone meanwhile. */
static void test_reconnect(void **state)
{
	struct world w = { .daemon.list = "ab" };

	(void)state;
	setup(&w, serve);
	listener_sink_wait(&w.sink, "tell aaaa inspected\n", 1);
	wait_for(&w, SOURCE_READY, 0);
	peer_stop(&w.daemon.peer);
	w.daemon.list = "b";
	peer_start(&w.daemon.peer, serve, &w.daemon);
	listener_sink_wait(&w.sink, "tell bbbb listed\n", 2);
	listener_sink_wait(&w.sink, "gone aaaa\n", 1);
	wait_for(&w, SOURCE_READY, 0);
	assert_int_equal(state_of(&w).reconnects, 1);
	assert_int_equal(state_of(&w).items, 1);
	teardown(&w, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_and_events), cmocka_unit_test(test_ask),
		cmocka_unit_test(test_nothing_there),	cmocka_unit_test(test_hung),
		cmocka_unit_test(test_one_hung),	cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_reconnect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
