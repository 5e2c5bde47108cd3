/* SPDX-License-Identifier: Apache-2.0 */
/* Each flusher is judged by itself, and named. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "agent/delivery.h"
#include "base/log.h"

#include "one_event.h"

#define SECOND UINT64_C(1000000000)

static const char config[] =
	"inputs: [{Type: input_process_security}]\n"
	"flushers: [{Type: flusher_blackhole}, {Type: flusher_file, FilePath: /dev/full}]\n";

static struct {
	struct health health;
	struct delivery delivery;
	struct pipelines pipelines;
	char why[1024];
} t;

static bool is_healthy(uint64_t now_ns)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	bool is;

	health_turn(&t.health, now_ns);
	is = health_judge(&t.health, now_ns, &out);
	buf_put_char(&out, '\0');
	snprintf(t.why, sizeof(t.why), "%s", out.data);
	return is;
}

static void deliver(void)
{
	pipeline_deliver(t.pipelines.items[0].pipeline, one_event(), 0, 0);
	while (pipelines_pending(&t.pipelines) != UINT64_MAX)
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

static void test_judge(void **state)
{
	(void)state;
	assert_int_equal(delivery_follow(&t.delivery, &t.pipelines), 0);
	assert_int_equal(t.delivery.n, 2);
	delivery_judge(&t.delivery, &t.pipelines, 1 * SECOND);
	assert_true(is_healthy(1 * SECOND));
	deliver();
	delivery_judge(&t.delivery, &t.pipelines, 2 * SECOND);
	delivery_judge(&t.delivery, &t.pipelines, 3 * SECOND);
	assert_false(is_healthy(5 * SECOND));
	assert_string_equal(
		t.why, "{\"healthy\":false,\"reasons\":[\"flusher:default/flusher_file has been "
		       "failing for 3 s: No space left on device\"]}");
}

/* What was dropped before the checks were made is none of theirs. */
static void test_dropped(void **state)
{
	struct delivery_check *check;

	(void)state;
	deliver();
	assert_int_equal(delivery_follow(&t.delivery, &t.pipelines), 0);
	check = &t.delivery.checks[1];
	assert_true(check->n_dropped > 0);
	check->n_dropped--;
	delivery_judge(&t.delivery, &t.pipelines, SECOND);
	assert_false(is_healthy(SECOND));
}

/* Pipelines that have gone, and nobody has followed yet, are left alone. */
static void test_follow(void **state)
{
	(void)state;
	assert_int_equal(delivery_follow(&t.delivery, &t.pipelines), 0);
	deliver();
	pipelines_done(&t.pipelines);
	delivery_judge(&t.delivery, &t.pipelines, SECOND);
	assert_true(is_healthy(SECOND));
	assert_int_equal(delivery_follow(&t.delivery, &t.pipelines), 0);
	assert_int_equal(t.delivery.n, 0);
	delivery_judge(&t.delivery, &t.pipelines, SECOND);
	assert_true(is_healthy(SECOND));
}

static int set_up(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	health_init(&t.health);
	delivery_init(&t.delivery, &t.health);
	pipelines_init(&t.pipelines, NULL, 0, NULL);
	if (pipelines_load(&t.pipelines, config) < 0)
		return -1;
	return pipelines_start(&t.pipelines);
}

static int tear_down(void **state)
{
	(void)state;
	delivery_done(&t.delivery);
	pipelines_done(&t.pipelines);
	health_done(&t.health);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_judge, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_follow, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
