/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "enrich/container_set.h"
#include <cmocka.h>

#include "container_ids.h"

static int put(struct container_set *s, char digit, const char *name)
{
	_cleanup_(container_facts_done) struct container_facts f;

	container_facts_init(&f, container_id(digit));
	assert_int_equal(container_facts_set(&f, CONTAINER_NAME, str_from(name)), 0);
	return container_set_put(s, &f);
}

static void test_put_and_remove(void **state)
{
	_cleanup_(container_set_done) struct container_set s;

	(void)state;
	container_set_init(&s, 2);
	assert_int_equal(put(&s, 'a', "x"), 0);
	assert_int_equal(put(&s, 'a', "x"), 0);
	assert_int_equal(put(&s, 'b', "x"), 0);
	assert_int_equal(container_set_n(&s), 2);
	assert_int_equal(put(&s, 'c', "x"), -ENOSPC);
	assert_true(container_set_remove(&s, container_id('a')));
	assert_false(container_set_remove(&s, container_id('a')));
	assert_int_equal(put(&s, 'c', "x"), 0);
	assert_int_equal(container_set_n(&s), 2);
}

static void test_what_is_known(void **state)
{
	_cleanup_(container_set_done) struct container_set s;
	_cleanup_(container_facts_done) struct container_facts f;

	(void)state;
	container_set_init(&s, 10);
	assert_null(container_set_lookup(&s, container_id('a')));
	assert_int_equal(put(&s, 'a', "old"), 0);
	container_facts_init(&f, container_id('a'));
	f.started_ns = 7;
	assert_int_equal(container_set_put(&s, &f), 0);
	assert_int_equal(put(&s, 'a', "new"), 0);
	assert_string_equal(container_set_lookup(&s, container_id('a'))->texts[CONTAINER_NAME],
			    "new");
	assert_int_equal(container_set_lookup(&s, container_id('a'))->started_ns, 7);
	assert_true(container_set_remove(&s, container_id('a')));
	assert_null(container_set_lookup(&s, container_id('a')));
}

static void test_listing(void **state)
{
	_cleanup_(container_set_done) struct container_set s;
	char id[CONTAINER_ID_LEN];

	(void)state;
	container_set_init(&s, 10);
	for (const char *p = "abcd"; *p; p++)
		assert_int_equal(put(&s, *p, "x"), 0);
	container_set_begin(&s);
	assert_int_equal(put(&s, 'b', "x"), 0);
	assert_int_equal(put(&s, 'e', "x"), 0);
	assert_int_equal(put(&s, 'd', "x"), 0);
	assert_true(container_set_take_gone(&s, id));
	assert_memory_equal(id, container_id('a'), sizeof(id));
	assert_true(container_set_take_gone(&s, id));
	assert_memory_equal(id, container_id('c'), sizeof(id));
	assert_false(container_set_take_gone(&s, id));
	assert_int_equal(container_set_n(&s), 3);
	/* An empty listing: all of them have gone. */
	container_set_begin(&s);
	for (int i = 0; i < 3; i++)
		assert_true(container_set_take_gone(&s, id));
	assert_false(container_set_take_gone(&s, id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_remove),
		cmocka_unit_test(test_what_is_known),
		cmocka_unit_test(test_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
