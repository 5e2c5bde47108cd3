/* SPDX-License-Identifier: Apache-2.0 */
/* Owners that cannot be asked for: a failure each, later and later, and no name is made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "kubernetes_case.h"
#include "kubernetes_world.h"

static void wait_for_failures(struct kubernetes_world *w, uint64_t n)
{
	const uint64_t until = clock_now_ns(CLOCK_MONOTONIC) + 10 * CLOCK_SECOND_NS;

	kubernetes_world_lock(w);
	while (w->k.state.failures < n && clock_now_ns(CLOCK_MONOTONIC) < until)
		kubernetes_wait(&w->k, until);
	assert_int_equal(w->k.state.failures, n);
	kubernetes_world_unlock(w);
}

static void test_nobody_there(void **state)
{
	struct kubernetes_workload *w;
	struct kubernetes_world world;
	uint64_t now;

	(void)state;
	kubernetes_world_init(&world);
	if (http_new(&world.k.owners_http) < 0) {
		print_message("libcurl is not installed\n");
		skip();
	}
	assert_int_equal(
		kubernetes_pods_put(
			&world.k.pods,
			parse_pod(POD("a", "1", OWNED("apps/v1", "ReplicaSet", "web-5d8", "x")))),
		0);
	w = world.k.pods.entries[0].workload;
	assert_non_null(w);
	now = clock_now_ns(CLOCK_MONOTONIC);
	kubernetes_world_begin(&world, kubernetes_owners);
	wait_for_failures(&world, 1);
	kubernetes_world_lock(&world);
	assert_null(w->kind);
	assert_int_equal(w->n_tries, 1);
	assert_true(w->due_ns > now + CLOCK_SECOND_NS / 4); /* not at once */
	/* Whoever asks does not wait for it. */
	assert_true(kubernetes_workload_is_settled(w, world.k.pods.entries[0].pod));
	kubernetes_world_unlock(&world);
	kubernetes_world_done(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
