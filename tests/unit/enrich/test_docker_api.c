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

#include "enrich/docker_api.h"
#include <cmocka.h>

#include "../net/peer.h"
#include "container_ids.h"
#include "file_tree.h"
#include "listener_sink.h"
#include "source_world.h"

/* Containers have ids of one digit; what is served is what the texts say. */
struct daemon {
	struct peer peer;
	const char *list;    /* digits of those that are listed */
	const char *events;  /* each a digit and what happens to it: "a+b-c=" made, gone, renamed */
	const char *hung;    /* the path on which it hangs; NULL: none */
	const char *unknown; /* digits of which it knows nothing */
	const char *info;    /* what it says of itself */
	atomic_bool tells_all; /* its events were asked for, with those of the start */
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

static void respond_events(struct daemon *d, int fd, const char *path)
{
	char line[512];

	atomic_store(&d->tells_all, strstr(path, "create") != NULL);

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
	struct daemon *d = p->ctx;
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
	else if (strcmp(path, "/info") == 0 && d->info)
		respond(fd, 200, d->info);
	else if (strncmp(path, "/images/", 8) == 0)
		respond(fd, 200, "{\"RepoDigests\":[]}");
	else if (strncmp(path, "/events", 7) == 0)
		respond_events(d, fd, path);
	else
		respond(fd, 404, "{}");
	return strncmp(path, "/events", 7) != 0 || peer_hang(fd);
}

struct world {
	struct daemon daemon;
	struct source_world source;
	char *read[1]; /* whose files somebody reads */
	char *host_root;
};

static void setup(struct world *w, peer_fn *fn)
{
	const char *const sockets[] = { w->daemon.peer.path, NULL };
	const struct docker_options options = { .sockets = sockets,
						.read = { .paths = w->read,
							  .n = w->read[0] != NULL },
						.host_root = w->host_root };
	struct container_sink sink = source_world_init(&w->source, &docker_source);

	if (fn)
		peer_start(&w->daemon.peer, fn, &w->daemon);
	assert_int_equal(
		docker_api_new_docker(&options, &sink, (struct docker_api **)&w->source.self), 0);
}

static void teardown(struct world *w, bool has_peer)
{
	source_world_done(&w->source);
	if (has_peer)
		peer_stop(&w->daemon.peer);
}

static void test_list_and_events(void **state)
{
	struct world w = { .daemon = { .list = "ab", .events = "c+a-b=" } };

	(void)state;
	setup(&w, serve);
	listener_sink_wait(&w.source.sink, "tell aaaa listed\n", 1);
	listener_sink_wait(&w.source.sink, "tell bbbb listed\n", 1);
	listener_sink_wait(&w.source.sink, "tell cccc event\n", 1);
	listener_sink_wait(&w.source.sink, "gone aaaa\n", 1);
	listener_sink_wait(&w.source.sink, "tell bbbb event\n", 1);
	/* And all there is to know of each, without a question. */
	listener_sink_wait(&w.source.sink, "tell bbbb inspected\n", 1);
	listener_sink_wait(&w.source.sink, "tell cccc inspected\n", 1);
	source_world_wait(&w.source, SOURCE_READY, 0);
	assert_int_equal(source_world_state(&w.source).failures, 0);
	teardown(&w, true);
}

static void test_ask(void **state)
{
	struct world w = { .daemon = { .list = "", .unknown = "e" } };

	(void)state;
	setup(&w, serve);
	source_world_wait(&w.source, SOURCE_READY, 0);
	source_world_ask(&w.source, 'd');
	listener_sink_wait(&w.source.sink, "tell dddd inspected\nanswered dddd\n", 1);
	source_world_ask(&w.source, 'e');
	listener_sink_wait(&w.source.sink, "answered eeee\n", 1);
	assert_int_equal(source_world_state(&w.source).questions, 2);
	assert_int_equal(source_world_state(&w.source).answers, 1);
	assert_int_equal(source_world_state(&w.source).failures, 0);
	teardown(&w, true);
}

/* Where its files are read, nothing is asked of one that is made. */
static void test_read_files(void **state)
{
	static const struct {
		const char *info;
		bool tells_all;
	} cases[] = {
		{ "{\"DockerRootDir\":\"/data\",\"Driver\":\"overlay2\"}", false },
		{ "{\"DockerRootDir\":\"/data\",\"Driver\":\"overlayfs\"}", true },
		{ "{\"DockerRootDir\":\"/other\",\"Driver\":\"overlay2\"}", true },
		{ "{\"DockerRootDir\":1}", true },
		{ "[", true },
		{ NULL, true },
	};
	struct file_tree tree;

	(void)state;
	file_tree_make(&tree);
	file_tree_put(&tree, "data/image/overlay2/imagedb/x", "");
	file_tree_put(&tree, "other/x", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world w = { .daemon = { .list = "", .events = "a+b=" },
				   .read = { "/data" },
				   .host_root = tree.root };

		w.daemon.info = cases[i].info;
		setup(&w, serve);
		listener_sink_wait(&w.source.sink, "tell bbbb event\n", 1);
		assert_int_equal(atomic_load(&w.daemon.tells_all), cases[i].tells_all);
		teardown(&w, true);
	}
	file_tree_remove(&tree);
}

static void test_nothing_there(void **state)
{
	struct world w = { .daemon.peer.path = "/nowhere/docker.sock" };

	(void)state;
	setup(&w, NULL);
	source_world_wait(&w.source, SOURCE_OFF, 0);
	source_world_ask(&w.source, 'a');
	listener_sink_wait(&w.source.sink, "answered aaaa\n", 1);
	teardown(&w, false);
}

static void test_hung(void **state)
{
	struct world w = { .daemon = { .list = "", .hung = "/" } };

	(void)state;
	setup(&w, serve);
	source_world_wait(&w.source, SOURCE_CONNECTING, -ETIMEDOUT);
	source_world_ask(&w.source, 'a');
	teardown(&w, true);
}

/* One container that nobody can be told of does not keep the others from being asked about. */
static void test_one_hung(void **state)
{
	struct world w = { .daemon = { .list = "", .hung = "aaa/json" } };

	(void)state;
	setup(&w, serve);
	source_world_wait(&w.source, SOURCE_READY, 0);
	source_world_ask(&w.source, 'a');
	source_world_ask(&w.source, 'b');
	source_world_ask(&w.source, 'c');
	listener_sink_wait(&w.source.sink, "answered bbbb\n", 1);
	listener_sink_wait(&w.source.sink, "answered cccc\n", 1);
	listener_sink_wait(&w.source.sink, "answered aaaa\n", 1);
	source_world_wait(&w.source, SOURCE_READY, -ETIMEDOUT);
	assert_int_equal(source_world_state(&w.source).failures, 1);
	teardown(&w, true);
}

/* What is known by an event is told at once, though the daemon does not answer for now. */
static void test_asked_while_it_starts(void **state)
{
	struct world w = { .daemon = { .list = "", .events = "a+", .hung = "aaa/json" } };

	(void)state;
	setup(&w, serve);
	listener_sink_wait(&w.source.sink, "tell aaaa event\n", 1);
	source_world_ask(&w.source, 'a');
	listener_sink_wait(&w.source.sink, "tell aaaa event\nanswered aaaa\n", 1);
	assert_int_equal(source_world_state(&w.source).failures, 0);
	assert_int_equal(source_world_state(&w.source).answers, 1);
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
	source_world_wait(&w.source, SOURCE_CONNECTING, -EBADMSG);
	teardown(&w, true);
}

/* It goes, comes again, and one container has gone meanwhile. */
static void test_reconnect(void **state)
{
	struct world w = { .daemon.list = "ab" };

	(void)state;
	setup(&w, serve);
	listener_sink_wait(&w.source.sink, "tell aaaa inspected\n", 1);
	source_world_wait(&w.source, SOURCE_READY, 0);
	peer_stop(&w.daemon.peer);
	w.daemon.list = "b";
	peer_start(&w.daemon.peer, serve, &w.daemon);
	listener_sink_wait(&w.source.sink, "tell bbbb listed\n", 2);
	listener_sink_wait(&w.source.sink, "gone aaaa\n", 1);
	source_world_wait(&w.source, SOURCE_READY, 0);
	assert_int_equal(source_world_state(&w.source).reconnects, 1);
	assert_int_equal(source_world_state(&w.source).items, 1);
	teardown(&w, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_and_events),
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_read_files),
		cmocka_unit_test(test_nothing_there),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_one_hung),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_asked_while_it_starts),
		cmocka_unit_test(test_reconnect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
