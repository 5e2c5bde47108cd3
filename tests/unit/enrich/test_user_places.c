/* SPDX-License-Identifier: Apache-2.0 */
/* Places by container and namespace, within bounds, and what was told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "enrich/user_places.h"

static void test_keys_and_bound(void **state)
{
	char a[CONTAINER_ID_LEN], b[CONTAINER_ID_LEN];
	struct user_places p;

	(void)state;
	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	user_places_init(&p);
	assert_null(user_places_lookup(&p, a, 1));
	for (uint32_t ns = 1; ns <= PLACES_MAX; ns++)
		assert_non_null(user_places_obtain(&p, a, ns));
	assert_ptr_equal(user_places_obtain(&p, a, 1), user_places_lookup(&p, a, 1));
	assert_non_null(user_places_obtain(&p, b, 1));
	assert_int_equal(p.n, PLACES_MAX);
	assert_int_equal(p.evicted, 1);
	assert_null(user_places_lookup(&p, a, 2));
	assert_ptr_not_equal(user_places_lookup(&p, a, 1), user_places_lookup(&p, b, 1));
	user_place_free(&p, user_places_lookup(&p, b, 1));
	user_place_free(&p, user_places_lookup(&p, b, 1));
	assert_int_equal(p.n, PLACES_MAX - 1);
	user_places_done(&p);
}

static void test_news(void **state)
{
	struct user_place place = { 0 };

	(void)state;
	assert_true(user_place_tell(&place, 1, STR("a")));
	assert_false(user_place_tell(&place, 1, STR("a")));
	assert_true(user_place_tell(&place, 1, STR_EMPTY));
	for (uint32_t uid = 2; uid <= PLACE_TOLD + 1; uid++)
		assert_true(user_place_tell(&place, uid, STR("b")));
	assert_false(user_place_tell(&place, 2, STR("b")));
	assert_true(user_place_tell(&place, 1, STR_EMPTY)); /* that was forgotten */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_keys_and_bound),
					    cmocka_unit_test(test_news) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
