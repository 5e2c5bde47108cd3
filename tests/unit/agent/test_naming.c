/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a fold that asks for users of containers and the threads that read their files: a reader
 * without a probe, and a folder that is a container's root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "agent/naming.h"
#include "base/log.h"
#include "folding_reader.h"

#include "../enrich/container_ids.h"
#include "../enrich/other_folder.h"
#include "../proc/records.h"

#define HIERARCHY 99 /* of control groups; no machine has it */
#define NS 1	     /* a mount namespace that no process is in */
#define NOBODY_PID 0x7ffffff0
#define ANSWER_MS 5000

static struct {
	struct facts *facts;
	struct naming naming;
	struct folding_reader folding;
	struct other_folder root;
} t;

static void fold(void *record)
{
	folding_reader_fold(&t.folding, record);
}

static void make_container(char id, uint64_t cgroup)
{
	char path[128];

	snprintf(path, sizeof(path), "/docker/%s", container_id(id));
	fold(record_cgroup(HIERARCHY, cgroup, path));
}

/* A program in the control group, as that user. */
static void exec_at(uint64_t cgroup, uint32_t mnt_ns, uint32_t uid)
{
	fold(record_exec(&(struct exec_spec){
		.id = { .pid = NOBODY_PID, .start_ns = 1, .exec_count = t.folding.n_records },
		.euid = uid,
		.filename = "/bin/sh",
		.cgroup = { .id = cgroup, .hierarchy = HIERARCHY, .mnt_ns = mnt_ns } }));
}

/* In the container. */
static void exec_in(uint32_t mnt_ns, uint32_t uid)
{
	exec_at(7, mnt_ns, uid);
}

static void exec_as(uint32_t uid)
{
	exec_in(NS, uid);
}

/* Until as many answers have been folded. */
static void turn_until(uint64_t n)
{
	struct pollfd p = { .fd = container_users_fd(t.naming.users), .events = POLLIN };

	do {
		assert_int_equal(naming_turn(&t.naming, &t.folding.reader), 0);
		naming_count(&t.naming);
	} while (metric_get(&t.naming.counters.named) + metric_get(&t.naming.counters.unnamed) +
				 metric_get(&t.naming.counters.unknown) <
			 n &&
		 poll(&p, 1, ANSWER_MS) == 1);
	assert_int_equal(naming_turn(&t.naming, &t.folding.reader), 0);
}

static void assert_users(size_t n, const char *const *names)
{
	assert_int_equal(t.folding.reader.batch.n, n);
	for (size_t i = 0; i < n; i++) {
		const struct user *user = t.folding.reader.batch.events[i].image->user;

		assert_non_null(user);
		assert_true(str_eq(user->name, str_from(names[i])));
	}
	assert_int_equal(reader_deliver(&t.folding.reader), 0);
}

#define ASSERT_USERS(...)                                                           \
	assert_users(sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), \
		     (const char *const[]){ __VA_ARGS__ })

/* Events wait for the first answer; whoever comes after it does not. */
static void test_names(void **state)
{
	(void)state;
	exec_as(5);
	assert_int_equal(t.folding.reader.batch.n, 0);
	turn_until(1);
	ASSERT_USERS("app");
	exec_as(5);
	ASSERT_USERS("app");
	exec_as(6);
	turn_until(2);
	ASSERT_USERS("");
	naming_count(&t.naming);
	assert_int_equal(metric_get(&t.naming.counters.questions), 2);
	assert_int_equal(metric_get(&t.naming.counters.named), 1);
	assert_int_equal(metric_get(&t.naming.counters.unnamed), 1);
	assert_int_equal(metric_get(&t.naming.counters.places), 1);
}

/*
 * A container that is set up for longer than anybody looks: its events go out without a name, and
 * what is executed in it then has one.
 */
static void test_unknown_is_looked_for_once_more(void **state)
{
	(void)state;
	make_container('b', 8);
	exec_at(8, NS, 5);
	turn_until(1);
	ASSERT_USERS("");
	container_users_set_folder(t.naming.users, container_id('b'), t.root.path);
	exec_at(8, NS, 5);
	assert_int_equal(t.folding.reader.batch.n, 0);
	turn_until(2);
	ASSERT_USERS("app");
	naming_count(&t.naming);
	assert_int_equal(metric_get(&t.naming.counters.questions), 2);
	assert_int_equal(metric_get(&t.naming.counters.unknown), 1);
}

/* What the last agent was not told is asked for again, and known from then on. */
static void test_resume(void **state)
{
	(void)state;
	t.folding.reader.is_recovering = true;
	exec_as(5);
	fold(record_inner_user('a', NS, 5, "", EVENT_INNER_USER_AWAITED));
	exec_as(5);
	reader_go_on(&t.folding.reader, false);
	naming_count(&t.naming);
	assert_int_equal(metric_get(&t.naming.counters.questions), 0);
	naming_resume(&t.naming, t.folding.reader.fold);
	turn_until(1);
	assert_int_equal(reader_deliver(&t.folding.reader), 0);
	exec_as(5);
	ASSERT_USERS("app");
	naming_count(&t.naming);
	assert_int_equal(metric_get(&t.naming.counters.questions), 1);
}

/* A runtime's own step, in the host's mount namespace: nobody is asked, and nothing waits. */
static void test_host(void **state)
{
	(void)state;
	assert_int_not_equal(t.naming.host_mnt_ns, 0);
	exec_in(t.naming.host_mnt_ns, 0);
	ASSERT_USERS("root");
	exec_in(t.naming.host_mnt_ns, 3999999999);
	ASSERT_USERS("");
	naming_count(&t.naming);
	assert_int_equal(metric_get(&t.naming.counters.questions), 0);
}

/* Where neither is known they are not the same: nobody gets a name of the host's. */
static void test_unknown_place(void **state)
{
	const struct inner_user_question q = { .container = container_id('a') };
	struct event_inner_user e;

	(void)state;
	t.naming.host_mnt_ns = 0;
	assert_int_equal(naming_answer(&t.naming, &q, &e, sizeof(e)), sizeof(e));
	assert_int_equal(e.name_len, 0);
	assert_int_equal(e.bits, 0);
	naming_count(&t.naming);
	assert_int_equal(metric_get(&t.naming.counters.questions), 0);
}

/* Without anybody to ask there is nothing to do. */
static void test_nobody(void **state)
{
	struct naming none = { 0 };

	(void)state;
	assert_int_equal(naming_turn(&none, &t.folding.reader), 0);
	naming_resume(&none, t.folding.reader.fold);
	naming_count(&none);
	assert_int_equal(metric_get(&none.counters.questions), 0);
	naming_done(&none);
}

static int make(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	other_make(&t.root);
	other_write(&t.root, "etc/passwd", "root:x:0:\napp:x:5:\n");
	assert_int_equal(facts_new("node", "/etc/passwd", &t.facts), 0);
	assert_int_equal(naming_start(&t.naming, t.facts), 0);
	container_users_set_folder(t.naming.users, container_id('a'), t.root.path);
	t.folding.reader.facts = t.facts;
	t.folding.reader.naming = &t.naming;
	assert_int_equal(reader_init(&t.folding.reader, NULL), 0);
	make_container('a', 7);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	folding_reader_done(&t.folding);
	naming_done(&t.naming);
	facts_free(t.facts);
	other_remove(&t.root);
	return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_names),	  test(test_unknown_is_looked_for_once_more),
		test(test_resume),	  test(test_host),
		test(test_unknown_place), test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
