/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "enrich/runtime_desk.h"
#include <cmocka.h>

#include "../net/peer.h"
#include "container_ids.h"
#include "listener_sink.h"

struct world {
	struct listener_sink sink;
	struct runtime_desk desk;
};

static void setup(struct world *w, const char *const *sockets)
{
	struct container_sink sink;

	listener_sink_init(&w->sink);
	sink = listener_sink_of(&w->sink);
	assert_int_equal(runtime_desk_init(&w->desk, "test", sockets, &sink), 0);
}

static void teardown(struct world *w)
{
	runtime_desk_done(&w->desk);
	listener_sink_done(&w->sink);
}

static const char *const none[] = { NULL };

static void assert_lines(const struct world *w, const char *expected)
{
	assert_int_equal(w->sink.lines.len, strlen(expected));
	assert_memory_equal(buf_str(&w->sink.lines).p, expected, strlen(expected));
}

static void test_questions(void **state)
{
	char id[CONTAINER_ID_LEN];
	struct source_state s;
	bool is_waited_for;
	struct world w;

	(void)state;
	setup(&w, none);
	runtime_desk_want(&w.desk, container_id('b'));
	runtime_desk_ask(&w.desk, container_id('a'));
	assert_int_equal(runtime_desk_wait(&w.desk, 0, id, &is_waited_for), RUNTIME_QUESTION);
	assert_memory_equal(id, container_id('a'), sizeof(id));
	assert_true(is_waited_for);
	runtime_desk_answered(&w.desk, id, true);
	runtime_desk_ask(&w.desk, container_id('c'));
	/* Who waits is told that nothing is known; what is good to know is kept. */
	assert_true(runtime_desk_pause(&w.desk, 1));
	assert_lines(&w, "answered aaaa\nanswered cccc\n");
	assert_int_equal(runtime_desk_wait(&w.desk, 1, id, &is_waited_for), RUNTIME_QUESTION);
	assert_memory_equal(id, container_id('b'), sizeof(id));
	assert_false(is_waited_for);
	assert_int_equal(runtime_desk_wait(&w.desk, 1, id, &is_waited_for), RUNTIME_NO_QUESTION);
	runtime_desk_end(&w.desk);
	assert_int_equal(runtime_desk_wait(&w.desk, 0, id, &is_waited_for), RUNTIME_ENDING);
	assert_false(runtime_desk_pause(&w.desk, 100000));
	runtime_desk_get_state(&w.desk, &s);
	assert_int_equal(s.questions, 2);
	assert_int_equal(s.answers, 1);
	teardown(&w);
}

/* There is nobody: it is answered at once, and no thread need wake for it. */
static void test_nobody_to_ask(void **state)
{
	char id[CONTAINER_ID_LEN];
	struct source_state s;
	bool is_waited_for;
	struct world w;

	(void)state;
	setup(&w, none);
	runtime_desk_set_off(&w.desk);
	runtime_desk_ask(&w.desk, container_id('a'));
	assert_lines(&w, "answered aaaa\n");
	assert_int_equal(runtime_desk_wait(&w.desk, 1, id, &is_waited_for), RUNTIME_NO_QUESTION);
	runtime_desk_get_state(&w.desk, &s);
	assert_int_equal(s.questions, 1);
	assert_int_equal(s.answers, 0);
	assert_int_equal(s.failures, 0);
	teardown(&w);
}

static void test_patience(void **state)
{
	(void)state;
	assert_int_equal(runtime_desk_patience_ms(0), 2000);
	assert_int_equal(runtime_desk_patience_ms(200), 2000);
	assert_int_equal(runtime_desk_patience_ms(10000), 10000);
}

static void test_too_many_questions(void **state)
{
	struct source_state s;
	struct world w;
	char id[CONTAINER_ID_LEN + 1];

	(void)state;
	setup(&w, none);
	assert_lines(&w, "");
	for (int i = 0; i <= RUNTIME_MAX_ASKS; i++) {
		snprintf(id, sizeof(id), "%064d", i);
		runtime_desk_ask(&w.desk, id);
	}
	runtime_desk_get_state(&w.desk, &s);
	assert_int_equal(s.failures, 1);
	assert_lines(&w, "answered 0000\n"); /* whoever waits for it need not */
	runtime_desk_want(&w.desk, container_id('a'));
	assert_lines(&w, "answered 0000\n");
	teardown(&w);
}

static void tell(struct world *w, char digit)
{
	struct container_facts f;

	container_facts_init(&f, container_id(digit));
	assert_int_equal(container_facts_set(&f, CONTAINER_NAME, STR("x")), 0);
	runtime_desk_tell(&w->desk, &f);
	container_facts_done(&f);
}

static void test_listing(void **state)
{
	struct source_state s;
	struct world w;

	(void)state;
	setup(&w, none);
	tell(&w, 'a');
	tell(&w, 'b');
	tell(&w, 'c');
	runtime_desk_gone(&w.desk, container_id('c'));
	runtime_desk_begin_listing(&w.desk);
	tell(&w, 'b');
	runtime_desk_end_listing(&w.desk);
	assert_lines(&w,
		     "tell aaaa x\ntell bbbb x\ntell cccc x\ngone cccc\ntell bbbb x\ngone aaaa\n");
	runtime_desk_get_state(&w.desk, &s);
	assert_int_equal(s.items, 1);
	teardown(&w);
}

