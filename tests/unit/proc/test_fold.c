/* SPDX-License-Identifier: Apache-2.0 */
/* The way into the fold: refusals, facts of the agent, what it asks for, losses, limits. */
#include <errno.h>

#include "world.h"

static const struct image_key sh = { .pid = 10, .start_ns = 1000, .exec_count = 5 };
static const char id_a[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/*
 * Answers for uid 1 and control group 7 of hierarchy 2; notes what was asked, and what the tap
 * heard.
 */
struct oracle {
	unsigned int n_user, n_cgroup, n_container;
	const void *bad; /* an answer that is given instead, of so many bytes */
	size_t bad_size;
	unsigned int n_heard;
	uint8_t heard[32]; /* types */
};

static size_t answer(void *to, size_t size, void *record)
{
	size_t n = ((struct event_head *)record)->size;

	assert_true(n <= size);
	memcpy(to, record, n);
	free(record);
	return n;
}

static size_t oracle_need(void *ctx, enum need need, uint64_t key, uint32_t hierarchy, void *to,
			  size_t size)
{
	struct oracle *o = ctx;

	if (need == NEED_USER)
		o->n_user++;
	else
		o->n_cgroup++;
	if (o->bad) {
		memcpy(to, o->bad, o->bad_size);
		return o->bad_size;
	}
	if (need == NEED_USER)
		return key == 1 ? answer(to, size, record_user(1, "daemon")) : 0;
	return key == 7 && hierarchy == 2
		       ? answer(to, size,
				record_cgroup(2, 7,
					      "/docker/0123456789abcdef0123456789"
					      "abcdef0123456789abcdef0123456789"
					      "abcdef"))
		       : 0;
}

static size_t oracle_container(void *ctx, const struct container_question *q, void *to, size_t size)
{
	(void)q;
	(void)to;
	(void)size;
	((struct oracle *)ctx)->n_container++;
	return 0;
}

static void oracle_tap(void *ctx, const struct event_head *record)
{
	struct oracle *o = ctx;

	assert_true(o->n_heard < ARRAY_SIZE(o->heard));
	o->heard[o->n_heard++] = record->type;
}

static struct fold_hooks hooks_of(struct oracle *o)
{
	return (struct fold_hooks){ .need = oracle_need, .tap = oracle_tap, .ctx = o };
}

static const struct event *feed_exec(struct world *w, struct image_key id, uint32_t euid,
				     uint64_t cgroup)
{
	return world_feed(
		w, record_exec(&(struct exec_spec){ .id = id,
						    .parent = KEY(0, 0, id.exec_count - 1),
						    .euid = euid,
						    .filename = "/bin/sh",
						    .cgroup = { .id = cgroup, .hierarchy = 2 } }));
}

/* What is not known is asked for, once, and folded and recorded first. */
static void test_needs(void **state)
{
	static const uint8_t order[] = { EVENT_USER, EVENT_CGROUP, EVENT_EXEC, EVENT_EXEC };
	struct oracle o = { 0 };
	struct fold_hooks hooks = hooks_of(&o);
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, &hooks);
	ev = feed_exec(&w, sh, 1, 7);
	assert_str(ev->image->user->name, "daemon");
	assert_memory_equal(ev->image->cgroup->container->id, id_a, 64);
	feed_exec(&w, KEY(10, 1000, 6), 1, 7);
	assert_int_equal(o.n_user, 1);
	assert_int_equal(o.n_cgroup, 1);
	assert_int_equal(o.n_heard, ARRAY_SIZE(order));
	assert_memory_equal(o.heard, order, sizeof(order));
	world_done(&w);
}

/* An owner of whom nothing was left to ask is asked for again when the table has lost him. */
static void test_needs_again(void **state)
{
	struct proc_limits limits = proc_limits_default;
	struct oracle o = { 0 };
	struct fold_hooks hooks = hooks_of(&o);
	const struct event *ev;
	struct world w;

	(void)state;
	limits.max_users = 1;
	world_init(&w, &limits, &hooks);
	for (uint32_t i = 0; i < 3; i++)
		feed_exec(&w, KEY(10, 1000, 5 + i), 1, 0);
	assert_int_equal(o.n_user, 1);
	world_feed(&w, record_user(50, "other"));
	world_settle(&w);
	ev = feed_exec(&w, KEY(10, 1000, 9), 1, 0);
	assert_int_equal(o.n_user, 2);
	assert_str(ev->image->user->name, "daemon");
	ev = feed_exec(&w, KEY(10, 1000, 10), 1, 7); /* another group is another owner */
	assert_int_equal(o.n_cgroup, 1);
	assert_memory_equal(ev->image->cgroup->container->id, id_a, 64);
	world_done(&w);
}

