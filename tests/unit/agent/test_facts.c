/* SPDX-License-Identifier: Apache-2.0 */
/* Every record that the agent writes itself is one that the fold would accept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include <cmocka.h>

#include "agent/facts.h"
#include "event/decode.h"

static _Alignas(8) char record[1024];

static const void *accepted(size_t n, unsigned int type)
{
	const struct event_head *head = (const struct event_head *)record;

	assert_true(n > 0);
	assert_int_equal(record_check(record, n), 0);
	assert_int_equal(head->type, type);
	assert_int_equal(head->cpu, EVENT_CPU_AGENT);
	return record;
}

static void tells_the_node(void **state)
{
	_cleanup_(facts_freep) struct facts *own = NULL, *given = NULL;
	const struct event_node *e;
	struct utsname uts;

	(void)state;
	uname(&uts);
	assert_int_equal(facts_new(NULL, "/etc/passwd", &own), 0);
	e = accepted(facts_node(own, record, sizeof(record)), EVENT_NODE);
	assert_true(str_eq(node_name(e), str_from(uts.nodename)));
	assert_int_equal(strlen(e->boot_id), 36);

	assert_int_equal(facts_new("a.node", "/etc/passwd", &given), 0);
	e = accepted(facts_node(given, record, sizeof(record)), EVENT_NODE);
	assert_true(str_eq(node_name(e), STR("a.node")));
	assert_int_equal(facts_node(given, record, sizeof(struct event_node)), 0);
}

static void tells_the_clock_when_it_changes(void **state)
{
	_cleanup_(facts_freep) struct facts *f = NULL;
	const struct event_clock *e;
	struct timespec now;

	(void)state;
	assert_int_equal(facts_new(NULL, "/etc/passwd", &f), 0);
	e = accepted(facts_clock(f, record, sizeof(record)), EVENT_CLOCK);
	clock_gettime(CLOCK_REALTIME, &now);
	assert_true(llabs((long long)(e->head.time_ns + (uint64_t)e->offset_ns) / 1000000000 -
			  now.tv_sec) <= 1);
	assert_int_equal(facts_clock(f, record, sizeof(record)), 0);
}

static void answers_with_users_and_tells_them_again(void **state)
{
	_cleanup_(facts_freep) struct facts *f = NULL;
	const struct event_user *e;
	size_t cursor = 0, n;

	(void)state;
	assert_int_equal(facts_new(NULL, "/etc/passwd", &f), 0);
	e = accepted(facts_answer(f, NEED_USER, 0, 0, record, sizeof(record)), EVENT_USER);
	assert_int_equal(e->uid, 0);
	assert_true(str_eq(user_name(e), STR("root")));
	e = accepted(facts_answer(f, NEED_USER, 4294967294, 0, record, sizeof(record)), EVENT_USER);
	assert_int_equal(user_name(e).n, 0);
	facts_answer(f, NEED_USER, 0, 0, record, sizeof(record));

	n = facts_next_user(f, &cursor, record, sizeof(record));
	e = accepted(n, EVENT_USER);
	assert_int_equal(e->uid, 0);
	n = facts_next_user(f, &cursor, record, sizeof(record));
	e = accepted(n, EVENT_USER);
	assert_int_equal(e->uid, 4294967294);
	assert_int_equal(facts_next_user(f, &cursor, record, sizeof(record)), 0);
}

static void answers_for_groups_that_are_gone(void **state)
{
	_cleanup_(facts_freep) struct facts *f = NULL;
	const struct event_cgroup_made *e;

	(void)state;
	assert_int_equal(facts_new(NULL, "/etc/passwd", &f), 0);
	e = accepted(facts_answer(f, NEED_CGROUP, UINT64_MAX - 7, 99, record, sizeof(record)),
		     EVENT_CGROUP);
	assert_int_equal(e->cgroup.id, UINT64_MAX - 7);
	assert_int_equal(e->cgroup.hierarchy, 99);
	assert_int_equal(cgroup_made_path(e).n, 0);
}

static void marks_passes(void **state)
{
	_cleanup_(facts_freep) struct facts *f = NULL;
	const struct event_mark *e;

	(void)state;
	assert_int_equal(facts_new(NULL, "/etc/passwd", &f), 0);
	e = accepted(facts_mark(f, EVENT_MARK_PASS_END, record, sizeof(record)), EVENT_MARK);
	assert_int_equal(e->mark, EVENT_MARK_PASS_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_node),
		cmocka_unit_test(tells_the_clock_when_it_changes),
		cmocka_unit_test(answers_with_users_and_tells_them_again),
		cmocka_unit_test(answers_for_groups_that_are_gone),
		cmocka_unit_test(marks_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
