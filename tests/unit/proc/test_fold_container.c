/* SPDX-License-Identifier: Apache-2.0 */
/* Containers in the log: asked for once, first, and told of again when more is known. */
#include "proc/container_id.h"
#include "world.h"

#define EIGHT(digit) digit digit digit digit digit digit digit digit
#define PATH_A "/docker/" EIGHT("aaaaaaaa")

static const struct image_key sh = { .start_ns = 1000, .exec_count = 5, .pid = 9 };

/* What the agent would answer, and what it was asked. */
struct oracle {
	const char *name; /* NULL: no answer */
	uint32_t bits;
	size_t n_asked, n_anew;
	char pod_uid[CONTAINER_POD_UID_MAX + 1]; /* that it was asked with */
	uint8_t heard[32];
	size_t n_heard;
};

static size_t oracle_container(void *ctx, const struct container_question *q, void *to, size_t size)
{
	struct oracle *o = ctx;
	_cleanup_(freep) struct event_container *e = NULL;

	o->n_asked++;
	o->n_anew += q->is_anew;
	assert_true(q->pod_uid.n < sizeof(o->pod_uid));
	memcpy(o->pod_uid, q->pod_uid.p, q->pod_uid.n);
	o->pod_uid[q->pod_uid.n] = '\0';
	if (!o->name)
		return 0;
	e = record_container(q->id[0], o->name, o->bits);
	assert_true(e->head.size <= size);
	memcpy(to, e, e->head.size);
	return e->head.size;
}

static void oracle_tap(void *ctx, const struct event_head *record)
{
	struct oracle *o = ctx;

	assert_true(o->n_heard < ARRAY_SIZE(o->heard));
	o->heard[o->n_heard++] = record->type;
}

static void begin(struct world *w, struct oracle *o)
{
	struct fold_hooks hooks = { .container = oracle_container, .tap = oracle_tap, .ctx = o };

	world_init(w, NULL, &hooks);
}

static const struct event *feed_exec(struct world *w, struct image_key id)
{
	return world_feed(
		w, record_exec(&(struct exec_spec){ .id = id,
						    .parent = KEY(0, 0, id.exec_count - 1),
						    .filename = "/bin/sh",
						    .cgroup = { .id = 7, .hierarchy = 2 } }));
}

static const struct event *feed_cgroup(struct world *w)
{
	return world_feed(w, record_cgroup(2, 7, PATH_A));
}

/* When its control group is made, before anything runs in it; and the answer stands before that. */
static void test_asked_for_first(void **state)
{
	static const uint8_t order[] = { EVENT_CONTAINER, EVENT_CGROUP, EVENT_EXEC };
	struct oracle o = { .name = "web", .bits = EVENT_CONTAINER_COMPLETE };
	const struct event *ev;
	struct world w;

	(void)state;
	begin(&w, &o);
	assert_null(feed_cgroup(&w));
	ev = feed_exec(&w, sh);
	assert_non_null(ev);
	assert_str(container_text(image_container(ev->image), CONTAINER_NAME), "web");
	assert_int_equal(o.n_asked, 1);
	assert_int_equal(o.n_heard, ARRAY_SIZE(order));
	assert_memory_equal(o.heard, order, sizeof(order));
	world_done(&w);
}

/* Nobody answers, or answers something else: nothing waits. */
static void test_no_answer(void **state)
{
	struct oracle o = { 0 };
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_cgroup(&w);
	assert_non_null(feed_exec(&w, sh));
	assert_true(o.n_asked >= 1);
	world_done(&w);
}

/* Nobody knew of it when its group was made: asked once more, before its first event. */
static void test_asked_again_before_the_first_event(void **state)
{
	struct oracle o = { .name = "", .bits = 0 };
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_cgroup(&w);
	assert_int_equal(o.n_asked, 1);
	o.name = "web";
	o.bits = CONTAINER_IS_KNOWN;
	assert_str(container_text(image_container(feed_exec(&w, sh)->image), CONTAINER_NAME),
		   "web");
	assert_int_equal(o.n_asked, 2);
	feed_exec(&w, KEY(10, 1000, 6));
	assert_int_equal(o.n_asked, 2);
	world_done(&w);
}

