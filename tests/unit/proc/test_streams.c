/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proc/streams.h"

static void account(struct streams *s, uint16_t generation, uint16_t cpu, uint32_t lost)
{
	struct event_head head = { .generation = generation, .cpu = cpu, .lost_exec = lost };

	assert_int_equal(streams_account(s, &head), 0);
}

static void test_differences(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, 1, 0, 3);
	assert_int_equal(s.exec, 3);
	account(&s, 1, 0, 3);
	assert_int_equal(s.exec, 3);
	account(&s, 1, 0, 10);
	assert_int_equal(s.exec, 10);
	account(&s, 1, 1, 1);
	account(&s, 2, 0, 1);
	account(&s, 1, EVENT_CPU_SNAPSHOT, 1);
	account(&s, 1, EVENT_CPU_AGENT, 1);
	assert_int_equal(s.exec, 13);
	streams_done(&s);
}

static void test_wrap(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	account(&s, 1, 0, 0x7fffffff);
	account(&s, 1, 0, 0xfffffffe);
	account(&s, 1, 0, 2);
	assert_int_equal(s.exec, 0x100000002);
	account(&s, 1, 0, 1); /* backwards: not believed */
	account(&s, 1, 0, 2);
	assert_int_equal(s.exec, 0x100000002);
	streams_done(&s);
}

/* Streams that nobody can have are forgotten again. */
static void test_bounded(void **state)
{
	struct streams s;

	(void)state;
	streams_init(&s);
	for (uint32_t i = 0; i < 100000; i++)
		account(&s, (uint16_t)(i >> 10), (uint16_t)(i & 1023), 1);
	assert_int_equal(s.exec, 100000);
	assert_true(s.index.n <= 16384);
	streams_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
