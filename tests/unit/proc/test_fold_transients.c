/* SPDX-License-Identifier: Apache-2.0 */
/* A record that stands for those of processes that came and went. */
#include "proc/fold_state.h"

#include <errno.h>
#include <stdlib.h>

#include "event/decode.h"
#include "world.h"

static const struct image_key shell = { .pid = 50, .start_ns = 500, .exec_count = 3 };

static void feed_shell(struct world *w)
{
	world_feed(w, record_exec(&(struct exec_spec){
			      .id = shell, .parent = KEY(1, 1, 0), .filename = "/bin/sh" }));
}

static struct event_transients *record_transients(const struct event_stream_step *step,
						  const struct event_ended *ended)
{
	struct event_transients *e =
		record_new(EVENT_TRANSIENTS, sizeof(*e), sizeof(*step) + sizeof(*ended));

	e->head.cpu = EVENT_CPU_AGENT;
	e->n_steps = e->n_ended = 1;
	memcpy(e + 1, step, sizeof(*step));
	memcpy((char *)(e + 1) + sizeof(*step), ended, sizeof(*ended));
	return e;
}

/* The stream goes on behind them; what was lost among them is told, once. */
static void test_stream(void **state)
{
	static const struct event_ended ended = { .start_ns = 700, .tgid = 70 };
	struct event_stream_step step = {
		.last = { .generation = 1, .seq = 14, .lost_exit = 2, .time_ns = 40 },
		.n = 9,
	};
	struct event_exit *next = record_exit(KEY(71, 710, 4), NOBODY, 0);
	struct fold_losses losses;
	struct event_transients *e = record_transients(&step, &ended);
	struct event_fork *first;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	first = record_fork(KEY(60, 600, 3), shell, 0);
	first->head.seq = 1;
	world_feed(&w, first);
	/* 2 to 14: nine that were there, two lost exits, and two that nobody has read */
	assert_int_equal(fold_record(w.fold, e, e->head.size, w.seq += WORLD_STRIDE, &w.batch), 0);
	assert_int_equal(w.batch.n, 3); /* the fork, and a lost record for each reason */
	free(e);
	next->head.seq = 15;
	next->head.lost_exit = 2;
	world_feed(&w, next);
	fold_losses(w.fold, &losses);
	assert_int_equal(losses.exit, 2);
	assert_int_equal(losses.other, 2);
	assert_int_equal(losses.by_reason[LOSS_UNREADABLE], 2);
	world_done(&w);
}

/* What comes of them later is a twin. */
static void test_ended(void **state)
{
	static const struct event_ended gone = { .start_ns = 700, .tgid = 70 };
	const struct event_ended was_there = { .start_ns = shell.start_ns, .tgid = shell.pid };
	static const struct event_stream_step step = { .last.seq = 3, .n = 3 };
	struct event_transients *e = record_transients(&step, &gone);
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_shell(&w);
	e->head.seq = 90000;
	world_feed(&w, e);
	assert_int_equal(fold_next_seq(w.fold), 90001);
	world_feed(&w, record_transients(&step, &was_there));
	world_feed(&w, record_transients(&step, &gone));
	assert_int_equal(fold_next_seq(w.fold), 90001);
	assert_null(world_feed(&w, record_exit(KEY(70, 700, 4), NOBODY, 0)));
	assert_int_equal(world_counters(&w).twins, 1);
	assert_int_equal(world_counters(&w).processes, 0);
	assert_null(world_feed(&w, record_exit(shell, NOBODY, 0)));
	world_done(&w);
}

static bool has_trace(struct world *w, struct image_key key, uint64_t first)
{
	_cleanup_(freep) struct event_exit *e = record_exit(key, NOBODY, 0);

	return fold_has_trace(w->fold, e, first);
}

