/* SPDX-License-Identifier: Apache-2.0 */
/* When it is tried again, whatever chance says, and whether by a list. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "enrich/kubernetes_retry.h"

/* After so many failures the next wait is within these bounds. */
static void test_waits(void **state)
{
	static const struct {
		struct kubernetes_try last;
		unsigned int n_before;
		unsigned int least_ms, most_ms;
		bool from_list, short_list;
	} cases[] = {
		{ { .r = 0, .learned = true }, 0, 0, 0, false, false },
		{ { .r = 0, .learned = true }, 9, 0, 0, false, false },
		{ { .r = 0 }, 0, 250, 750, false, false },
		{ { .r = 0 }, 3, 2000, 6000, false, false },
		{ { .r = -ETIMEDOUT, .learned = true }, 5, 250, 750, false, false },
		{ { .r = -ECONNREFUSED }, 20, 15000, 45000, false, false },
		{ { .r = -ESTALE }, 0, 0, 0, true, false },
		{ { .r = -ESTALE }, 1, 500, 1500, true, false },
		{ { .r = -EKEYEXPIRED }, 0, 0, 0, false, false },
		{ { .r = -EKEYEXPIRED }, 1, 500, 1500, false, false },
		{ { .r = -EPERM }, 0, 250, 750, false, false },
		{ { .r = -EMSGSIZE }, 0, 250, 750, true, true },
		{ { .r = -EBADMSG }, 1, 500, 1500, false, false },
		{ { .r = -EBADMSG }, 2, 1000, 3000, true, false },
		{ { .r = -EBUSY, .asked_wait_s = 7 }, 0, 7000, 7400, false, false },
		{ { .r = -EBUSY, .asked_wait_s = 4000000000 }, 0, 300000, 301000, false, false },
	};
	static const uint32_t chances[] = { 0, 1, 499, 500, 12345, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t j = 0; j < ARRAY_SIZE(chances); j++) {
			struct kubernetes_retry retry = { .n_failures = cases[i].n_before };
			struct kubernetes_try last = cases[i].last;
			struct kubernetes_next next;

			last.chance = chances[j];
			next = kubernetes_retry_next(&retry, &last);
			assert_in_range(next.wait_ms, cases[i].least_ms, cases[i].most_ms);
			assert_int_equal(next.from_list, cases[i].from_list);
			assert_int_equal(next.short_list, cases[i].short_list);
		}
}

static void test_failures_are_counted_until_something_is_learned(void **state)
{
	struct kubernetes_retry retry = { 0 };
	const struct kubernetes_try failed = { .r = -ETIMEDOUT }, learned = { .learned = true };

	(void)state;
	for (unsigned int i = 1; i < 5; i++) {
		kubernetes_retry_next(&retry, &failed);
		assert_int_equal(retry.n_failures, i);
	}
	kubernetes_retry_next(&retry, &learned);
	assert_int_equal(retry.n_failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_failures_are_counted_until_something_is_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
