/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pass makes of a table that has missed something: who is gone ends, who lives stays, and
 * nobody gets a parent that is not his.
 */
#include "history.h"

static const struct image_key shell = { .pid = 20, .start_ns = 2000, .exec_count = 4 };
static const struct image_key child = { .pid = 21, .start_ns = 2100, .exec_count = 4 };

static struct event_process *visit(struct image_key key, uint32_t live)
{
	struct event_process *e =
		record_process(&(struct exec_spec){ .id = key, .exe = "/bin/x" }, "x");

	e->live = live;
	return e;
}

static const struct event *feed_exec(struct world *w, struct image_key id)
{
	return world_feed(
		w, record_exec(&(struct exec_spec){ .id = id, .filename = "/bin/sh", .cwd = "/" }));
}

static void begin(struct world *w)
{
	assert_null(world_feed(w, record_mark(EVENT_MARK_PASS_BEGIN)));
}

/* At most one event; more would fail within. */
static const struct event *end(struct world *w)
{
	struct event_mark *mark = record_mark(EVENT_MARK_PASS_END);

	mark->head.time_ns = 777;
	return world_feed(w, mark);
}

/* Its exit was lost; the record that comes late after all is a twin. */
static void test_inferred(void **state)
{
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_clock(1000));
	feed_exec(&w, shell);
	begin(&w);
	ev = end(&w);
	assert_non_null(ev);
	assert_int_equal(ev->call, CALL_EXIT);
	assert_null(ev->exit);
	assert_key(ev->image, shell);
	assert_int_equal(ev->tid, 20);
	assert_int_equal(ev->boot_ns, 777);
	assert_int_equal(ev->time_ns, 1777);
	assert_int_equal(world_counters(&w).processes, 0);
	assert_null(world_feed(&w, record_exit(shell, NOBODY, 0)));
	assert_int_equal(world_counters(&w).twins, 1);
	world_done(&w);
}

/* Nobody was told of it: the first pass before the programs ran, and it went in between. */
static void test_untold(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, visit(shell, 1));
	begin(&w);
	world_feed(&w, visit(child, 1));
	assert_null(end(&w));
	assert_int_equal(world_counters(&w).processes, 1);
	/* The one that stayed was told of by that pass. */
	begin(&w);
	assert_key(end(&w)->image, child);
	assert_int_equal(world_counters(&w).processes, 0);
	world_done(&w);
}

static void test_order(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	for (uint32_t i = 0; i < 20; i++)
		feed_exec(&w, KEY(100 - i, 1000 + i * 7 % 20, 1));
	begin(&w);
	world_settle(&w);
	w.records[w.n_records] = record_mark(EVENT_MARK_PASS_END);
	assert_int_equal(fold_record(w.fold, w.records[w.n_records], sizeof(struct event_mark), 1,
				     &w.batch),
			 0);
	w.n_records++;
	assert_int_equal(w.batch.n, 20);
	for (size_t i = 1; i < 20; i++)
		assert_true(image_key_cmp(&w.batch.events[i - 1].image->key,
					  &w.batch.events[i].image->key) < 0);
	world_done(&w);
}

/* On its way out: this pass leaves it, its own exit may come; the next one does not. */
static void test_dying(void **state)
{
	struct world w;

	(void)state;
	for (int way = 0; way < 4; way++) {
		world_init(&w, NULL, NULL);
		feed_exec(&w, shell);
		begin(&w);
		world_feed(&w, visit(shell, 0));
		world_feed(&w, visit(shell, 0)); /* the iterator tried again */
		assert_null(end(&w));
		assert_true(fold_wants_pass(w.fold));
		if (way == 3) {
			assert_non_null(world_feed(&w, record_exit(shell, NOBODY, 0))->exit);
			assert_false(fold_wants_pass(w.fold));
			world_done(&w);
			continue;
		}
		begin(&w);
		if (way)
			world_feed(&w, visit(shell, way == 2));
		if (way == 2)
			assert_null(end(&w)); /* it lives, whatever it looked like */
		else
			assert_null(end(&w)->exit);
		assert_false(fold_wants_pass(w.fold));
		world_done(&w);
	}
}

/* A dying process that the table does not know is nobody's business. */
static void test_dying_unknown(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	begin(&w);
	world_feed(&w, visit(shell, 0));
	assert_null(end(&w));
	assert_false(fold_wants_pass(w.fold));
	assert_int_equal(world_counters(&w).processes, 0);
	world_done(&w);
}

/* What comes during the pass needs no visit: the iterator may have gone past it. */
static void test_born_within(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_exec(&w, shell);
	begin(&w);
	world_feed(&w, record_fork(child, shell, 0));
	feed_exec(&w, KEY(20, 2000, 5));
	feed_exec(&w, KEY(22, 2200, 5));
	assert_null(end(&w));
	assert_int_equal(world_counters(&w).processes, 3);
	world_done(&w);
}