static void count(void *ctx, const struct container *c)
{
	size_t *n = ctx;

	n[c->id[0] == 'a']++;
}

static void count_group(void *ctx, const struct cgroup *cgroup)
{
	(void)cgroup;
	((size_t *)ctx)[false]++;
}

/* Another group of its own begins it anew; the same once more, or one below it, does not. */
static void test_started_again(void **state)
{
	struct oracle o = { .name = "web", .bits = EVENT_CONTAINER_COMPLETE };
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_cgroup(&w);
	feed_exec(&w, sh);
	feed_cgroup(&w);
	world_feed(&w, record_cgroup(2, 8, PATH_A "/child"));
	assert_int_equal(o.n_asked, 1);
	o.name = "shop";
	world_feed(&w, record_cgroup(2, 9, PATH_A));
	assert_int_equal(o.n_asked, 2);
	assert_int_equal(o.n_anew, 1);
	world_feed(&w, record_cgroup(5, 9, PATH_A));
	assert_int_equal(o.n_asked, 2);
	assert_str(container_text(image_container(feed_exec(&w, KEY(10, 1000, 6))->image),
				  CONTAINER_NAME),
		   "shop");
	world_done(&w);
}

/* A group that has gone takes its container with it, unless another one or a process shows it. */
static void test_gone(void **state)
{
	struct event_cgroup_made *gone;
	char id[CONTAINER_ID_LEN];
	size_t cursor = 0, n[2] = { 0 };
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	memset(id, 'a', sizeof(id));
	feed_cgroup(&w);
	world_feed(&w, record_cgroup(5, 9, PATH_A));
	fold_each_container(w.fold, count, n);
	assert_int_equal(n[true], 1);
	for (int i = 0; i < 2; i++) {
		assert_true(fold_knows_container(w.fold, id));
		gone = record_cgroup(i ? 5 : 2, i ? 9 : 7, "");
		gone->head.cpu = EVENT_CPU_AGENT;
		world_feed(&w, gone);
	}
	assert_false(fold_knows_container(w.fold, id));
	fold_each_container_group(w.fold, &cursor, 1024, count_group, n);
	assert_int_equal(n[false], 0);
	assert_int_equal(cursor, 0);
	world_done(&w);
}

/* The pod is asked with, and known whatever is answered; each time that it is asked for. */
static void test_pod_by_its_group(void **state)
{
	static const char *const uids[] = { "5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a",
					    "8a1d0c9b7e6f5a4b3c2d1e0f9a8b7c6d" };
	struct oracle o = { 0 };
	char path[160];
	struct world w;

	(void)state;
	begin(&w, &o);
	snprintf(path, sizeof(path), "/kubepods/pod%s/" EIGHT("aaaaaaaa"), uids[0]);
	world_feed(&w, record_cgroup(2, 7, path));
	assert_string_equal(o.pod_uid, uids[0]);
	o.pod_uid[0] = '\0';
	assert_true(
		str_eq(container_text(image_container(feed_exec(&w, sh)->image), CONTAINER_POD_UID),
		       str_from(uids[0])));
	assert_int_equal(o.n_asked, 2);
	assert_string_equal(o.pod_uid, uids[0]);
	/* another one with its id, in another pod */
	snprintf(path, sizeof(path), "/kubepods/pod%s/" EIGHT("aaaaaaaa"), uids[1]);
	world_feed(&w, record_cgroup(2, 9, path));
	assert_int_equal(o.n_anew, 1);
	assert_string_equal(o.pod_uid, uids[1]);
	assert_true(str_eq(container_text(image_container(feed_exec(&w, KEY(10, 1000, 6))->image),
					  CONTAINER_POD_UID),
			   str_from(uids[1])));
	world_done(&w);
}

static void test_a_replay_asks_nobody(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_cgroup(&w);
	world_feed(&w, record_container('a', "", EVENT_CONTAINER_AWAITED));
	assert_null(feed_exec(&w, sh));
	assert_non_null(world_feed(&w, record_container('a', "web", EVENT_CONTAINER_COMPLETE)));
	world_done(&w);
}