/* Its group was none of a container, and turns out to be: now there is something to ask. */
static void test_needs_of_another_group(void **state)
{
	struct oracle o = { 0 };
	struct fold_hooks hooks = hooks_of(&o);
	struct world w;

	(void)state;
	hooks.container = oracle_container;
	world_init(&w, NULL, &hooks);
	world_feed(&w, record_cgroup(2, 8, "/system.slice"));
	feed_exec(&w, KEY(10, 1000, 5), 1, 8);
	feed_exec(&w, KEY(10, 1000, 6), 1, 8);
	assert_int_equal(o.n_container, 0);
	world_feed(&w, record_cgroup(2, 8,
				     "/docker/0123456789abcdef0123456789abcdef0123456789abcdef"
				     "0123456789abcdef"));
	o.n_container = 0;
	feed_exec(&w, KEY(10, 1000, 7), 1, 8);
	assert_int_equal(o.n_container, 1);
	world_done(&w);
}

static void test_needs_without_answer(void **state)
{
	struct oracle o = { 0 };
	struct fold_hooks hooks = hooks_of(&o);
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, &hooks);
	for (uint32_t i = 0; i < 3; i++) {
		ev = feed_exec(&w, KEY(10, 1000, 5 + i), 99, 8);
		assert_null(ev->image->user);
		assert_null(ev->image->cgroup);
	}
	assert_int_equal(o.n_user, 1);
	assert_int_equal(o.n_cgroup, 1);
	world_settle(&w);
	feed_exec(&w, KEY(10, 1000, 9), 99, 8);
	assert_int_equal(o.n_user, 2); /* once per batch */
	assert_int_equal(o.n_cgroup, 2);
	feed_exec(&w, KEY(10, 1000, 10), 99, 0); /* no group at all: nothing to ask */
	assert_int_equal(o.n_cgroup, 2);
	world_done(&w);
}

/* An exit asks only where the process is not known. */
static void test_needs_of_exit(void **state)
{
	struct oracle o = { 0 };
	struct fold_hooks hooks = hooks_of(&o);
	struct event_exit *exit;
	struct world w;

	(void)state;
	world_init(&w, NULL, &hooks);
	feed_exec(&w, sh, 1, 7);
	exit = record_exit(sh, NOBODY, 0);
	exit->euid = 55;
	world_feed(&w, exit);
	assert_int_equal(o.n_user, 1);
	exit = record_exit(KEY(11, 1001, 5), KEY(0, 0, 4), 0);
	exit->euid = 55;
	world_feed(&w, exit);
	assert_int_equal(o.n_user, 2);
	world_done(&w);
}

