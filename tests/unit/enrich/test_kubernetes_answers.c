/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a pod, and when a question is answered. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "container_ids.h"
#include "kubernetes_case.h"
#include "kubernetes_world.h"

#define WEB                                                                                       \
	"{'metadata':{'name':'web','namespace':'ns','uid':'u-1'},'status':{'containerStatuses':[" \
	"{'name':'c','containerID':'containerd://" HEX64("a") "'}]}}"

static void put(struct kubernetes_world *w, const char *text)
{
	kubernetes_world_lock(w);
	assert_int_equal(kubernetes_pods_put(&w->k.pods, parse_pod(text)), 0);
	kubernetes_world_unlock(w);
}

/* Of a container that is known to be in this pod; NULL: in none. */
static void ask(struct kubernetes_world *w, char digit, const char *uid)
{
	struct container_facts f;

	container_facts_init(&f, container_id(digit));
	if (uid)
		assert_int_equal(container_facts_set(&f, CONTAINER_POD_UID, str_from(uid)), 0);
	kubernetes_source.ask(&w->k, &f);
	container_facts_done(&f);
}

static void set_status(struct kubernetes_world *w, enum source_status status, int error)
{
	kubernetes_world_lock(w);
	w->k.state.status = status;
	w->k.state.error = error;
	kubernetes_world_unlock(w);
}

static int count(struct kubernetes_world *w, const char *line)
{
	int n;

	pthread_mutex_lock(&w->sink.lock);
	n = listener_sink_count(&w->sink, line);
	pthread_mutex_unlock(&w->sink.lock);
	return n;
}

/* The containers are told first, then their pod; a question says it once more. */
static void test_known(void **state)
{
	struct kubernetes_world w;

	(void)state;
	kubernetes_world_init(&w);
	w.k.state.status = SOURCE_READY;
	kubernetes_world_begin(&w, kubernetes_answers);
	put(&w, WEB);
	listener_sink_wait(&w.sink, "pod  web\n", 1);
	assert_int_equal(count(&w, "tell aaaa"), 1);
	ask(&w, 'a', NULL);
	listener_sink_wait(&w.sink, "answered aaaa\n", 1);
	assert_int_equal(count(&w, "tell aaaa"), 2);
	ask(&w, 'b', "u-1"); /* another one of the pod, which the pod does not list yet */
	listener_sink_wait(&w.sink, "answered bbbb\n", 1);
	assert_int_equal(count(&w, "tell bbbb"), 0);
	assert_int_equal(count(&w, "pod  web\n"), 3);
	kubernetes_world_done(&w);
	assert_int_equal(w.k.state.answers, 2);
}

/* A pod that may come is waited for, and asked for; what is in none is answered at once. */
static void test_unknown(void **state)
{
	struct kubernetes_world w;

	(void)state;
	kubernetes_world_init(&w);
	w.k.state.status = SOURCE_READY;
	kubernetes_world_begin(&w, kubernetes_answers);
	ask(&w, 'b', "u-9");
	ask(&w, 'c', NULL);
	listener_sink_wait(&w.sink, "answered cccc\n", 1);
	kubernetes_world_lock(&w);
	assert_true(w.k.wants_poll);
	assert_int_equal(w.k.n_questions, 1);
	kubernetes_world_unlock(&w);
	put(&w, POD("late", "u-9", ""));
	listener_sink_wait(&w.sink, "answered bbbb\n", 1);
	listener_sink_wait(&w.sink, "pod  late\n", 1);
	kubernetes_world_done(&w);
}

/* Nobody waits while nobody can be asked. */
static void test_away(void **state)
{
	static const struct {
		enum source_status status;
		int error;
	} cases[] = { { SOURCE_OFF, 0 }, { SOURCE_CONNECTING, -ECONNREFUSED } };
	struct kubernetes_world w;

	(void)state;
	kubernetes_world_init(&w);
	kubernetes_world_begin(&w, kubernetes_answers);
	for (int i = 0; i < 2; i++) {
		set_status(&w, cases[i].status, cases[i].error);
		ask(&w, 'b', "u-9");
		listener_sink_wait(&w.sink, "answered bbbb\n", i + 1);
	}
	kubernetes_world_done(&w);
	assert_int_equal(w.k.state.questions, 2);
	assert_int_equal(w.k.state.answers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
