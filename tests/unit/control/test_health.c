/* SPDX-License-Identifier: Apache-2.0 */
/* What is healthy, with a clock of our own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "control/health.h"
#include <cmocka.h>

#define S UINT64_C(1000000000)

static void assert_judged(struct health *h, uint64_t now_ns, bool is_healthy, const char *reasons)
{
	_cleanup_(buf_done) struct buf got = { 0 }, wanted = { 0 };

	assert_int_equal(health_judge(h, now_ns, &got), is_healthy);
	buf_printf(&wanted, "{\"healthy\":%s,\"reasons\":[%s]}%c", is_healthy ? "true" : "false",
		   reasons, '\0');
	buf_put_char(&got, '\0');
	assert_string_equal(got.data, wanted.data);
}

static void test_not_ready(void **state)
{
	struct health h;

	(void)state;
	health_init(&h);
	assert_judged(&h, 100 * S, false, "\"the agent is not ready yet\"");
	health_turn(&h, 100 * S);
	assert_judged(&h, 100 * S, true, "");
	health_done(&h);
}

static void test_reader(void **state)
{
	static const struct {
		uint64_t now_ns;
		bool is_healthy;
		const char *reasons;
	} cases[] = {
		{ 99 * S, true, "" }, /* it turned after the clock was read */
		{ 100 * S, true, "" },
		{ 105 * S, true, "" },
		{ 105 * S + 1, false, "\"the reader has been stuck for 5 s\"" },
		{ 250 * S, false, "\"the reader has been stuck for 150 s\"" },
	};
	struct health h;
	size_t i;

	(void)state;
	health_init(&h);
	health_turn(&h, 100 * S);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_judged(&h, cases[i].now_ns, cases[i].is_healthy, cases[i].reasons);
	health_done(&h);
}

static void test_losses(void **state)
{
	struct health h;

	(void)state;
	health_init(&h);
	health_lose(&h, 5, 100 * S);
	health_turn(&h, 103 * S);
	assert_judged(&h, 103 * S, false, "\"records were lost 3 s ago, 5 since the start\"");
	health_lose(&h, 2, 104 * S);
	assert_judged(&h, 104 * S, false, "\"records were lost 0 s ago, 7 since the start\"");
	health_turn(&h, 163 * S);
	assert_judged(&h, 163 * S, false, "\"records were lost 59 s ago, 7 since the start\"");
	health_turn(&h, 164 * S);
	assert_judged(&h, 164 * S, true, "");
	health_done(&h);
}

static void test_checks(void **state)
{
	struct health_check *file = NULL, *http = NULL;
	struct health h;

	(void)state;
	health_init(&h);
	health_turn(&h, 100 * S);
	assert_int_equal(health_add(&h, "pipeline 'a\"b', flusher_file", &file), 0);
	assert_int_equal(health_add(&h, "pipeline 'c', flusher_http", &http), 0);
	assert_judged(&h, 100 * S, true, "");

	health_fail(file, -ENOSPC, 97 * S);
	health_fail(file, -EIO, 98 * S);
	health_fail(http, -ETIMEDOUT, 100 * S);
	assert_judged(&h, 100 * S, false,
		      "\"pipeline 'a\\\"b', flusher_file has been failing for 3 s: Input/output "
		      "error\",\"pipeline 'c', flusher_http has been failing for 0 s: Connection "
		      "timed out\"");
	health_pass(file);
	assert_judged(&h, 100 * S, false,
		      "\"pipeline 'c', flusher_http has been failing for 0 s: Connection timed "
		      "out\"");
	health_remove(&h, http);
	assert_judged(&h, 100 * S, true, "");

	health_fail(file, -EIO, 100 * S); /* the time counts from the last failure on */
	assert_judged(&h, 101 * S, false,
		      "\"pipeline 'a\\\"b', flusher_file has been failing for 1 s: Input/output "
		      "error\"");
	health_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_ready),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
