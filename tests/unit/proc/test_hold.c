/* SPDX-License-Identifier: Apache-2.0 */
/* Events that wait for what is known of their container. */
#include "proc/hold.h"

#include "world.h"

#define EIGHT(digit) digit digit digit digit digit digit digit digit
#define PATH_A "/docker/" EIGHT("aaaaaaaa")
#define PATH_B "/docker/" EIGHT("bbbbbbbb")
#define IN_A 7
#define IN_B 8
#define OUTSIDE 9

/* Folds a record that may give many events. */
static void feed(struct world *w, void *record)
{
	w->records[w->n_records++] = record;
	assert_int_equal(fold_record(w->fold, record, ((struct event_head *)record)->size, ++w->seq,
				     &w->batch),
			 0);
}

static void feed_exec(struct world *w, struct image_key id, uint64_t cgroup)
{
	feed(w, record_exec(&(struct exec_spec){ .id = id,
						 .parent = KEY(0, 0, id.exec_count - 1),
						 .filename = "/bin/sh",
						 .cgroup = { .id = cgroup, .hierarchy = 2 } }));
}

static void begin(struct world *w)
{
	world_init(w, NULL, NULL);
	feed(w, record_cgroup(2, IN_A, PATH_A));
	feed(w, record_cgroup(2, IN_B, PATH_B));
	feed(w, record_cgroup(2, OUTSIDE, "/user.slice"));
	feed(w, record_container('a', "", EVENT_CONTAINER_AWAITED));
}

static void assert_event(const struct world *w, size_t i, enum call call, uint32_t pid)
{
	const struct event *ev = &w->batch.events[i];

	assert_true(i < w->batch.n);
	assert_int_equal(ev->call, call);
	assert_int_equal(ev->image->key.pid, pid);
}

static uint64_t n_held(const struct world *w)
{
	struct hold_counters c;

	fold_hold_counters(w->fold, &c);
	return c.now;
}

/* Nobody else waits; what waited comes in its order, with its own place in the log. */
static void test_only_its_own(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	feed_exec(&w, KEY(1, 10, 1), IN_A);
	feed_exec(&w, KEY(2, 20, 1), IN_B);
	feed_exec(&w, KEY(3, 30, 1), OUTSIDE);
	feed(&w, record_exit(KEY(1, 10, 1), NOBODY, 3 << 8));
	assert_int_equal(w.batch.n, 2);
	assert_event(&w, 0, CALL_EXECVE, 2);
	assert_event(&w, 1, CALL_EXECVE, 3);
	assert_int_equal(n_held(&w), 2);

	world_settle(&w); /* the batch is through; the raw records are gone */
	feed(&w, record_container('a', "web", EVENT_CONTAINER_COMPLETE));
	assert_int_equal(w.batch.n, 2);
	assert_event(&w, 0, CALL_EXECVE, 1);
	assert_event(&w, 1, CALL_EXIT, 1);
	assert_int_equal(w.batch.events[1].exit->status, 3 << 8);
	assert_int_equal(w.batch.events[0].seq, 5);
	assert_int_equal(event_position(&w.batch.events[0]), w.seq);
	assert_str(container_text(image_container(w.batch.events[0].image), CONTAINER_NAME), "web");
	assert_int_equal(n_held(&w), 0);

	feed_exec(&w, KEY(4, 40, 1), IN_A);
	assert_event(&w, 2, CALL_EXECVE, 4);
	assert_int_equal(event_position(&w.batch.events[2]), w.batch.events[2].seq);
	world_done(&w);
}

/* The time is up: out as they are, and the rest is told when it is known. */
static void test_given_up(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	feed_exec(&w, KEY(1, 10, 1), IN_A);
	feed(&w, record_container('a', "", 0));
	assert_int_equal(w.batch.n, 1);
	assert_event(&w, 0, CALL_EXECVE, 1);
	assert_int_equal(container_text(image_container(w.batch.events[0].image), CONTAINER_NAME).n,
			 0);
	world_settle(&w);
	feed(&w, record_container('a', "web", EVENT_CONTAINER_COMPLETE));
	assert_int_equal(w.batch.n, 1);
	assert_int_equal(w.batch.events[0].call, CALL_CONTAINER);
	world_done(&w);
}

/* A second record that says AWAITED begins nothing anew. */
static void test_awaited_twice(void **state)
{
	char id[CONTAINER_ID_LEN];
	uint64_t since = 0, again = 0;
	struct event_container *e;
	struct world w;

	(void)state;
	begin(&w);
	feed_exec(&w, KEY(1, 10, 1), IN_A);
	assert_true(fold_waits_longest(w.fold, id, &since));
	e = record_container('a', "", EVENT_CONTAINER_AWAITED);
	e->head.time_ns = 99;
	feed(&w, e);
	assert_true(fold_waits_longest(w.fold, id, &again));
	assert_int_equal(again, since);
	assert_int_equal(n_held(&w), 1);
	world_done(&w);
}

