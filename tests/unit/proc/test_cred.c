/* SPDX-License-Identifier: Apache-2.0 */
/* Equal credentials are one, for as long as somebody has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "event/image.h"
#include "proc/cred.h"

static const struct event_cred creds[] = {
	{ .euid = 1 },
	{ .euid = 2 },
	{ .euid = 1, .euid_shift = 1 },
	{ .euid = 1, .permitted = 1 },
	{ .euid = 1, .effective = 1 },
	{ .euid = 1, .inheritable = 1 },
	{ 0 },
};

static void test_sharing(void **state)
{
	const struct event_cred *have[ARRAY_SIZE(creds)];
	struct slab_spare spare = { 0 };
	struct cred_table t;

	(void)state;
	cred_table_init(&t, &spare);
	for (size_t i = 0; i < ARRAY_SIZE(creds); i++) {
		have[i] = cred_get(&t, &creds[i]);
		assert_memory_equal(have[i], &creds[i], sizeof(creds[i]));
		assert_int_equal(t.index.n, i + 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(creds); i++)
		assert_ptr_equal(cred_get(&t, &creds[i]), have[i]);
	assert_int_equal(t.index.n, ARRAY_SIZE(creds));
	for (size_t i = 0; i < ARRAY_SIZE(creds); i++) {
		cred_unref(&t, have[i]);
		assert_memory_equal(have[i], &creds[i], sizeof(creds[i]));
		cred_unref(&t, have[i]);
		assert_int_equal(t.index.n, ARRAY_SIZE(creds) - i - 1);
	}
	assert_int_equal(t.slab.n, 0);
	cred_table_done(&t);
}

/* Each differs from the first in one thing, also right after it was asked for. */
static void test_differences(void **state)
{
	static const struct event_cred others[] = {
		{ .euid = 2 },
		{ .euid = 1, .euid_shift = 1 },
		{ .euid = 1, .permitted = 1 },
		{ .euid = 1, .effective = 1 },
		{ .euid = 1, .inheritable = 1 },
	};
	const struct event_cred first = { .euid = 1 };
	struct slab_spare spare = { 0 };
	struct cred_table t;

	(void)state;
	cred_table_init(&t, &spare);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_memory_equal(cred_get(&t, &first), &first, sizeof(first));
		assert_memory_equal(cred_get(&t, &others[i]), &others[i], sizeof(first));
	}
	cred_table_done(&t);
}

/* The one that was asked for last goes, and another takes its memory. */
static void test_last_goes(void **state)
{
	const struct event_cred *one, *other;
	struct slab_spare spare = { 0 };
	struct cred_table t;

	(void)state;
	cred_table_init(&t, &spare);
	one = cred_get(&t, &creds[0]);
	cred_unref(&t, one);
	other = cred_get(&t, &creds[1]);
	assert_int_equal(other->euid, 2);
	assert_int_equal(cred_get(&t, &creds[0])->euid, 1);
	assert_true(cred_table_bytes(&t) >= 2 * sizeof(*one));
	cred_unref(&t, &cred_unknown); /* nobody's */
	cred_table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_last_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