#define START 5000000000

/* What is known is answered at once; what may be missing is asked for, though nobody waits. */
static void test_ask_for_what_is_known(void **state)
{
	char id[CONTAINER_ID_LEN];
	struct container_facts f;
	bool is_waited_for;
	struct world w;

	(void)state;
	setup(&w, none);
	tell(&w, 'a');
	runtime_desk_ask(&w.desk, container_id('a'));
	assert_lines(&w, "tell aaaa x\ntell aaaa x\nanswered aaaa\n");
	assert_int_equal(runtime_desk_wait(&w.desk, 1, id, &is_waited_for), RUNTIME_QUESTION);
	assert_false(is_waited_for);
	container_facts_init(&f, container_id('a'));
	assert_true(runtime_desk_wants_start(&w.desk, container_id('a'), START));
	assert_int_equal(container_facts_set(&f, CONTAINER_IMAGE_ID, STR("x")), 0);
	runtime_desk_tell(&w.desk, &f);
	assert_false(runtime_desk_wants_start(&w.desk, container_id('a'), START));
	f.started_ns = START; /* asked for when it was created, and answered now */
	runtime_desk_tell(&w.desk, &f);
	assert_false(runtime_desk_wants_start(&w.desk, container_id('a'), START + 1));
	assert_true(runtime_desk_wants_start(&w.desk, container_id('a'), 2 * START));
	container_facts_done(&f);
	runtime_desk_ask(&w.desk, container_id('a'));
	assert_int_equal(runtime_desk_wait(&w.desk, 1, id, &is_waited_for), RUNTIME_NO_QUESTION);
	runtime_desk_gone(&w.desk, container_id('a'));
	runtime_desk_ask(&w.desk, container_id('a'));
	assert_int_equal(runtime_desk_wait(&w.desk, 1, id, &is_waited_for), RUNTIME_QUESTION);
	assert_true(is_waited_for);
	teardown(&w);
}

static struct source_state state_of(struct world *w)
{
	struct source_state s;

	runtime_desk_get_state(&w->desk, &s);
	return s;
}

static void test_state(void **state)
{
	unsigned int n_failures = 0;
	struct world w;

	(void)state;
	setup(&w, none);
	assert_int_equal(state_of(&w).status, SOURCE_CONNECTING);
	runtime_desk_set_off(&w.desk);
	assert_int_equal(state_of(&w).status, SOURCE_OFF);
	runtime_desk_lost(&w.desk, -ECONNREFUSED, false, &n_failures);
	assert_int_equal(state_of(&w).status, SOURCE_CONNECTING);
	assert_int_equal(state_of(&w).error, -ECONNREFUSED);
	runtime_desk_set_ready(&w.desk);
	assert_int_equal(state_of(&w).status, SOURCE_READY);
	assert_int_equal(state_of(&w).error, 0);
	assert_int_equal(state_of(&w).reconnects, 0);
	runtime_desk_lost(&w.desk, -ECONNRESET, true, &n_failures);
	assert_int_equal(n_failures, 0);
	runtime_desk_set_off(&w.desk);
	runtime_desk_set_ready(&w.desk);
	runtime_desk_count_failure(&w.desk, -ETIMEDOUT);
	assert_int_equal(state_of(&w).reconnects, 1);
	assert_int_equal(state_of(&w).failures, 3);
	assert_int_equal(state_of(&w).error, -ETIMEDOUT);
	teardown(&w);
}

static bool never(struct peer *p, int fd, const char *request)
{
	(void)p;
	(void)fd;
	(void)request;
	return false;
}

static void test_find_socket(void **state)
{
	struct peer p = { 0 };
	const char *const sockets[] = { "/etc/passwd", p.path, "/nowhere/x", p.path, NULL };
	const char *first, *second;
	struct world w;

	(void)state;
	peer_start(&p, never, NULL);
	setup(&w, sockets);
	first = runtime_desk_find_socket(&w.desk, NULL);
	assert_string_equal(first, p.path);
	second = runtime_desk_find_socket(&w.desk, first);
	assert_string_equal(second, p.path);
	assert_ptr_not_equal(first, second);
	assert_null(runtime_desk_find_socket(&w.desk, second));
	peer_stop(&p);
	assert_null(runtime_desk_find_socket(&w.desk, NULL));
	teardown(&w);
}

static void test_back_off(void **state)
{
	unsigned int n_failures = 0;
	struct world w;

	(void)state;
	setup(&w, none);
	for (unsigned int i = 1; i < 100; i++) {
		unsigned int ms = runtime_desk_lost(&w.desk, -EBADMSG, false, &n_failures);
		unsigned int middle = i < 7 ? 250u << i : 30000;

		assert_int_equal(n_failures, i);
		assert_in_range(ms, middle / 2, middle + middle / 2);
	}
	teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions), cmocka_unit_test(test_nobody_to_ask),
		cmocka_unit_test(test_patience),  cmocka_unit_test(test_too_many_questions),
		cmocka_unit_test(test_listing),	  cmocka_unit_test(test_ask_for_what_is_known),
		cmocka_unit_test(test_state),	  cmocka_unit_test(test_find_socket),
		cmocka_unit_test(test_back_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
