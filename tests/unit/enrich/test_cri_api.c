/* SPDX-License-Identifier: Apache-2.0 */
/* The source against a runtime that the test plays: with pods, hung, talking nonsense, gone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "enrich/cri_api.h"
#include <cmocka.h>

#include "cri_peer.h"
#include "listener_sink.h"
#include "source_world.h"

static struct cri_peer a_runtime(void)
{
	return (struct cri_peer){
		.package = "runtime.v1", .containers = "ab", .sandboxes = "c", .image_ref = "x"
	};
}

static void setup(struct source_world *w, const char *first, const char *second)
{
	const char *const sockets[] = { first, second, NULL };
	struct container_sink sink = source_world_init(w, &cri_source);

	assert_int_equal(cri_api_new(sockets, 0, &sink, (struct cri_api **)&w->self), 0);
}

#define DIGEST " sha256:2222222222222222222222222222222222222222222222222222222222222222"

static void test_listing(void **state)
{
	struct cri_peer p = a_runtime();
	struct source_world w;

	(void)state;
	cri_peer_start(&p);
	setup(&w, "/nowhere/x", p.peer.path);
	listener_sink_wait(&w.sink, "tell aaaa main\n", 1);
	listener_sink_wait(&w.sink, "tell bbbb main\n", 1);
	listener_sink_wait(&w.sink, "sandbox cccc pod\n", 1);
	/* And the rest of each, without a question; the image is asked for once. */
	listener_sink_wait(&w.sink, "tell aaaa main" DIGEST "\n", 1);
	listener_sink_wait(&w.sink, "tell bbbb main" DIGEST "\n", 1);
	assert_int_equal(atomic_load(&p.n_image_questions), 1);
	assert_int_equal(atomic_load(&p.n_status_questions), 2);
	source_world_wait(&w, SOURCE_READY, 0);
	assert_int_equal(source_world_state(&w).items, 3);
	assert_int_equal(source_world_state(&w).failures, 0);
	source_world_done(&w);
	peer_stop(&p.peer);
}

static void test_ask(void **state)
{
	struct cri_peer p = a_runtime();
	struct source_world w;

	(void)state;
	cri_peer_start(&p);
	setup(&w, p.peer.path, NULL);
	source_world_wait(&w, SOURCE_READY, 0);
	source_world_ask(&w, 'a');
	listener_sink_wait(&w.sink, "answered aaaa\n", 1);
	source_world_ask(&w, 'c');
	listener_sink_wait(&w.sink, "sandbox cccc pod\nanswered cccc\n", 1);
	source_world_ask(&w, 'd');
	listener_sink_wait(&w.sink, "answered dddd\n", 1);
	assert_int_equal(source_world_state(&w).questions, 3);
	assert_int_equal(source_world_state(&w).answers, 2);
	source_world_done(&w);
	peer_stop(&p.peer);
}

/* Of one that begins just now its start is not asked: one question, its image being known. */
static void test_one_that_begins(void **state)
{
	struct cri_peer p = a_runtime();
	struct source_world w;

	(void)state;
	p.containers = "";
	cri_peer_start(&p);
	setup(&w, p.peer.path, NULL);
	source_world_wait(&w, SOURCE_READY, 0);
	p.containers = "ab";
	source_world_ask(&w, 'a');
	listener_sink_wait(&w.sink, "tell aaaa main" DIGEST "\nanswered aaaa\n", 1);
	source_world_ask(&w, 'b');
	listener_sink_wait(&w.sink, "tell bbbb main" DIGEST "\nanswered bbbb\n", 1);
	assert_int_equal(atomic_load(&p.n_image_questions), 1);
	assert_int_equal(atomic_load(&p.n_status_questions), 0);
	source_world_done(&w);
	peer_stop(&p.peer);
}

static void test_no_cri(void **state)
{
	struct cri_peer p = { 0 };
	struct source_world w;

	(void)state;
	cri_peer_start(&p);
	setup(&w, p.peer.path, NULL);
	source_world_wait(&w, SOURCE_OFF, 0);
	source_world_ask(&w, 'a');
	listener_sink_wait(&w.sink, "answered aaaa\n", 1);
	source_world_done(&w);
	peer_stop(&p.peer);
}

static void test_garbage(void **state)
{
	struct cri_peer p = a_runtime();
	struct source_world w;

	(void)state;
	p.is_garbage = true;
	cri_peer_start(&p);
	setup(&w, p.peer.path, NULL);
	source_world_wait(&w, SOURCE_CONNECTING, -EBADMSG);
	source_world_done(&w);
	peer_stop(&p.peer);
}

static bool hang(struct peer *p, int fd, const char *request)
{
	(void)p;
	(void)request;
	return peer_hang(fd);
}

static void test_hung(void **state)
{
	struct peer p = { .is_raw = true };
	struct source_world w;

	(void)state;
	peer_start(&p, hang, NULL);
	setup(&w, p.path, NULL);
	source_world_ask(&w, 'a');
	listener_sink_wait(&w.sink, "answered aaaa\n", 1);
	source_world_wait(&w, SOURCE_CONNECTING, -ETIMEDOUT);
	source_world_done(&w);
	peer_stop(&p);
}

/* It goes, comes again, and one container has gone meanwhile. */
static void test_reconnect(void **state)
{
	struct cri_peer p = a_runtime();
	struct source_world w;

	(void)state;
	cri_peer_start(&p);
	setup(&w, p.peer.path, NULL);
	source_world_wait(&w, SOURCE_READY, 0);
	peer_stop(&p.peer);
	p.containers = "b";
	cri_peer_start(&p);
	source_world_ask(&w, 'b');
	listener_sink_wait(&w.sink, "gone aaaa\n", 1);
	source_world_wait(&w, SOURCE_READY, 0);
	assert_int_equal(source_world_state(&w).reconnects, 1);
	assert_int_equal(source_world_state(&w).items, 2);
	source_world_done(&w);
	peer_stop(&p.peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listing),		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_one_that_begins), cmocka_unit_test(test_no_cri),
		cmocka_unit_test(test_garbage),		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_reconnect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