/* One that makes too many: all of them go out, in their order, and the next ones at once. */
static void test_bound_of_one(void **state)
{
	struct hold_counters c;
	struct world w;

	(void)state;
	begin(&w);
	for (uint32_t i = 0; i < HOLD_EVENTS; i++)
		feed_exec(&w, KEY(1, 10, 1 + i), IN_A);
	assert_int_equal(w.batch.n, 0);
	assert_int_equal(n_held(&w), HOLD_EVENTS);
	feed_exec(&w, KEY(1, 10, 1 + HOLD_EVENTS), IN_A);
	assert_int_equal(w.batch.n, HOLD_EVENTS + 1);
	for (uint32_t i = 0; i <= HOLD_EVENTS; i++)
		assert_int_equal(w.batch.events[i].image->key.exec_count, 1 + i);
	fold_hold_counters(w.fold, &c);
	assert_int_equal(c.now, 0);
	assert_int_equal(c.held, HOLD_EVENTS);
	assert_int_equal(c.overflowed, 1);
	feed(&w, record_container('a', "web", EVENT_CONTAINER_COMPLETE));
	assert_int_equal(w.batch.events[w.batch.n - 1].call, CALL_CONTAINER);
	world_done(&w);
}

/* What a kill interrupts is held again by whoever folds the same log. */
static void test_same_log_same_events(void **state)
{
	struct world a, b;

	(void)state;
	begin(&a);
	begin(&b);
	feed_exec(&a, KEY(1, 10, 1), IN_A);
	feed_exec(&b, KEY(1, 10, 1), IN_A);
	world_settle(&b);
	feed(&a, record_container('a', "web", 0));
	feed(&b, record_container('a', "web", 0));
	assert_int_equal(a.batch.n, b.batch.n);
	assert_event(&a, 0, CALL_EXECVE, 1);
	assert_event(&b, 0, CALL_EXECVE, 1);
	assert_int_equal(a.batch.events[0].seq, b.batch.events[0].seq);
	world_done(&a);
	world_done(&b);
}

/*
 * Where the log is owed from: the first that is held and in no journal; what a journal has is owed
 * by it.
 */
static void test_owed(void **state)
{
	uint64_t first, second;
	struct world w;

	(void)state;
	begin(&w);
	assert_int_equal(fold_next_owed(w.fold), fold_next_seq(w.fold));
	feed_exec(&w, KEY(1, 10, 1), IN_A);
	first = w.seq;
	feed_exec(&w, KEY(3, 30, 1), OUTSIDE);
	feed_exec(&w, KEY(2, 20, 1), IN_A);
	second = w.seq;
	feed_exec(&w, KEY(4, 40, 1), OUTSIDE);
	assert_int_equal(fold_next_owed(w.fold), first);
	fold_is_journaled(w.fold, first);
	assert_int_equal(fold_next_owed(w.fold), first);
	fold_is_journaled(w.fold, second);
	assert_int_equal(fold_next_owed(w.fold), second);
	fold_is_journaled(w.fold, first); /* an older one says nothing new */
	assert_int_equal(fold_next_owed(w.fold), second);
	fold_is_journaled(w.fold, w.seq + 1);
	assert_int_equal(fold_next_owed(w.fold), fold_next_seq(w.fold));
	assert_int_equal(n_held(&w), 2);
	feed_exec(&w, KEY(5, 50, 1), IN_A);
	assert_int_equal(fold_next_owed(w.fold), w.seq);
	world_done(&w);
}

/* The log ends while they wait: what there is comes out, each container's in its order. */
static void test_log_ends(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	feed(&w, record_container('b', "shop", EVENT_CONTAINER_AWAITED));
	feed_exec(&w, KEY(2, 20, 1), IN_B);
	feed_exec(&w, KEY(1, 10, 1), IN_A);
	feed(&w, record_exit(KEY(1, 10, 1), NOBODY, 0));
	world_settle(&w);
	assert_int_equal(fold_end_waiting(w.fold, &w.batch), 0);
	assert_int_equal(w.batch.n, 3);
	assert_event(&w, 0, CALL_EXECVE, 1);
	assert_event(&w, 1, CALL_EXIT, 1);
	assert_event(&w, 2, CALL_EXECVE, 2);
	assert_str(container_text(image_container(w.batch.events[2].image), CONTAINER_NAME),
		   "shop");
	assert_int_equal(event_position(&w.batch.events[0]), fold_next_seq(w.fold));
	assert_int_equal(n_held(&w), 0);
	assert_int_equal(fold_end_waiting(w.fold, &w.batch), 0);
	assert_int_equal(w.batch.n, 3);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_its_own),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_awaited_twice),
		cmocka_unit_test(test_bound_of_one),
		cmocka_unit_test(test_same_log_same_events),
		cmocka_unit_test(test_log_ends),
		cmocka_unit_test(test_owed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
