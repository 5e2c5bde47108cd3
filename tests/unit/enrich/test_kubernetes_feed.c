/* SPDX-License-Identifier: Apache-2.0 */
/* A server that is not there: it is said, and what is known of pods stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "kubernetes_case.h"
#include "kubernetes_world.h"

static void test_nobody_there(void **state)
{
	const uint64_t until = clock_now_ns(CLOCK_MONOTONIC) + 10 * CLOCK_SECOND_NS;
	static char node[] = "node-1";
	struct kubernetes_world w;

	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	kubernetes_world_init(&w);
	w.k.node = node;
	w.k.state.status = SOURCE_CONNECTING;
	if (http_new(&w.k.feed_http) < 0) {
		print_message("libcurl is not installed\n");
		skip();
	}
	assert_int_equal(kubernetes_pods_put(&w.k.pods, parse_pod(POD("a", "1", ""))), 0);
	kubernetes_world_begin(&w, kubernetes_feed);
	kubernetes_world_lock(&w);
	while (!w.k.state.failures && clock_now_ns(CLOCK_MONOTONIC) < until)
		kubernetes_wait(&w.k, until);
	assert_int_equal(w.k.state.failures, 1);
	assert_int_equal(w.k.state.status, SOURCE_CONNECTING);
	assert_true(w.k.state.error < 0);
	assert_int_equal(w.k.pods.n, 1);
	kubernetes_world_unlock(&w);
	kubernetes_world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