static void test_trace(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_shell(&w);
	assert_true(has_trace(&w, shell, 3)); /* lives */
	assert_false(has_trace(&w, KEY(70, 700, 4), 3));
	assert_false(has_trace(&w, KEY(70, 700, 0), 0));
	assert_true(has_trace(&w, KEY(70, 700, 2), 3));	  /* that cannot be */
	assert_true(has_trace(&w, KEY(70, 700, 900), 3)); /* too many to look for */
	world_feed(&w, record_fork(KEY(70, 700, 3), shell, 0));
	world_feed(&w, record_fork(KEY(71, 710, 3), KEY(70, 700, 3), 0));
	world_feed(&w, record_exec(&(struct exec_spec){
			       .id = KEY(70, 700, 4), .parent = shell, .filename = "/bin/true" }));
	world_feed(&w, record_exit(KEY(70, 700, 4), NOBODY, 0));
	world_settle(&w);
	assert_true(has_trace(&w, KEY(70, 700, 4), 3));
	assert_false(has_trace(&w, KEY(70, 700, 4), 4)); /* the image has no child that lives */
	world_feed(&w, record_exit(KEY(71, 710, 3), NOBODY, 0));
	world_settle(&w);
	assert_false(has_trace(&w, KEY(70, 700, 4), 3));
	world_done(&w);
}

static size_t await(void *ctx, const struct container_question *q, void *to, size_t size)
{
	_cleanup_(freep) struct event_container *e =
		record_container(q->id[0], "", EVENT_CONTAINER_AWAITED);

	(void)ctx;
	assert_true(e->head.size <= size);
	memcpy(to, e, e->head.size);
	return e->head.size;
}

/* An event that waits shows whomever it shows, in the next life as well. */
static void test_steady(void **state)
{
	const struct fold_hooks hooks = { .container = await };
	struct world w;

	(void)state;
	world_init(&w, NULL, &hooks);
	assert_true(fold_is_steady(w.fold));
	world_feed(&w, record_mark(EVENT_MARK_PASS_BEGIN));
	assert_false(fold_is_steady(w.fold));
	world_feed(&w, record_mark(EVENT_MARK_PASS_END));
	assert_true(fold_is_steady(w.fold));
	world_feed(&w, record_cgroup(2, 7,
				     "/docker/"
				     "5555555555555555555555555555555555555555555555555555555555"
				     "555555"));
	world_feed(&w, record_exec(&(struct exec_spec){ .id = shell,
							.parent = KEY(1, 1, 0),
							.filename = "/bin/sh",
							.cgroup = { .id = 7, .hierarchy = 2 } }));
	assert_true(fold_holds(w.fold));
	assert_false(fold_is_steady(w.fold));
	assert_int_equal(fold_end_waiting(w.fold, &w.batch), 0);
	assert_true(fold_is_steady(w.fold));
	world_done(&w);
}

/* What is refused has no effect. */
static void test_refused(void **state)
{
	static const struct event_stream_step step = { .last.seq = 3, .n = 3 };
	static const struct event_ended gone = { .start_ns = 700, .tgid = 70 };
	_cleanup_(freep) struct event_transients *e = record_transients(&step, &gone);
	const struct event_transients good = *e;

	(void)state;
	e->bytes = 616;
	assert_int_equal(record_check(e, e->head.size), 0);
	assert_ptr_equal(transients_ended(e) + 1, (const char *)e + e->head.size);
	e->bytes = 617;
	assert_int_equal(record_check(e, e->head.size), -EBADMSG);
	*e = good;
	e->head.cpu = 0; /* the kernel does not write it */
	assert_int_equal(record_check(e, e->head.size), -EBADMSG);
	*e = good;
	e->n_steps = UINT32_MAX;
	assert_int_equal(record_check(e, e->head.size), -EBADMSG);
	*e = good;
	e->n_ended++;
	assert_int_equal(record_check(e, e->head.size), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),	cmocka_unit_test(test_ended),
		cmocka_unit_test(test_trace),	cmocka_unit_test(test_steady),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