/* The iterator's own records were lost: who was not seen may have been among them. */
static void test_void(void **state)
{
	struct event_process *e;
	struct world w;

	(void)state;
	for (int way = 0; way < 2; way++) {
		world_init(&w, NULL, NULL);
		feed_exec(&w, shell);
		begin(&w);
		e = visit(child, 1);
		e->head.seq = 2;
		e->head.lost_other = way ? 1 : 0; /* not even the counters say why */
		world_feed(&w, e);
		assert_null(end(&w));
		assert_true(fold_wants_pass(w.fold));
		begin(&w);
		assert_false(fold_wants_pass(w.fold));
		world_feed(&w, visit(child, 1));
		assert_key(end(&w)->image, shell);
		world_done(&w);
	}
}

static void test_wants(void **state)
{
	static const struct {
		uint32_t exec, exit, fork, other;
		bool wants;
	} cases[] = {
		{ 0, 0, 0, 0, false }, { 1, 0, 0, 0, true },  { 0, 1, 0, 0, true },
		{ 0, 0, 1, 0, true },  { 0, 0, 0, 1, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_stream *e =
			record_stream(1, 0, cases[i].exec, cases[i].exit, cases[i].fork);
		struct world w;

		world_init(&w, NULL, NULL);
		e->head.lost_other = cases[i].other;
		assert_false(fold_wants_pass(w.fold));
		world_feed(&w, e);
		assert_int_equal(fold_wants_pass(w.fold), cases[i].wants);
		begin(&w);
		assert_false(fold_wants_pass(w.fold));
		world_feed(&w, record_stream(1, 0, 9, 9, 9)); /* within: the next one has to */
		end(&w);
		assert_true(fold_wants_pass(w.fold));
		world_done(&w);
	}
}

static void count_key(void *ctx, const struct image_key *key)
{
	uint64_t *sum = ctx;

	*sum += key->pid;
}

static uint64_t unseen(const struct world *w)
{
	uint64_t sum = 0;

	fold_each_unseen(w->fold, count_key, &sum);
	return sum;
}

static void test_unseen(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_exec(&w, shell);
	feed_exec(&w, child);
	assert_int_equal(unseen(&w), 0); /* no pass */
	begin(&w);
	assert_int_equal(unseen(&w), 20 + 21);
	world_feed(&w, visit(child, 1));
	assert_int_equal(unseen(&w), 20);
	world_feed(&w, visit(shell, 0));
	assert_int_equal(unseen(&w), 0);
	end(&w);
	assert_int_equal(unseen(&w), 0);
	assert_null(end(&w)); /* an end without a beginning ends nobody */
	assert_int_equal(world_counters(&w).processes, 2);
	world_done(&w);
}

/* Declared ended, and yet it acts, or is seen: it lives, and ends once more. */
static void test_revived(void **state)
{
	const struct event *ev;
	struct world w;

	(void)state;
	for (int way = 0; way < 2; way++) {
		world_init(&w, NULL, NULL);
		feed_exec(&w, shell);
		world_feed(&w, record_fork(child, shell, 0)); /* holds the image */
		begin(&w);
		world_feed(&w, visit(child, 1));
		assert_non_null(end(&w));
		if (way) {
			ev = feed_exec(&w, KEY(20, 2000, 5));
			assert_key(ev->image->parent, shell);
		} else {
			begin(&w);
			world_feed(&w, visit(child, 1));
			world_feed(&w, visit(shell, 1));
			assert_null(end(&w));
		}
		assert_int_equal(world_counters(&w).processes, 2);
		assert_non_null(
			world_feed(&w, record_exit(KEY(20, 2000, 4 + (uint64_t)way), NOBODY, 0)));
		/* Whose end was seen does not come back. */
		assert_null(feed_exec(&w, KEY(20, 2000, 6)));
		assert_null(world_feed(&w, visit(shell, 1)));
		assert_int_equal(world_counters(&w).processes, 1);
		world_done(&w);
	}
}

static void test_kthread(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_process(&(struct exec_spec){ .id = shell, .flags = EVENT_F_KTHREAD },
				      "kworker"));
	begin(&w);
	world_feed(&w, visit(shell, 1));
	end(&w);
	begin(&w);
	assert_null(end(&w));
	assert_int_equal(world_counters(&w).processes, 0);
	world_done(&w);
}

/* What came out of a history: delivered events, losses told of, inferred ends. */
struct outcome {
	uint64_t exec, exit, fork, lost_exec, lost_exit, lost_fork, inferred;
};

