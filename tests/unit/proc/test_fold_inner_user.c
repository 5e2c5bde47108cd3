/* SPDX-License-Identifier: Apache-2.0 */
/* Names of users in containers: asked for, waited for, filled in, kept over a state. */
#include "proc/state.h"
#include "world.h"

#define EIGHT(digit) digit digit digit digit digit digit digit digit
#define PATH_A "/docker/" EIGHT("aaaaaaaa")
#define PATH_B "/docker/" EIGHT("bbbbbbbb")
#define IN_A 7
#define IN_B 8
#define OUTSIDE 9
#define NS 4026532100

static const struct image_key sh = { .start_ns = 1000, .exec_count = 5, .pid = 9 };

/* What the agent would answer, and what it was asked. */
struct oracle {
	uint32_t bits;
	const char *name; /* NULL: no answer */
	size_t n_asked, n_again;
	struct inner_user_question last;
	char container;
	size_t n_facts; /* records that were folded, whoever gave them */
};

static size_t oracle_user(void *ctx, const struct inner_user_question *q, void *to, size_t size)
{
	_cleanup_(freep) struct event_inner_user *e = NULL;
	struct oracle *o = ctx;

	o->n_asked += !q->is_awaited && !q->is_overdue;
	o->n_again += q->is_awaited || q->is_overdue;
	o->last = *q;
	o->container = q->container[0];
	if (!o->name)
		return 0;
	e = record_inner_user(q->container[0], q->mnt_ns, q->uid, o->name, o->bits);
	assert_true(e->head.size <= size);
	memcpy(to, e, e->head.size);
	return e->head.size;
}

/* Folds a record that may give many events. */
static void feed(struct world *w, void *record)
{
	w->records[w->n_records++] = record;
	assert_int_equal(fold_record(w->fold, record, ((struct event_head *)record)->size, ++w->seq,
				     &w->batch),
			 0);
}

static void begin_with(struct world *w, const struct fold_hooks *hooks)
{
	world_init(w, NULL, hooks);
	feed(w, record_user(100000, "outer"));
	feed(w, record_user(0, "root"));
	feed(w, record_cgroup(2, IN_A, PATH_A));
	feed(w, record_cgroup(2, IN_B, PATH_B));
	feed(w, record_cgroup(2, OUTSIDE, "/user.slice"));
}

static void begin(struct world *w, struct oracle *o)
{
	const struct fold_hooks hooks = { .inner_user = oracle_user, .ctx = o };

	begin_with(w, o ? &hooks : NULL);
}

static struct exec_spec spec_of(struct image_key id, uint64_t cgroup, uint32_t euid)
{
	return (struct exec_spec){
		.id = id,
		.parent = KEY(0, 0, id.exec_count - 1),
		.filename = "/bin/sh",
		.euid = euid,
		.cgroup = { .id = cgroup, .hierarchy = 2, .mnt_ns = NS },
	};
}

/* The host has it as `euid`, its user namespace as `inner`. */
static void feed_exec(struct world *w, struct image_key id, uint64_t cgroup, uint32_t euid,
		      uint32_t inner)
{
	const struct exec_spec spec = spec_of(id, cgroup, euid);
	struct event_exec *e = record_exec(&spec);

	e->cred.euid_shift = inner - euid;
	feed(w, e);
}

static void feed_fork(struct world *w, struct image_key child, struct image_key forker)
{
	struct event_fork *e = record_fork(child, forker, 100000);

	e->cred.euid_shift = 5 - 100000U;
	e->cgroup = (struct event_cgroup){ .id = IN_A, .hierarchy = 2, .mnt_ns = NS };
	feed(w, e);
}

static const char *user_of(const struct world *w, size_t i)
{
	static char text[64];
	const struct user *user = w->batch.events[i].image->user;

	assert_true(i < w->batch.n);
	snprintf(text, sizeof(text), "%.*s", user ? (int)user->name.n : 1,
		 user ? user->name.p : "-");
	return text;
}

