/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "enrich/ask_queue.h"
#include <cmocka.h>

#include "container_ids.h"

static void assert_next(struct ask_queue *q, char digit, bool is_waited_for)
{
	char id[CONTAINER_ID_LEN];
	bool got;

	assert_true(ask_queue_take(q, false, id, &got));
	assert_memory_equal(id, container_id(digit), sizeof(id));
	assert_int_equal(got, is_waited_for);
}

static void test_who_waits_comes_first(void **state)
{
	_cleanup_(ask_queue_done) struct ask_queue q;
	char id[CONTAINER_ID_LEN];
	bool is_waited_for;

	(void)state;
	ask_queue_init(&q, 10);
	assert_int_equal(ask_queue_put(&q, container_id('a'), false), 0);
	assert_int_equal(ask_queue_put(&q, container_id('b'), false), 0);
	assert_int_equal(ask_queue_put(&q, container_id('c'), true), 0);
	assert_int_equal(ask_queue_put(&q, container_id('b'), true), 0);
	assert_next(&q, 'c', true);
	assert_next(&q, 'b', true);
	assert_false(ask_queue_take(&q, true, id, &is_waited_for));
	assert_next(&q, 'a', false);
	assert_false(ask_queue_take(&q, false, id, &is_waited_for));
}

static void test_each_once_and_so_many(void **state)
{
	_cleanup_(ask_queue_done) struct ask_queue q;

	(void)state;
	ask_queue_init(&q, 2);
	assert_int_equal(ask_queue_put(&q, container_id('a'), true), 0);
	assert_int_equal(ask_queue_put(&q, container_id('a'), true), 0);
	assert_int_equal(ask_queue_put(&q, container_id('a'), false), 0);
	assert_int_equal(q.n, 1);
	assert_int_equal(ask_queue_put(&q, container_id('b'), false), 0);
	assert_int_equal(ask_queue_put(&q, container_id('c'), true), -ENOSPC);
	assert_next(&q, 'a', true);
	assert_int_equal(ask_queue_put(&q, container_id('c'), true), 0);
	assert_next(&q, 'c', true);
	assert_next(&q, 'b', false);
	assert_int_equal(q.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_waits_comes_first),
		cmocka_unit_test(test_each_once_and_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