/* What comes after events went out is an event, once; what was complete is told of no more. */
static void test_late_facts(void **state)
{
	struct oracle o = { .name = "", .bits = 0 };
	const struct event *ev;
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_cgroup(&w);
	assert_null(world_feed(&w, record_container('a', "early", 0))); /* nothing went out yet */
	feed_exec(&w, sh);
	ev = world_feed(&w, record_container('a', "web", 0));
	assert_non_null(ev);
	assert_int_equal(ev->call, CALL_CONTAINER);
	assert_null(ev->image);
	assert_str(container_text(ev->container, CONTAINER_NAME), "web");
	assert_null(world_feed(&w, record_container('a', "web", 0)));
	ev = world_feed(&w, record_container('a', "shop", EVENT_CONTAINER_COMPLETE));
	assert_int_equal(ev->call, CALL_CONTAINER);
	assert_null(world_feed(&w, record_container('a', "other", EVENT_CONTAINER_COMPLETE)));
	/* a snapshot's event is one that went out */
	world_settle(&w);
	world_feed(&w, record_container('a', "other", 0));
	assert_int_equal(fold_each_living(w.fold, 1, 1, &w.batch), 0);
	assert_int_equal(world_feed(&w, record_container('a', "last", 0))->call, CALL_CONTAINER);
	world_done(&w);
}

static void test_listing(void **state)
{
	struct oracle o = { .name = "", .bits = EVENT_CONTAINER_AWAITED };
	char id[CONTAINER_ID_LEN];
	struct hold_counters counters;
	uint64_t since;
	size_t n[2] = { 0 };
	struct world w;

	(void)state;
	begin(&w, &o);
	assert_false(fold_waits_longest(w.fold, id, &since));
	feed_cgroup(&w);
	world_feed(&w, record_container('b', "known", EVENT_CONTAINER_COMPLETE));
	fold_each_container(w.fold, count, n);
	assert_int_equal(n[false], 1);
	assert_int_equal(n[true], 1);
	assert_true(fold_waits_longest(w.fold, id, &since));
	assert_int_equal(id[0], 'a');
	assert_true(fold_waits_for(w.fold, id));
	memset(id, 'b', sizeof(id));
	assert_false(fold_waits_for(w.fold, id));
	memset(id, 'c', sizeof(id));
	assert_false(fold_waits_for(w.fold, id));
	feed_exec(&w, sh);
	fold_hold_counters(w.fold, &counters);
	assert_int_equal(counters.now, 1);
	assert_int_equal(counters.containers, 1);
	world_done(&w); /* and what is held goes with the fold */
}

#define OWN 4026532177 /* the container's mount namespace */

static void feed_found(struct world *w, struct image_key id, struct image_key parent,
		       uint16_t flags)
{
	const struct exec_spec spec = { .id = id,
					.parent = parent,
					.flags = flags,
					.exe = "/bin/sh",
					.cgroup = { .id = 7, .hierarchy = 2, .mnt_ns = OWN } };

	world_feed(w, record_process(&spec, "sh"));
}

static void assert_exit_marks(struct world *w, struct image_key id, uint32_t want)
{
	const struct event *ev = world_feed(w, record_exit(id, NOBODY, 0));

	assert_non_null(ev);
	assert_int_equal(ev->image->flags & (IMAGE_ENTRY | IMAGE_ENTERED), want);
}