static void test_known_at_once(void **state)
{
	struct oracle o = { .name = "app" };
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_exec(&w, sh, IN_A, 100000, 5);
	assert_string_equal(user_of(&w, 0), "app");
	assert_int_equal(o.n_asked, 1);
	assert_int_equal(o.container, 'a');
	assert_int_equal(o.last.uid, 5);
	assert_int_equal(o.last.mnt_ns, NS);
	assert_int_equal(o.last.n_pids, 1);
	assert_int_equal(o.last.pids[0], sh.pid);
	feed_exec(&w, KEY(10, 2000, 5), IN_A, 100000, 5);
	assert_int_equal(o.n_asked, 1);
	assert_string_equal(user_of(&w, 1), "app");
	feed_exec(&w, KEY(11, 2001, 5), IN_B, 100000, 5); /* the same number of a namespace */
	assert_int_equal(o.n_asked, 2);
	assert_int_equal(o.container, 'b');
	world_done(&w);
}

/* It is started again, perhaps from another image, and gets the same number of a namespace. */
static void test_started_again(void **state)
{
	struct oracle o = { .name = "app" };
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_exec(&w, sh, IN_A, 100000, 5);
	assert_string_equal(user_of(&w, 0), "app");
	o.name = "shop";
	feed(&w, record_cgroup(2, IN_A + 10, PATH_A));
	feed_exec(&w, KEY(10, 2000, 5), IN_A + 10, 100000, 5);
	assert_int_equal(o.n_asked, 2);
	assert_string_equal(user_of(&w, 1), "shop");
	assert_string_equal(user_of(&w, 0), "app"); /* what is shown stays */
	world_done(&w);
}

/* Outside of containers the host's names count, and in it as far as the namespace is the host's. */
static void test_host(void **state)
{
	struct oracle o = { .name = "app" };
	struct event_exec *e;
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_exec(&w, sh, OUTSIDE, 100000, 0);
	assert_string_equal(user_of(&w, 0), "outer");
	e = record_exec(&(struct exec_spec){ .id = KEY(10, 2000, 5),
					     .parent = KEY(0, 0, 4),
					     .filename = "/usr/bin/runc",
					     .cgroup = { .id = IN_A, .hierarchy = 2 } });
	feed(&w, e);
	assert_string_equal(user_of(&w, 1), "root");
	assert_int_equal(o.n_asked, 0);
	world_done(&w);
}

static void test_not_mapped(void **state)
{
	struct oracle o = { .name = "app" };
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_exec(&w, sh, IN_A, 100000, EVENT_UID_UNKNOWN);
	assert_string_equal(user_of(&w, 0), "-");
	assert_int_equal(o.n_asked, 0);
	world_done(&w);
}

/* Its container's events wait; clones name their forker, too: the process may be gone. */
static void test_waits(void **state)
{
	struct oracle o = { .name = "", .bits = EVENT_INNER_USER_AWAITED };
	const struct image *image;
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_exec(&w, sh, IN_A, 100000, 5);
	feed_fork(&w, KEY(20, 3000, 5), sh);
	feed_exec(&w, KEY(10, 2000, 5), OUTSIDE, 0, 0);
	assert_int_equal(w.batch.n, 1);
	assert_int_equal(o.n_asked, 1);
	world_settle(&w);
	feed(&w, record_inner_user('a', NS, 5, "app", 0));
	assert_int_equal(w.batch.n, 2);
	assert_string_equal(user_of(&w, 0), "app");
	assert_string_equal(user_of(&w, 1), "app");
	image = w.batch.events[0].image;
	assert_int_equal(image->stamp, 0); /* nothing was kept of it while it had no name */
	feed_exec(&w, KEY(9, 1000, 6), IN_A, 100000, 77);
	feed(&w, record_inner_user('a', NS, 77, "", 0));
	assert_string_equal(user_of(&w, 2), "");
	assert_int_equal(o.n_asked, 2);
	assert_int_equal(o.last.n_pids, 1);
	world_done(&w);
}