/* Only a fact of the kind that was asked for is believed. */
static void test_bad_answers(void **state)
{
	_cleanup_(freep) struct event_exit *exit = record_exit(KEY(77, 77, 7), NOBODY, 0);
	_cleanup_(freep) struct event_user *other = record_user(5, "other");
	const struct {
		const void *record;
		size_t size;
		uint64_t malformed;
	} cases[] = {
		{ exit, sizeof(*exit), 2 },
		{ exit, 17, 2 },
		/* a user, but not a control group, nor the one asked for */
		{ other, other->head.size, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oracle o = { .bad = cases[i].record, .bad_size = cases[i].size };
		struct fold_hooks hooks = hooks_of(&o);
		const struct event *ev;
		struct world w;

		world_init(&w, NULL, &hooks);
		ev = feed_exec(&w, sh, 1, 7);
		assert_non_null(ev);
		assert_null(ev->image->user);
		assert_null(ev->image->cgroup);
		assert_int_equal(world_counters(&w).malformed, cases[i].malformed);
		assert_int_equal(w.batch.n, 1);
		world_done(&w);
	}
}

static void test_malformed(void **state)
{
	_cleanup_(freep) struct event_exit *exit = record_exit(sh, NOBODY, 0);
	struct oracle o = { 0 };
	struct fold_hooks hooks = hooks_of(&o);
	struct world w;

	(void)state;
	world_init(&w, NULL, &hooks);
	assert_int_equal(fold_record(w.fold, exit, sizeof(*exit) - 1, 1, &w.batch), -EBADMSG);
	exit->head.layout = EVENT_LAYOUT + 1;
	assert_int_equal(fold_record(w.fold, exit, sizeof(*exit), 1, &w.batch), -EPROTO);
	assert_int_equal(world_counters(&w).malformed, 2);
	assert_int_equal(w.batch.n, 0);
	assert_int_equal(o.n_heard, 0);
	world_done(&w);
}

static void test_clock_node_seq(void **state)
{
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_node("host-a", "192.0.2.1"));
	world_feed(&w, record_clock(1000000));
	ev = feed_exec(&w, sh, 0, 0);
	assert_int_equal(ev->time_ns, 1000000 + 1005);
	assert_int_equal(ev->seq, 3 * WORLD_STRIDE);
	assert_str(ev->node->name, "host-a");
	assert_str(ev->node->address, "192.0.2.1");
	assert_true(ev->node == fold_node(w.fold));
	world_feed(&w, record_clock(-5));
	ev = feed_exec(&w, KEY(10, 1000, 6), 0, 0);
	assert_int_equal(ev->time_ns, 1001);
	assert_int_equal(w.batch.events[0].time_ns, 1000000 + 1005);
	world_feed(&w, record_node("a-name-that-is-longer-than-the-kernel-allows-"
				   "a-node-to-have-which-is-64-bytes-at-most",
				   ""));
	assert_int_equal(fold_node(w.fold)->name.n, 64);
	assert_int_equal(fold_node(w.fold)->address.n, 0);
	world_done(&w);
}

/* A changed name is that of images from then on. */
static void test_user_renamed(void **state)
{
	const struct event *ev;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	world_feed(&w, record_user(1, "old"));
	feed_exec(&w, sh, 1, 0);
	world_feed(&w, record_user(1, "new"));
	ev = feed_exec(&w, KEY(10, 1000, 6), 1, 0);
	assert_str(ev->image->user->name, "new");
	assert_str(ev->image->parent->user->name, "old");
	world_feed(&w, record_user(1, ""));
	ev = feed_exec(&w, KEY(10, 1000, 7), 1, 0);
	assert_str(ev->image->user->name, "");
	world_done(&w);
}

static void feed_lost(struct world *w, uint16_t cpu, uint16_t generation, uint32_t lost)
{
	struct event_mark *mark = record_mark(EVENT_MARK_PASS_END);

	mark->head.cpu = cpu;
	mark->head.generation = generation;
	mark->head.lost_exec = lost;
	mark->head.lost_exit = lost * 2;
	mark->head.lost_fork = lost * 3;
	mark->head.lost_other = lost * 4;
	world_feed(w, mark);
}

static void test_losses(void **state)
{
	struct fold_losses losses;
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL);
	feed_lost(&w, 0, 1, 0);
	feed_lost(&w, 0, 1, 5);
	feed_lost(&w, 0, 1, 5);
	feed_lost(&w, 1, 1, 2);
	feed_lost(&w, 0, 2, 1);
	feed_lost(&w, EVENT_CPU_AGENT, 1, 100);
	fold_losses(w.fold, &losses);
	assert_int_equal(losses.exec, 8);
	assert_int_equal(losses.exit, 16);
	assert_int_equal(losses.fork, 24);
	assert_int_equal(losses.other, 32);
	world_done(&w);
}

/*
 * More ended ancestors than allowed: those that ended longest ago become stubs, with their names
 * kept.
 */
static void test_limit_of_exited(void **state)
{
	struct proc_limits limits = proc_limits_default;
	struct image_key child = KEY(50, 9000, 1);
	const struct event *ev;
	struct world w;

	(void)state;
	limits.max_images = 3;
	world_init(&w, &limits, NULL);
	for (uint32_t i = 0; i < 6; i++)
		feed_exec(&w, KEY(10, 1000, 5 + i), 0, 0);
	world_feed(&w, record_fork(child, KEY(10, 1000, 10), 0));
	world_feed(&w, record_exit(KEY(10, 1000, 10), NOBODY, 0));
	world_settle(&w);
	assert_true(world_counters(&w).images <= 3);
	assert_int_equal(world_counters(&w).evicted_exited, 5);
	assert_int_equal(world_counters(&w).evicted_living, 0);
	ev = world_feed(&w, record_exec(&(struct exec_spec){
				    .id = KEY(50, 9000, 2), .parent = child, .filename = "/x" }));
	assert_key(ev->image->parent, KEY(10, 1000, 10));
	world_done(&w);
}

