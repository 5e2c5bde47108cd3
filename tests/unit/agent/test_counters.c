/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own numbers: where they come from, and that all of them are on the page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/counters.h"

/* A process that begins, as the kernel would tell. */
static struct event_fork make_fork(uint32_t pid)
{
	return (struct event_fork){
		.head = { .size = sizeof(struct event_fork),
			  .layout = EVENT_LAYOUT,
			  .type = EVENT_FORK,
			  .generation = 1,
			  .flags = EVENT_F_NEVER_EXEC,
			  .start_ns = 1000 + pid,
			  .tgid = pid,
			  .tid = pid },
		.forker = { .start_ns = 1, .tgid = 1 },
		.parent = { .start_ns = 1, .tgid = 1 },
	};
}

/* What a stream has lost, as its map tells; since the last agent has told of what it knew. */
static void test_lost(void **state)
{
	struct event_stream e = { .head = { .size = sizeof(e),
					    .layout = EVENT_LAYOUT,
					    .type = EVENT_STREAM,
					    .generation = 1,
					    .seq = 5000,
					    .lost_exec = 1,
					    .lost_exit = 20,
					    .lost_fork = 300,
					    .lost_other = 4000 } };
	struct agent_counters c = { 0 };
	struct reader r = { 0 };

	(void)state;
	assert_int_equal(reader_init(&r, NULL), 0);
	assert_int_equal(agent_counters_n_lost(&c), 0);
	assert_int_equal(reader_fold(&r, &e, sizeof(e)), 0);
	agent_counters_update(&c, &r);
	assert_int_equal(metric_get(&c.lost_exec), 1);
	assert_int_equal(metric_get(&c.lost_exit), 20);
	assert_int_equal(metric_get(&c.lost_fork), 300);
	assert_int_equal(metric_get(&c.lost_other), 4000);
	assert_int_equal(metric_get(&c.lost_ring_full), 4321);
	assert_int_equal(agent_counters_n_lost(&c), 4321);
	reader_done(&r);

	r = (struct reader){ 0 };
	assert_int_equal(reader_init(&r, NULL), 0);
	assert_int_equal(reader_recover(&r, &e.head, 8), 0);
	reader_go_on(&r, false);
	e.head.lost_exit += 2;
	assert_int_equal(reader_fold(&r, &e, sizeof(e)), 0);
	agent_counters_update(&c, &r);
	assert_int_equal(metric_get(&c.lost_exit), 2);
	assert_int_equal(agent_counters_n_lost(&c), 2);
	reader_done(&r);
}

/*
 * The fold's numbers, as they are now; without a probe and without pipelines, as in a replay's
 * tests.
 */
static void test_update(void **state)
{
	struct pipelines pipelines = { .n = 3 };
	struct agent_counters c = { 0 };
	struct reader r = { 0 };

	(void)state;
	assert_int_equal(reader_init(&r, NULL), 0);
	for (uint32_t pid = 10; pid < 14; pid++) {
		const struct event_fork fork = make_fork(pid);

		assert_int_equal(reader_fold(&r, &fork, sizeof(fork)), 0);
	}
	assert_int_equal(reader_fold(&r, "short", 5), 0); /* refused, and counted */
	agent_counters_update(&c, &r);
	assert_int_equal(metric_get(&c.processes), 4);
	assert_int_equal(metric_get(&c.images), 5); /* and the parent that nobody has seen */
	assert_true(metric_get(&c.table_bytes) > 0);
	assert_int_equal(metric_get(&c.unknown_parent), 1);
	assert_int_equal(metric_get(&c.malformed), 1);
	assert_int_equal(metric_get(&c.pipelines), 0);
	assert_int_equal(metric_get(&c.ring_fill_bytes), 0);
	r.pipelines = &pipelines;
	agent_counters_update(&c, &r);
	assert_int_equal(metric_get(&c.pipelines), 3);
	assert_int_equal(metric_get(&c.processes), 4);
	r.pipelines = NULL;
	reader_done(&r);
}

/* Each member is shown, once: on a page where each has a value of its own, all values are there. */
static void test_table(void **state)
{
	const size_t n = sizeof(struct agent_counters) / sizeof(metric_value);
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	_cleanup_(buf_done) struct buf page = { 0 };
	struct agent_counters c = { 0 };
	metric_value *values = (metric_value *)&c;
	struct metric_set *set = NULL;

	(void)state;
	for (size_t i = 0; i < n; i++)
		metric_set(&values[i], 7000 + i);
	assert_int_equal(metrics_new(&m), 0);
	assert_int_equal(metrics_add(m, agent_metrics, &c, NULL, 0, &set), 0);
	metrics_format_text(m, &page);
	buf_put_char(&page, '\0');
	for (size_t i = 0; i < n; i++) {
		char value[32];

		snprintf(value, sizeof(value), " %zu\n", 7000 + i);
		if (!strstr(page.data, value))
			fail_msg("member %zu is not shown", i);
	}
	for (size_t i = 0; agent_metrics[i].type != METRIC_END; i++) {
		assert_true(strlen(agent_metrics[i].help) > 8);
		assert_int_equal(agent_metrics[i].help[strlen(agent_metrics[i].help) - 1], '.');
	}
	assert_non_null(strstr(page.data, "proctrail_lost_records_total{type=\"execve\"} 7000\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