static void settle(struct world *w, struct outcome *o)
{
	for (size_t i = 0; i < w->batch.n; i++) {
		const struct event *ev = &w->batch.events[i];

		o->exec += ev->call == CALL_EXECVE;
		o->fork += ev->call == CALL_CLONE;
		o->exit += ev->call == CALL_EXIT && ev->exit;
		o->inferred += ev->call == CALL_EXIT && !ev->exit;
		if (ev->call != CALL_LOST)
			continue;
		assert_true(ev->loss->is_counted && ev->loss->reason == LOSS_RING_FULL);
		assert_true(ev->loss->since_ns <= ev->loss->until_ns);
		assert_int_equal(ev->loss->other, 0);
		o->lost_exec += ev->loss->exec;
		o->lost_exit += ev->loss->exit;
		o->lost_fork += ev->loss->fork;
	}
	world_settle(w);
}

static void feed(struct world *w, struct outcome *o, void *record)
{
	if (!record)
		return;
	w->records[w->n_records++] = record;
	assert_int_equal(fold_record(w->fold, record, ((struct event_head *)record)->size,
				     w->seq += WORLD_STRIDE, &w->batch),
			 0);
	if (w->n_records == 17)
		settle(w, o);
}

/* What the agent's timer does: the losses behind which no record came. */
static void feed_tail(struct world *w, struct outcome *o, const struct history *h)
{
	for (uint16_t i = 0; i < HISTORY_CPUS; i++)
		feed(w, o,
		     record_stream(1, i, h->cpus[i].lost_exec, h->cpus[i].lost_exit,
				   h->cpus[i].lost_fork));
}

/* One pass over a machine that goes on, and loses records, unless it is quiet. */
static void feed_pass(struct world *w, struct outcome *o, struct history *h, bool is_quiet)
{
	feed(w, o, record_mark(EVENT_MARK_PASS_BEGIN));
	for (size_t i = 0; i < HISTORY_PROCESSES; i++) {
		if (h->actors[i].is_alive)
			feed(w, o, history_visit(h, &h->actors[i]));
		if (!is_quiet)
			feed(w, o, history_next(h));
	}
	feed(w, o, record_mark(EVENT_MARK_PASS_END));
	settle(w, o);
}

/* Where nothing was lost, every parent is known. */
static void assert_truth(const struct world *w, const struct history *h, bool is_whole)
{
	size_t n = 0;

	for (size_t i = 0; i < HISTORY_PROCESSES; i++) {
		const struct actor *a = &h->actors[i];
		const struct process *p =
			table_lookup(&w->fold->table, a->key.pid, a->key.start_ns);

		if (!a->is_alive) {
			assert_null(p);
			continue;
		}
		n++;
		assert_non_null(p);
		assert_key(p->image, a->key);
		if (p->image->parent || (is_whole && i != HISTORY_INIT))
			assert_key(p->image->parent, a->parent);
	}
	assert_int_equal(world_counters(w).processes, n);
}

/*
 * A history with losses, passes in its midst, and one when all is quiet: then the table is what the
 * machine is, every record was delivered or is told to be missing, and each process whose beginning
 * was told of has one end.
 */
static void go_through(uint64_t seed)
{
	struct outcome o = { 0 };
	struct history h;
	struct world w;
	bool is_whole;

	world_init(&w, NULL, NULL);
	history_init(&h, seed);
	h.loss_percent = (uint32_t)(seed % 5) * 20;
	is_whole = !h.loss_percent;
	feed_pass(&w, &o, &h, true);
	for (size_t i = 0; i < 400; i++) {
		feed(&w, &o, history_next(&h));
		if (!history_random(&h, 150))
			feed_pass(&w, &o, &h, false);
	}
	feed_tail(&w, &o, &h);
	if (!is_whole)
		assert_true(fold_wants_pass(w.fold));
	feed_pass(&w, &o, &h, true);
	assert_false(fold_wants_pass(w.fold));
	assert_truth(&w, &h, is_whole);
	assert_int_equal(o.fork + o.lost_fork, h.generated.fork);
	assert_int_equal(o.exec + o.lost_exec, h.generated.exec);
	assert_int_equal(o.exit + o.lost_exit, h.generated.exit);
	assert_true(o.inferred <= o.lost_exit);
	if (is_whole)
		assert_int_equal(o.inferred + o.lost_exit + o.lost_exec + o.lost_fork, 0);
	assert_int_equal(world_counters(&w).twins, 0);
	/* And it goes on from there. */
	h.loss_percent = 0;
	for (size_t i = 0; i < 100; i++)
		feed(&w, &o, history_next(&h));
	settle(&w, &o);
	assert_truth(&w, &h, is_whole);
	assert_false(fold_wants_pass(w.fold));
	world_done(&w);
}

static void test_histories(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++)
		go_through(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inferred),      cmocka_unit_test(test_untold),
		cmocka_unit_test(test_order),	      cmocka_unit_test(test_dying),
		cmocka_unit_test(test_dying_unknown), cmocka_unit_test(test_born_within),
		cmocka_unit_test(test_void),	      cmocka_unit_test(test_wants),
		cmocka_unit_test(test_unseen),	      cmocka_unit_test(test_revived),
		cmocka_unit_test(test_kthread),	      cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