static void count_fact(void *ctx, const struct event_head *record)
{
	struct oracle *o = ctx;

	(void)record;
	o->n_facts++;
}

/*
 * Who executes something has the container's root, as a rule: he is asked for while nobody knows
 * the name, a few times; no fact comes of that while the first answer is still awaited.
 */
static void test_asked_again(void **state)
{
	struct oracle o = { .name = "", .bits = EVENT_INNER_USER_AWAITED };
	struct fold_hooks hooks = { .inner_user = oracle_user, .tap = count_fact, .ctx = &o };
	struct world w;

	(void)state;
	begin_with(&w, &hooks);
	feed_exec(&w, sh, IN_A, 100000, 5);
	feed_fork(&w, KEY(20, 3000, 5), sh);
	assert_int_equal(o.n_again, 0);
	o.n_facts = 0;
	o.name = NULL;
	feed_exec(&w, KEY(20, 3000, 6), IN_A, 100000, 5);
	assert_int_equal(o.n_again, 1);
	assert_true(o.last.is_awaited && !o.last.is_overdue);
	assert_int_equal(o.last.uid, 5);
	assert_int_equal(o.last.mnt_ns, NS);
	assert_int_equal(o.last.n_pids, 2);
	assert_int_equal(o.last.pids[0], 20);
	assert_int_equal(o.last.pids[1], sh.pid);
	for (uint32_t i = 7; i < 20; i++)
		feed_exec(&w, KEY(20, 3000, i), IN_A, 100000, 5);
	assert_int_equal(o.n_again, INNER_USERS_AGAIN);
	assert_int_equal(o.n_facts, 14); /* the execs alone */
	assert_int_equal(w.batch.n, 0);
	feed(&w, record_inner_user('a', NS, 5, "app", 0));
	assert_int_equal(w.batch.n, 16);
	assert_string_equal(user_of(&w, 15), "app");
	feed_exec(&w, KEY(21, 3001, 6), IN_A, 100000, 5);
	assert_int_equal(o.n_again, INNER_USERS_AGAIN);
	assert_int_equal(o.n_asked, 1);
	world_done(&w);
}

/*
 * What could not be looked at is let go of without a name, and looked for once more when something
 * is executed there: that waits, as the first one did.
 */
static void test_overdue_waits_again(void **state)
{
	struct oracle o = { .name = "", .bits = EVENT_INNER_USER_AWAITED };
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_exec(&w, sh, IN_A, 100000, 5);
	assert_int_equal(w.batch.n, 0);
	feed(&w, record_inner_user('a', NS, 5, "",
				   EVENT_INNER_USER_AWAITED | EVENT_INNER_USER_OVERDUE));
	assert_int_equal(w.batch.n, 1);
	feed_fork(&w, KEY(20, 3000, 5), sh);
	assert_int_equal(w.batch.n, 2);
	assert_int_equal(o.n_again, 0);
	feed_exec(&w, KEY(20, 3000, 6), IN_A, 100000, 5);
	assert_int_equal(o.n_again, 1);
	assert_true(o.last.is_overdue && !o.last.is_awaited);
	assert_int_equal(w.batch.n, 2);
	feed(&w, record_inner_user('a', NS, 5, "app", 0));
	assert_int_equal(w.batch.n, 3);
	assert_string_equal(user_of(&w, 2), "app");
	world_done(&w);
}

/* A process that is known has parents in its container, who may be looked at in its place. */
static void test_parents(void **state)
{
	struct oracle o = { .name = "app" };
	struct world w;

	(void)state;
	begin(&w, &o);
	feed_exec(&w, sh, IN_A, 0, 0);
	feed_fork(&w, KEY(20, 3000, 5), sh);
	assert_int_equal(o.last.n_pids, 2);
	assert_int_equal(o.last.pids[0], 20);
	assert_int_equal(o.last.pids[1], sh.pid);
	feed_exec(&w, KEY(20, 3000, 6), IN_A, 9, 9);
	assert_int_equal(o.last.n_pids, 2);
	assert_int_equal(o.last.pids[1], sh.pid);
	world_done(&w);
}