/* Numbers of processes begin anew: the iterator finds children before parents, late ones first. */
static void test_marks_of_who_is_found(void **state)
{
	static const struct image_key shim = { .pid = 90, .start_ns = 900, .exec_count = 3 };
	static const struct image_key entry = { .pid = 300, .start_ns = 1000, .exec_count = 4 };
	static const struct image_key shell = { .pid = 200, .start_ns = 2000, .exec_count = 4 };
	static const struct image_key child = { .pid = 120, .start_ns = 1500, .exec_count = 5 };
	static const struct image_key tool = { .pid = 110, .start_ns = 3000, .exec_count = 5 };
	static const struct image_key orphan = { .pid = 400, .start_ns = 4000, .exec_count = 6 };
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_cgroup(&w);
	world_feed(&w, record_mark(EVENT_MARK_PASS_BEGIN));
	world_feed(&w,
		   record_process(&(struct exec_spec){ .id = shim, .exe = "/bin/shim" }, "shim"));
	feed_found(&w, tool, shell, 0);
	feed_found(&w, child, entry, 0);
	feed_found(&w, shell, KEY(90, 900, 9), EVENT_F_ADOPTED);
	feed_found(&w, entry, KEY(90, 900, 8), EVENT_F_ADOPTED);
	feed_found(&w, orphan, KEY(300, 1000, 7), EVENT_F_ADOPTED);
	world_feed(&w, record_mark(EVENT_MARK_PASS_END));
	world_feed(&w, record_fork(KEY(500, 5000, 5), tool, 0));
	assert_exit_marks(&w, tool, IMAGE_ENTERED);
	assert_exit_marks(&w, child, 0);
	assert_exit_marks(&w, orphan, 0);
	assert_exit_marks(&w, shell, IMAGE_ENTERED);
	assert_exit_marks(&w, entry, IMAGE_ENTRY);
	world_done(&w);
}

/*
 * The agent starts beside `sh -c 'tool & exec next'`, which is older. What of it is seen live, and
 * what the pass finds, is chance; so is in which order.
 */
static const struct image_key old_shim = { .pid = 90, .start_ns = 100, .exec_count = 3 };
static const struct image_key old_shell = { .pid = 200, .start_ns = 500, .exec_count = 5 };
static const struct image_key old_next = { .pid = 200, .start_ns = 500, .exec_count = 6 };
static const struct image_key old_tool = { .pid = 210, .start_ns = 1500, .exec_count = 6 };
static const struct event_cgroup inside = { .id = 7, .hierarchy = 2, .mnt_ns = OWN };

static void begin_ring_at_1000(struct world *w)
{
	struct event_mark *e = record_mark(EVENT_MARK_RING_BEGIN);

	world_init(w, NULL, NULL);
	feed_cgroup(w);
	e->head.time_ns = 1000;
	world_feed(w, e);
	world_feed(w, record_mark(EVENT_MARK_PASS_BEGIN));
}

static const struct event *exec_inside(struct world *w, struct image_key id,
				       struct image_key parent)
{
	return world_feed(
		w, record_exec(&(struct exec_spec){
			   .id = id, .parent = parent, .filename = "/bin/sh", .cgroup = inside }));
}

static void fork_inside(struct world *w)
{
	struct event_fork *e = record_fork(KEY(210, 1500, 5), old_shell, 0);

	e->cgroup = inside;
	world_feed(w, e);
}

static void end_pass(struct world *w)
{
	world_feed(w, record_process(&(struct exec_spec){ .id = old_shim, .exe = "/bin/shim" },
				     "shim"));
	world_feed(w, record_mark(EVENT_MARK_PASS_END));
}

static void assert_next_is_entry(struct world *w)
{
	assert_exit_marks(w, old_next, IMAGE_ENTRY);
	world_done(w);
}

/* The exec of the one, then that of the other, whose parent is gone by then. */
static void test_execs_beside_the_start(void **state)
{
	const struct event *ev;
	struct world w;

	(void)state;
	begin_ring_at_1000(&w);
	exec_inside(&w, old_next, KEY(90, 100, 3));
	ev = exec_inside(&w, old_tool, old_shell);
	assert_int_equal(ev->image->flags & (IMAGE_ENTRY | IMAGE_ENTERED), 0);
	end_pass(&w);
	assert_exit_marks(&w, old_tool, 0);
	assert_next_is_entry(&w);
}

static void test_execs_the_other_way_round(void **state)
{
	struct world w;

	(void)state;
	begin_ring_at_1000(&w);
	exec_inside(&w, old_tool, old_shell);
	exec_inside(&w, old_next, KEY(90, 100, 3));
	end_pass(&w);
	assert_exit_marks(&w, old_tool, 0);
	assert_next_is_entry(&w);
}

