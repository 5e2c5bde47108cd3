/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proc/owner.h"

static void test_users(void **state)
{
	struct owner_table t;
	const struct user *old;

	(void)state;
	owner_table_init(&t, 2);
	assert_null(users_lookup(&t, 1));
	assert_int_equal(users_put(&t, 1, STR("one")), 0);
	old = user_ref(users_lookup(&t, 1));
	assert_int_equal(users_put(&t, 1, STR("one")), 0);
	assert_ptr_equal(users_lookup(&t, 1), old);
	assert_int_equal(users_put(&t, 1, STR("uno")), 0);
	assert_true(str_eq(users_lookup(&t, 1)->name, STR("uno")));
	assert_true(str_eq(old->name, STR("one")));
	user_unref(old);

	/* The one that was used longest ago makes room. */
	assert_int_equal(users_put(&t, 2, STR("two")), 0);
	assert_non_null(users_lookup(&t, 1));
	assert_int_equal(users_put(&t, 3, STR_EMPTY), 0);
	assert_null(users_lookup(&t, 2));
	assert_non_null(users_lookup(&t, 1));
	assert_int_equal(users_lookup(&t, 3)->name.n, 0);
	users_done(&t);
	user_unref(NULL);
	assert_null(user_ref(NULL));
}

static void test_long_name(void **state)
{
	char name[1000];
	struct owner_table t;

	(void)state;
	memset(name, 'x', sizeof(name));
	owner_table_init(&t, 2);
	assert_int_equal(users_put(&t, 1, (struct str){ .p = name, .n = sizeof(name) }), 0);
	assert_int_equal(users_lookup(&t, 1)->name.n, USER_NAME_MAX);
	users_done(&t);
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_cgroups(void **state)
{
	struct container_table containers;
	struct owner_table t;
	const struct cgroup *held;
	const int64_t offset = 0;
	uint64_t stamp = 0;

	(void)state;
	owner_table_init(&t, 2);
	containers_init(&containers, 2, &stamp, &offset);
	assert_int_equal(cgroups_put(&t, &containers, 0, 7, STR("/docker/" ID)), 0);
	assert_int_equal(cgroups_put(&t, &containers, 4, 7, STR("/user.slice")), 0);
	assert_non_null(cgroups_lookup(&t, 0, 7)->container);
	assert_memory_equal(cgroups_lookup(&t, 0, 7)->container->id, ID, 64);
	assert_null(cgroups_lookup(&t, 4, 7)->container);
	assert_null(cgroups_lookup(&t, 4, 8));

	/*
	 * The same again changes nothing; the id of a removed group may come back with another
	 * path.
	 */
	held = cgroup_ref(cgroups_lookup(&t, 0, 7));
	assert_int_equal(cgroups_put(&t, &containers, 0, 7, STR("/docker/" ID "/child")), 0);
	assert_ptr_equal(cgroups_lookup(&t, 0, 7), held);
	assert_int_equal(cgroups_put(&t, &containers, 0, 7, STR("/")), 0);
	assert_null(cgroups_lookup(&t, 0, 7)->container);

	/* Another hierarchy's group of the same container shows the same. */
	assert_int_equal(cgroups_put(&t, &containers, 9, 9, STR("/docker/" ID)), 0);
	assert_ptr_equal(cgroups_lookup(&t, 9, 9)->container, held->container);

	assert_int_equal(cgroups_put(&t, &containers, 0, 8, STR("/")), 0);
	assert_null(cgroups_lookup(&t, 4, 7));
	assert_non_null(held->container);
	cgroups_done(&t);
	containers_done(&containers);
	cgroup_unref(held);
	cgroup_unref(NULL);
	assert_null(cgroup_ref(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_cgroups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