/* What the container is called, or its user. */
static void feed_answer(struct world *w, bool is_of_container)
{
	if (is_of_container)
		feed(w, record_container('a', "web", 0));
	else
		feed(w, record_inner_user('a', NS, 5, "app", 0));
}

/* Whichever comes last ends the waiting. */
static void test_waits_for_both(void **state)
{
	struct oracle o = { .name = "", .bits = EVENT_INNER_USER_AWAITED };

	(void)state;
	for (int facts_first = 0; facts_first < 2; facts_first++) {
		struct world w;

		begin(&w, &o);
		feed(&w, record_container('a', "", EVENT_CONTAINER_AWAITED));
		feed_exec(&w, sh, IN_A, 100000, 5);
		feed_answer(&w, facts_first);
		assert_int_equal(w.batch.n, 0);
		feed_answer(&w, !facts_first);
		assert_int_equal(w.batch.n, 1);
		assert_string_equal(user_of(&w, 0), "app");
		assert_str(container_text(image_container(w.batch.events[0].image), CONTAINER_NAME),
			   "web");
		world_done(&w);
	}
}

/* The time is up: the agent says again what it knows. Nothing waits for that user any more. */
static void test_given_up(void **state)
{
	struct oracle o = { .name = "", .bits = EVENT_INNER_USER_AWAITED };
	char id[CONTAINER_ID_LEN];
	uint64_t since;
	struct world w;

	(void)state;
	begin(&w, &o);
	feed(&w, record_container('a', "", EVENT_CONTAINER_AWAITED));
	feed_exec(&w, sh, IN_A, 100000, 5);
	feed(&w, record_container('a', "", 0));
	assert_true(fold_waits_longest(w.fold, id, &since));
	feed(&w, record_container('a', "", 0));
	assert_false(fold_waits_longest(w.fold, id, &since));
	assert_int_equal(w.batch.n, 1);
	assert_string_equal(user_of(&w, 0), "");
	world_settle(&w);
	feed_fork(&w, KEY(20, 3000, 5), sh);
	assert_int_equal(w.batch.n, 1);
	assert_int_equal(o.n_asked, 1);
	/*
	 * The answer comes after all: from then on it is there, and what is made of it may be kept.
	 */
	feed(&w, record_inner_user('a', NS, 5, "app", 0));
	assert_string_equal(user_of(&w, 0), "app");
	feed(&w, record_exit(KEY(20, 3000, 5), sh, 0));
	assert_string_equal(user_of(&w, 1), "app");
	assert_int_not_equal(w.batch.events[1].image->stamp, 0);
	assert_int_not_equal(w.batch.events[1].image->parent->stamp, 0);
	world_done(&w);
}

/* Facts that come meanwhile are news, and end nobody's waiting. */
static void test_news_meanwhile(void **state)
{
	struct oracle o = { .name = "", .bits = EVENT_INNER_USER_AWAITED };
	struct world w;

	(void)state;
	begin(&w, &o);
	feed(&w, record_container('a', "one", 0));
	feed_exec(&w, sh, IN_A, 100000, 5);
	feed(&w, record_container('a', "two", 0));
	assert_int_equal(w.batch.n, 0);
	feed(&w, record_inner_user('a', NS, 5, "app", 0));
	assert_int_equal(w.batch.n, 1);
	world_done(&w);
}

static void test_replay(void **state)
{
	struct world w;

	(void)state;
	begin(&w, NULL);
	feed(&w, record_inner_user('a', NS, 5, "", EVENT_INNER_USER_AWAITED));
	feed_exec(&w, sh, IN_A, 100000, 5);
	feed(&w, record_inner_user('a', NS, 5, "app", 0));
	assert_int_equal(w.batch.n, 1);
	assert_string_equal(user_of(&w, 0), "app");
	world_done(&w);
}