/* A clone of whom the pass finds in a later image; it may have ended before that. */
static void test_clone_beside_the_start(void **state)
{
	(void)state;
	for (int has_ended = 0; has_ended < 2; has_ended++) {
		struct world w;

		begin_ring_at_1000(&w);
		fork_inside(&w);
		if (has_ended)
			world_feed(&w, record_exit(KEY(210, 1500, 5), NOBODY, 0));
		feed_found(&w, old_next, old_shim, 0);
		end_pass(&w);
		if (!has_ended)
			assert_exit_marks(&w, KEY(210, 1500, 5), 0);
		assert_next_is_entry(&w);
	}
}

/* Somebody older than the container goes into it while the agent looks on. */
static void test_older_than_the_container(void **state)
{
	static const struct image_key entry = { .pid = 300, .start_ns = 2000, .exec_count = 4 };
	static const struct image_key worker = { .pid = 91, .start_ns = 600, .exec_count = 3 };
	static const struct image_key gone_in = { .pid = 91, .start_ns = 600, .exec_count = 4 };
	struct world w;

	(void)state;
	begin_ring_at_1000(&w);
	world_feed(&w, record_process(&(struct exec_spec){ .id = worker,
							   .parent = old_shim,
							   .flags = EVENT_F_NEVER_EXEC,
							   .exe = "/bin/shim" },
				      "shim"));
	end_pass(&w);
	exec_inside(&w, entry, old_shim);
	exec_inside(&w, gone_in, old_shim);
	world_feed(&w, record_mark(EVENT_MARK_PASS_BEGIN));
	feed_found(&w, entry, old_shim, 0);
	feed_found(&w, gone_in, old_shim, 0);
	end_pass(&w);
	assert_exit_marks(&w, entry, IMAGE_ENTRY);
	assert_exit_marks(&w, gone_in, IMAGE_ENTERED);
	world_done(&w);
}

/* Seen outside, it is not taken for who was there first. */
static void test_older_and_seen_outside(void **state)
{
	static const struct image_key entry = { .pid = 300, .start_ns = 2000, .exec_count = 4 };
	struct world w;

	(void)state;
	begin_ring_at_1000(&w);
	exec_inside(&w, entry, old_shim);
	world_feed(&w, record_exec(&(struct exec_spec){
			       .id = old_shell, .parent = old_shim, .filename = "/bin/nsenter" }));
	exec_inside(&w, old_next, old_shim);
	end_pass(&w);
	assert_exit_marks(&w, entry, IMAGE_ENTRY);
	assert_exit_marks(&w, old_next, IMAGE_ENTERED);
	world_done(&w);
}

/* Who stays in the runtime's namespaces is not where its forker has gone since. */
static void test_forker_has_gone_in(void **state)
{
	static const struct image_key entry = { .pid = 300, .start_ns = 400, .exec_count = 4 };
	struct event_fork *stays = record_fork(KEY(210, 1500, 5), old_shell, 0);
	struct world w;

	(void)state;
	stays->cgroup = (struct event_cgroup){ .id = 7, .hierarchy = 2, .mnt_ns = OWN + 1 };
	begin_ring_at_1000(&w);
	feed_found(&w, entry, old_shim, 0);
	exec_inside(&w, old_next, old_shim);
	world_feed(&w, stays);
	exec_inside(&w, old_tool, old_shell);
	end_pass(&w);
	assert_exit_marks(&w, old_tool, IMAGE_ENTERED);
	assert_exit_marks(&w, old_next, IMAGE_ENTERED);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_for_first),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_asked_again_before_the_first_event),
		cmocka_unit_test(test_started_again),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_pod_by_its_group),
		cmocka_unit_test(test_a_replay_asks_nobody),
		cmocka_unit_test(test_late_facts),
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_marks_of_who_is_found),
		cmocka_unit_test(test_execs_beside_the_start),
		cmocka_unit_test(test_execs_the_other_way_round),
		cmocka_unit_test(test_clone_beside_the_start),
		cmocka_unit_test(test_older_than_the_container),
		cmocka_unit_test(test_older_and_seen_outside),
		cmocka_unit_test(test_forker_has_gone_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