static void test_limit_of_living(void **state)
{
	struct proc_limits limits = proc_limits_default;
	struct world w;

	(void)state;
	limits.max_images = 3;
	world_init(&w, &limits, NULL);
	for (uint32_t i = 0; i < 10; i++)
		feed_exec(&w, KEY(10 + i, 1000 + i, 5), 0, 0);
	world_settle(&w);
	assert_int_equal(world_counters(&w).images, 3);
	assert_int_equal(world_counters(&w).evicted_living, 7);
	/* The youngest are left. */
	assert_non_null(world_feed(&w, record_exit(KEY(19, 1009, 5), NOBODY, 0))->image->program);
	assert_null(world_feed(&w, record_exit(KEY(10, 1000, 5), KEY(0, 0, 4), 0))->image->program);
	world_done(&w);
}

static void feed_fat(struct world *w, uint32_t i, const char *fat, size_t n)
{
	world_feed(w, record_exec(&(struct exec_spec){ .id = KEY(10 + i, 1000 + i, 5),
						       .parent = KEY(0, 0, 4),
						       .filename = "/bin/x",
						       .args = { .p = fat, .n = n } }));
}

/* Strings of the oldest go; the processes stay, and end with an event. */
static void test_limit_of_bytes(void **state)
{
	_cleanup_(freep) char *fat = calloc(1, 5000);
	struct proc_limits limits = proc_limits_default;
	struct world w;

	(void)state;
	memset(fat, 'x', 4999);
	limits.max_bytes = 20000;
	world_init(&w, &limits, NULL);
	for (uint32_t i = 0; i < 10; i++)
		feed_fat(&w, i, fat, 5000);
	world_settle(&w);
	assert_true(world_counters(&w).bytes <= 20000);
	assert_int_equal(world_counters(&w).processes, 10);
	assert_int_equal(world_counters(&w).evicted_living, 7);
	/* A snapshot gives them back, and they can be lost again. */
	world_feed(&w, record_process(&(struct exec_spec){ .id = KEY(10, 1000, 5),
							   .parent = KEY(0, 0, 4),
							   .exe = "/bin/x",
							   .args = { .p = fat, .n = 5000 } },
				      "x"));
	world_settle(&w);
	assert_true(world_counters(&w).bytes <= 20000);
	assert_int_equal(world_counters(&w).evicted_living, 8);
	assert_non_null(world_feed(&w, record_exit(KEY(19, 1009, 5), NOBODY, 0))->image->program);
	assert_null(world_feed(&w, record_exit(KEY(11, 1001, 5), NOBODY, 0))->image->program);
	world_done(&w);
}

/* Groups beyond the limit go, but not under an image that shows them. */
static void test_limit_of_cgroups(void **state)
{
	struct proc_limits limits = proc_limits_default;
	const struct event *ev;
	struct world w;

	(void)state;
	limits.max_cgroups = 2;
	limits.max_users = 2;
	world_init(&w, &limits, NULL);
	world_feed(&w, record_cgroup(2, 7,
				     "/docker/0123456789abcdef0123456789abcdef"
				     "0123456789abcdef0123456789abcdef"));
	world_feed(&w, record_user(1, "one"));
	feed_exec(&w, sh, 1, 7);
	world_settle(&w);
	for (uint32_t i = 0; i < 100; i++) {
		world_feed(&w, record_cgroup(2, 100 + i, "/x"));
		world_feed(&w, record_user(100 + i, "x"));
	}
	ev = feed_exec(&w, KEY(11, 1001, 5), 1, 7);
	assert_null(ev->image->cgroup);
	assert_null(ev->image->user);
	ev = world_feed(&w, record_exit(sh, NOBODY, 0));
	assert_memory_equal(ev->image->cgroup->container->id, id_a, 64);
	assert_str(ev->image->user->name, "one");
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_needs_again),
		cmocka_unit_test(test_needs_of_another_group),
		cmocka_unit_test(test_needs_without_answer),
		cmocka_unit_test(test_needs_of_exit),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_clock_node_seq),
		cmocka_unit_test(test_user_renamed),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_limit_of_exited),
		cmocka_unit_test(test_limit_of_living),
		cmocka_unit_test(test_limit_of_bytes),
		cmocka_unit_test(test_limit_of_cgroups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
