/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "enrich/image_digests.h"
#include <cmocka.h>

static void test_get(void **state)
{
	_cleanup_(image_digests_done) struct image_digests d;
	_cleanup_(freep) char *a = NULL, *b = NULL;

	(void)state;
	image_digests_init(&d);
	assert_int_equal(image_digests_get(&d, "id", "name", &a), -ENOENT);
	assert_int_equal(image_digests_put(&d, "id", "name", "one"), 0);
	assert_int_equal(image_digests_put(&d, "id", "name", "two"), 0);
	assert_int_equal(image_digests_put(&d, "id", "other", ""), 0);
	assert_int_equal(image_digests_get(&d, "id", "name", &a), 0);
	assert_int_equal(image_digests_get(&d, "id", "other", &b), 0);
	assert_string_equal(a, "two");
	assert_string_equal(b, "");
}

static void test_the_oldest_goes(void **state)
{
	_cleanup_(image_digests_done) struct image_digests d;
	_cleanup_(freep) char *digest = NULL;

	(void)state;
	image_digests_init(&d);
	for (int i = 0; i <= IMAGE_DIGESTS_MAX; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(image_digests_put(&d, id, "name", id), 0);
	}
	assert_int_equal(image_digests_get(&d, "0", "name", &digest), -ENOENT);
	assert_int_equal(image_digests_get(&d, "1", "name", &digest), 0);
	assert_string_equal(digest, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_the_oldest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
