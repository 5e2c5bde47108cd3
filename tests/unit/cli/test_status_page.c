/* SPDX-License-Identifier: Apache-2.0 */
/* The page, to the byte, from the JSON that an agent gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cli/client.h"
#include "cli/status_page.h"
#include <cmocka.h>

#define HEALTHY "\"health\":{\"healthy\":true,\"reasons\":[]}"
#define METRIC(name, labels, value) \
	"{\"name\":\"proctrail_" name "\",\"labels\":{" labels "},\"value\":" #value "},"
#define CALL(call, value) METRIC("records_total", "\"call\":\"" call "\"", value)
#define START "{\"version\":\"1.2.3\",\"pid\":77,\"instance\":\"default\",\"uptime_seconds\":100,"
#define STATUS(agent, metrics) START HEALTHY ",\"agent\":{" agent "},\"metrics\":[" metrics "{}]}"
#define HEAD "proctrail 1.2.3, instance default, pid 77, up 1m 40s\nhealthy\n\n"

static json_t *parse(const char *text)
{
	json_error_t error = { 0 };
	json_t *json = json_loads(text, 0, &error);

	if (!json)
		print_message("%s at %d in %s\n", error.text, error.position, text);
	assert_non_null(json);
	return json;
}

static void assert_page(const char *status, const char *before, const char *page)
{
	_cleanup_(client_json_unrefp) json_t *now = parse(status);
	_cleanup_(client_json_unrefp) json_t *then = before ? parse(before) : NULL;
	_cleanup_(buf_done) struct buf out = { 0 };

	status_page_format(now, then, 2, &out);
	buf_put_char(&out, '\0');
	assert_string_equal(out.data, page);
}

static void test_nothing_known(void **state)
{
	(void)state;
	assert_page(STATUS("", ""), NULL, HEAD);
	assert_page("{}", NULL, "proctrail , instance , pid 0, up 0s\nNOT HEALTHY\n\n");
	assert_page("{\"metrics\":[1,{},{\"name\":1}],\"agent\":[]}", NULL,
		    "proctrail , instance , pid 0, up 0s\nNOT HEALTHY\n\n");
}

static void test_head(void **state)
{
	(void)state;
	assert_page(STATUS("\"node\":\"n\\u001b[2J\",\"hooks\":\"btf\"", ""), NULL,
		    "proctrail 1.2.3, instance default, pid 77, up 1m 40s, node n?[2J, hooks btf\n"
		    "healthy\n\n");
}

static void test_reasons(void **state)
{
	_cleanup_(client_json_unrefp) json_t *json = NULL;
	const char *status =
		"{\"version\":\"1\",\"pid\":1,\"instance\":\"a\",\"uptime_seconds\":90061,"
		"\"health\":{\"healthy\":false,\"reasons\":[\"one\",\"two\"]}}";

	(void)state;
	assert_page(status, NULL,
		    "proctrail 1, instance a, pid 1, up 1d 1h\nNOT HEALTHY\n  - one\n  - two\n\n");
	json = parse(status);
	assert_false(status_page_is_healthy(json));
	json_decref(json);
	json = parse(STATUS("", ""));
	assert_true(status_page_is_healthy(json));
}

static void test_records(void **state)
{
	(void)state;
	assert_page(STATUS("", CALL("execve", 1000) CALL("exit", 50)), NULL,
		    HEAD "records   execve             1000       10.0/s\n"
			 "          exit                 50        0.5/s\n");
	assert_page(STATUS("", CALL("execve", 1000) CALL("exit", 50)),
		    STATUS("", CALL("execve", 900) CALL("exit", 60)),
		    HEAD "records   execve             1000       50.0/s\n"
			 "          exit                 50       25.0/s\n");
}

#define AGENT_METRICS                                         \
	METRIC("lost_records_total", "\"type\":\"exec\"", 3)  \
	METRIC("lost_records_total", "\"type\":\"exit\"", 0)  \
	METRIC("ring_size_bytes", "", 16777216)               \
	METRIC("ring_fill_bytes", "", 1048576)                \
	METRIC("table_processes", "", 321)                    \
	METRIC("table_bytes", "", 500)                        \
	METRIC("table_evicted_total", "", 4)                  \
	METRIC("process_cpu_seconds_total", "", 2.5)          \
	METRIC("process_resident_memory_bytes", "", 20000000) \
	METRIC("process_open_fds", "", 17)

static void test_agent(void **state)
{
	(void)state;
	assert_page(STATUS("", AGENT_METRICS), NULL,
		    HEAD "lost      3, exec 3\n"
			 "ring      1.0 MiB of 16.0 MiB, 6 %\n"
			 "table     321 processes, 500 B, 4 evicted\n"
			 "cost      2.5 % of a CPU, 19.1 MiB, 17 open files\n");
}

#define PIPELINE "\"pipeline\":\"web\""
#define FLUSHER PIPELINE ",\"flusher\":\"flusher_file\""
#define HISTOGRAM(first, second, all)                                                            \
	"{\"name\":\"proctrail_flusher_latency_seconds\",\"labels\":{" FLUSHER "},\"buckets\":[" \
	"{\"le\":0.01,\"count\":" #first "},{\"le\":0.02,\"count\":" #second "}],"               \
	"\"sum\":1,\"count\":" #all "},"
#define PIPELINE_METRICS                                                            \
	METRIC("pipeline_in_records_total", PIPELINE, 100)                          \
	METRIC("pipeline_out_records_total", PIPELINE, 90)                          \
	METRIC("flusher_in_records_total", FLUSHER, 90)                             \
	METRIC("flusher_delivered_records_total", FLUSHER, 80)                      \
	METRIC("flusher_dropped_records_total", FLUSHER ",\"reason\":\"queue\"", 7) \
	METRIC("flusher_dropped_records_total", FLUSHER ",\"reason\":\"write\"", 1) \
	METRIC("flusher_queue_bytes", FLUSHER, 2048)

#define COLUMNS \
	"\npipeline                 in          out    dropped      queue       p50       p99\n"
#define WEB "web                     100           90          0"
#define FILE_COUNTS "  flusher_file           90           80          8    2.0 KiB"

static void test_pipelines(void **state)
{
	(void)state;
	assert_page(STATUS("", PIPELINE_METRICS HISTOGRAM(50, 100, 100)), NULL,
		    HEAD COLUMNS WEB "\n" FILE_COUNTS "   10.0 ms   19.8 ms\n");
	assert_page(
		STATUS("\"pipelines\":[{\"name\":\"web\",\"state\":\"old\",\"error\":\"line 3\"}]",
		       PIPELINE_METRICS HISTOGRAM(0, 0, 10) METRIC("flusher_failing", FLUSHER, 1)),
		NULL,
		HEAD COLUMNS WEB "  old\n"
				 "  ! line 3\n" FILE_COUNTS " very long very long  failing\n");
}

/* Of the time between two answers alone. */
static void test_latency_of_an_interval(void **state)
{
	(void)state;
	assert_page(STATUS("", PIPELINE_METRICS HISTOGRAM(50, 100, 100)),
		    STATUS("", PIPELINE_METRICS HISTOGRAM(50, 60, 60)),
		    HEAD COLUMNS WEB "\n" FILE_COUNTS "   15.0 ms   19.9 ms\n");
	assert_page(STATUS("", PIPELINE_METRICS HISTOGRAM(50, 100, 100)),
		    STATUS("", PIPELINE_METRICS HISTOGRAM(50, 100, 100)),
		    HEAD COLUMNS WEB "\n" FILE_COUNTS "         -         -\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_agent),
		cmocka_unit_test(test_pipelines),
		cmocka_unit_test(test_latency_of_an_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
