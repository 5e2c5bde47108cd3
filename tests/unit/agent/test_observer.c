/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent shows of itself: numbers that are taken over now and then, and a health that is
 * true.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../control/folder.h"
#include "agent/observer.h"
#include "base/clock.h"
#include "base/log.h"

#include "one_event.h"

static struct {
	struct observer observer;
	struct reader reader;
	struct pipelines pipelines;
} t;

static bool page_has(const char *text)
{
	_cleanup_(buf_done) struct buf page = { 0 };

	metrics_format_text(t.observer.metrics, &page);
	buf_put_char(&page, '\0');
	return strstr(page.data, text);
}

/* Whether it is healthy now; *text (of 512 bytes) says why not. */
static bool is_healthy(char *text)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	bool ret = health_judge(&t.observer.health, clock_now_ns(CLOCK_MONOTONIC), &out);

	snprintf(text, 512, "%.*s", (int)out.len, out.data);
	return ret;
}

/* As when a second has gone by. */
static void turn(void)
{
	t.observer.updated_ns = 0;
	observer_turn(&t.observer, &t.reader);
}

/* The user of a record that says nothing else. */
static void fold_user(uint32_t uid)
{
	const struct event_user e = {
		.head = { .size = sizeof(e),
			  .layout = EVENT_LAYOUT,
			  .type = EVENT_USER,
			  .cpu = EVENT_CPU_AGENT,
			  .generation = 1 },
		.uid = uid,
	};

	assert_int_equal(reader_fold(&t.reader, &e, sizeof(e)), 0);
}

static void test_page(void **state)
{
	(void)state;
	assert_true(page_has("proctrail_ring_size_bytes 0\n"));
	assert_true(page_has("proctrail_records_total{call=\"execve\"} 0\n"));
	assert_true(page_has("proctrail_batches_total 0\n"));
	assert_true(page_has("\nproctrail_process_") || page_has("\nprocess_"));
	fold_user(1);
	assert_int_equal(reader_deliver(&t.reader), 0);
	assert_true(page_has("proctrail_batches_total 1\n"));
}

/* What the fold counts is taken over once a second, not at each turn. */
static void test_update(void **state)
{
	(void)state;
	assert_int_equal(reader_fold(&t.reader, "short", 5), 0);
	turn();
	assert_true(page_has("proctrail_malformed_records_total 1\n"));
	assert_int_equal(reader_fold(&t.reader, "short", 5), 0);
	if (clock_now_ns(CLOCK_MONOTONIC) - t.observer.updated_ns <
	    500000000) { /* the machine is not asleep */
		observer_turn(&t.observer, &t.reader);
		assert_true(page_has("proctrail_malformed_records_total 1\n"));
	}
	turn();
	assert_true(page_has("proctrail_malformed_records_total 2\n"));
}

static void test_ready(void **state)
{
	char why[512];

	(void)state;
	assert_false(is_healthy(why));
	turn();
	assert_true(is_healthy(why));
	assert_string_equal(why, "{\"healthy\":true,\"reasons\":[]}");
}

/* A flusher that fails is no health, until nothing fails any more. */
static void test_delivery(void **state)
{
	char why[512];

	(void)state;
	pipelines_init(&t.pipelines, NULL, 0, t.observer.metrics);
	assert_int_equal(
		pipelines_load(
			&t.pipelines,
			"inputs: [{Type: input_process_security}]\n"
			"flushers: [{Type: flusher_blackhole}, {Type: flusher_file, FilePath: /dev/full}]\n"),
		0);
	assert_int_equal(pipelines_start(&t.pipelines), 0);
	t.reader.pipelines = &t.pipelines;
	observer_describe(&t.observer, &t.reader, "node");
	turn();
	assert_true(is_healthy(why));
	assert_true(page_has("proctrail_pipelines 1\n"));
	pipeline_deliver(t.pipelines.items[0].pipeline, one_event(), 0, 0);
	while (pipelines_pending(&t.pipelines) != UINT64_MAX)
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	turn();
	assert_false(is_healthy(why));
	assert_non_null(strstr(why, "No space left on device"));
	pipelines_done(&t.pipelines);
	observer_describe(&t.observer, &t.reader, "node");
	turn();
	assert_true(is_healthy(why));
	assert_true(page_has("proctrail_pipelines 0\n"));
}

/* A control socket is a help, not a need; an address that was asked for is one. */
static void test_listen(void **state)
{
	struct agent_settings settings = { .instance = (char *)"test" };
	struct folder folder;

	(void)state;
	assert_int_equal(observer_listen(&t.observer, &settings), 0);
	assert_null(t.observer.control);
	observer_describe(&t.observer, &t.reader, "node"); /* nobody to tell */
	settings.control_socket = (char *)"/dev/null/a.sock";
	assert_int_equal(observer_listen(&t.observer, &settings), 0);
	assert_null(t.observer.control);
	settings.metrics_listen = (char *)"nowhere";
	assert_true(observer_listen(&t.observer, &settings) < 0);
	assert_null(t.observer.control);
	settings.metrics_listen = NULL;
	assert_int_equal(folder_make(&folder), 0);
	settings.control_socket = folder.socket;
	assert_int_equal(observer_listen(&t.observer, &settings), 0);
	assert_non_null(t.observer.control);
	assert_int_equal(access(folder.socket, F_OK), 0);
	observer_done(&t.observer);
	folder_remove(&folder);
}

static int make(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	assert_int_equal(observer_init(&t.observer, &t.reader), 0);
	return reader_init(&t.reader, NULL);
}

static int drop(void **state)
{
	(void)state;
	reader_done(&t.reader);
	pipelines_done(&t.pipelines);
	observer_done(&t.observer);
	return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_page),     test(test_update), test(test_ready),
		test(test_delivery), test(test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
