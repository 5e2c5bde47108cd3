/* SPDX-License-Identifier: Apache-2.0 */
/* Users of one container: by namespace and uid, named late or at once, a bounded number of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proc/inner_users.h"
#include "proc/owner.h"

static int setup(void **state)
{
	struct inner_users *u = calloc(1, sizeof(*u));

	inner_users_init(u);
	*state = u;
	return 0;
}

static int teardown(void **state)
{
	inner_users_done(*state);
	free(*state);
	return 0;
}

static void test_keys(void **state)
{
	struct inner_users *u = *state;

	assert_int_equal(inner_users_put(u, 1, 0, STR("root")), 0);
	assert_int_equal(inner_users_put(u, 2, 0, STR("admin")), 0);
	assert_int_equal(inner_users_put(u, 1, 5, STR_EMPTY), 0);
	assert_true(str_eq(inner_users_lookup(u, 1, 0)->name, STR("root")));
	assert_true(str_eq(inner_users_lookup(u, 2, 0)->name, STR("admin")));
	assert_int_equal(inner_users_lookup(u, 1, 5)->name.n, 0);
	assert_null(inner_users_lookup(u, 2, 5));
	assert_int_equal(u->n, 3);
}

/* While it has no name, whether events wait for it or not; each has its own bound. */
static void test_asked_again(void **state)
{
	struct inner_users *u = *state;

	assert_false(inner_users_may_ask_again(u, 1, 7));
	assert_int_equal(inner_users_await(u, 1, 7, false), 0);
	assert_int_equal(inner_users_await(u, 1, 8, true), 0);
	for (int i = 0; i < INNER_USERS_AGAIN; i++)
		assert_true(inner_users_may_ask_again(u, 1, 7));
	assert_false(inner_users_may_ask_again(u, 1, 7));
	assert_true(inner_users_may_ask_again(u, 1, 8));
	assert_int_equal(inner_users_put(u, 1, 8, STR_EMPTY), 0);
	assert_false(inner_users_may_ask_again(u, 1, 8));
}

/* Whoever shows it sees the name come; afterwards it stays, and another name is another user. */
static void test_filled_in(void **state)
{
	struct inner_users *u = *state;
	const struct user *shown;

	assert_int_equal(inner_users_await(u, 1, 7, false), 0);
	assert_int_equal(inner_users_await(u, 1, 7, false), 0);
	shown = user_ref(inner_users_lookup(u, 1, 7));
	assert_int_equal(shown->state, USER_AWAITED);
	assert_int_equal(shown->name.n, 0);
	assert_true(inner_users_are_awaited(u));
	assert_int_equal(inner_users_put(u, 1, 7, STR("app")), 0);
	assert_int_equal(shown->state, USER_KNOWN);
	assert_true(str_eq(shown->name, STR("app")));
	assert_false(inner_users_are_awaited(u));

	assert_int_equal(inner_users_put(u, 1, 7, STR("app")), 0);
	assert_ptr_equal(inner_users_lookup(u, 1, 7), shown);
	assert_int_equal(inner_users_put(u, 1, 7, STR("other")), 0);
	assert_true(str_eq(shown->name, STR("app")));
	assert_true(str_eq(inner_users_lookup(u, 1, 7)->name, STR("other")));
	assert_int_equal(inner_users_await(u, 1, 7, false), 0); /* it is known */
	assert_false(inner_users_are_awaited(u));
	user_unref(shown);
}

static void test_overdue(void **state)
{
	struct inner_users *u = *state;
	const struct user *late;

	inner_users_await(u, 1, 7, false);
	inner_users_overdue(u);
	late = inner_users_lookup(u, 1, 7);
	assert_false(inner_users_are_awaited(u));
	assert_int_equal(late->state, USER_OVERDUE);
	assert_int_equal(inner_users_await(u, 1, 7, false), 0);
	assert_true(inner_users_are_awaited(u));
	assert_int_equal(inner_users_await(u, 1, 7, true), 0);
	assert_false(inner_users_are_awaited(u));
	inner_users_put(u, 1, 7, STR("late"));
	assert_ptr_equal(inner_users_lookup(u, 1, 7), late);
	assert_true(str_eq(late->name, STR("late")));
}

static void test_bounds(void **state)
{
	char name[USER_NAME_MAX + 100];
	struct inner_users *u = *state;

	memset(name, 'n', sizeof(name));
	inner_users_put(u, 9, 9, (struct str){ .p = name, .n = sizeof(name) });
	assert_int_equal(inner_users_lookup(u, 9, 9)->name.n, USER_NAME_MAX);
	for (uint32_t uid = 0; uid < INNER_USERS_MAX; uid++) {
		assert_int_equal(inner_users_put(u, 1, uid, STR("x")), 0);
		assert_non_null(inner_users_lookup(u, 1, 0)); /* is used */
	}
	assert_int_equal(u->n, INNER_USERS_MAX);
	assert_null(inner_users_lookup(u, 9, 9));
	assert_non_null(inner_users_lookup(u, 1, 0));
	/* The oldest one is replaced where there is no room for one more. */
	assert_int_equal(inner_users_put(u, 1, 1, STR("y")), 0);
	assert_int_equal(u->n, INNER_USERS_MAX);
	assert_true(str_eq(inner_users_lookup(u, 1, 1)->name, STR("y")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filled_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overdue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