static int feed_other(void *other, const struct event_head *record)
{
	struct world *w = other;
	void *copy = malloc(record->size);

	memcpy(copy, record, record->size);
	feed(w, copy);
	return 0;
}

static void note(void *ctx, const struct inner_user_question *q)
{
	struct oracle *o = ctx;

	o->n_asked++;
	o->last = *q;
	o->container = q->container[0];
}

/* Who takes up the journal has the names, and asks for those that are still to come. */
static void test_state(void **state)
{
	struct oracle o = { .name = "app" },
		      late = { .name = "", .bits = EVENT_INNER_USER_AWAITED };
	struct oracle again = { 0 };
	struct world w, next;

	(void)state;
	begin(&w, &o);
	feed_exec(&w, sh, IN_A, 100000, 5);
	o = late;
	feed_exec(&w, KEY(10, 2000, 5), IN_B, 100000, 6);
	feed(&w, record_container('b', "", 0));
	world_settle(&w);
	world_init(&next, NULL, NULL);
	assert_int_equal(fold_state(w.fold, feed_other, &next), 0);
	fold_each_awaited(next.fold, note, &again);
	assert_int_equal(again.n_asked, 1);
	assert_int_equal(again.container, 'b');
	assert_int_equal(again.last.uid, 6);
	assert_int_equal(again.last.mnt_ns, NS);
	assert_int_equal(again.last.pids[0], 10);
	feed(&next, record_inner_user('b', NS, 6, "late", 0));
	feed(&next, record_exit(sh, KEY(0, 0, 4), 0));
	feed(&next, record_exit(KEY(10, 2000, 5), KEY(0, 0, 4), 0));
	assert_int_equal(next.batch.n, 2);
	assert_string_equal(user_of(&next, 0), "app");
	assert_string_equal(user_of(&next, 1), "late");
	world_done(&next);
	world_done(&w);
}

static uint64_t n_held(const struct world *w)
{
	struct hold_counters c;

	fold_hold_counters(w->fold, &c);
	return c.now;
}

/*
 * A state that is written while a container's name and a user's are looked up, before there are
 * events of it: whoever goes on from there holds what this one holds, and lets go when it does.
 */
static void test_state_while_both_are_awaited(void **state)
{
	struct oracle o = { .name = "", .bits = EVENT_INNER_USER_AWAITED };
	const struct exec_spec spec = spec_of(KEY(10, 2000, 5), IN_B, 100000);
	struct world w, next, *both[] = { &w, &next };
	struct event_process *e;

	(void)state;
	begin(&w, &o);
	feed(&w, record_container('b', "", EVENT_CONTAINER_AWAITED));
	e = record_process(&spec, "sh");
	e->cred.euid_shift = 6 - 100000U;
	feed(&w, e);
	world_settle(&w);
	world_init(&next, NULL, NULL);
	assert_int_equal(fold_state(w.fold, feed_other, &next), 0);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		feed(both[i], record_container('b', "shop", EVENT_CONTAINER_COMPLETE));
		feed_exec(both[i], KEY(10, 2000, 6), IN_B, 100000, 6);
		assert_int_equal(n_held(both[i]), 1);
		assert_int_equal(both[i]->batch.n, 0);
		feed(both[i], record_inner_user('b', NS, 6, "late", 0));
		assert_int_equal(n_held(both[i]), 0);
		assert_int_equal(both[i]->batch.n, 1);
		assert_string_equal(user_of(both[i], 0), "late");
	}
	world_done(&next);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_started_again),
		cmocka_unit_test(test_known_at_once),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_not_mapped),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_asked_again),
		cmocka_unit_test(test_overdue_waits_again),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_waits_for_both),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_news_meanwhile),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_state_while_both_are_awaited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
