/* SPDX-License-Identifier: Apache-2.0 */
/* The two pages, to the byte; what comes and goes between them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "metrics/metrics.h"
#include <cmocka.h>

#define MS UINT64_C(1000000)

static const uint64_t latency_bounds[METRIC_BUCKETS - 1] = {
	1 * MS,	  2 * MS,    5 * MS,	10 * MS,   20 * MS,    50 * MS,	   100 * MS,   200 * MS,
	500 * MS, 1000 * MS, 2000 * MS, 5000 * MS, 10000 * MS, 30000 * MS, 60000 * MS,
};

struct counts {
	metric_value execve, exit, cpu_ns, open_files;
	struct metric_histogram latency;
};

static const struct metric table[] = {
	{ .name = "records_total",
	  .type = METRIC_COUNTER,
	  .offset = offsetof(struct counts, execve),
	  .help = "Records made.",
	  .label = "call",
	  .value = "execve" },
	{ .name = "records_total",
	  .type = METRIC_COUNTER,
	  .offset = offsetof(struct counts, exit),
	  .help = "Records made.",
	  .label = "call",
	  .value = "exit" },
	{ .name = "cpu_seconds_total",
	  .type = METRIC_COUNTER,
	  .offset = offsetof(struct counts, cpu_ns),
	  .help = "A back\\slash and a line\nfeed and a \"quote\".",
	  .scale = 1e-9 },
	{ .name = "open_files",
	  .type = METRIC_GAUGE,
	  .offset = offsetof(struct counts, open_files),
	  .help = "Files that are open." },
	{ .type = METRIC_END },
};

static const struct metric histogram_table[] = {
	{ .name = "latency_seconds",
	  .type = METRIC_HISTOGRAM,
	  .offset = offsetof(struct counts, latency),
	  .help = "From the event to its delivery.",
	  .scale = 1e-9,
	  .bounds = latency_bounds },
	{ .type = METRIC_END },
};

static struct metrics *registry(void)
{
	struct metrics *m = NULL;

	assert_int_equal(metrics_new(&m), 0);
	return m;
}

static void assert_page(struct metrics *m, void (*format)(struct metrics *, struct buf *),
			const char *text)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	format(m, &out);
	buf_put_char(&out, '\0');
	assert_false(buf_failed(&out));
	assert_string_equal(out.data, text);
}

static void test_nothing(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = registry();

	(void)state;
	assert_page(m, metrics_format_text, "");
	assert_page(m, metrics_format_json, "[]");
}

static void test_text(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = registry();
	struct metric_set *set = NULL;
	struct counts c = { 0 };

	(void)state;
	metric_add(&c.execve, 3);
	metric_add(&c.execve, 4);
	metric_set(&c.exit, UINT64_MAX);
	metric_set(&c.cpu_ns, 1500 * MS);
	metric_set(&c.open_files, 12);
	assert_int_equal(metrics_add(m, table, &c, NULL, 0, &set), 0);
	assert_page(m, metrics_format_text,
		    "# HELP proctrail_cpu_seconds_total A back\\\\slash and a line\\nfeed and a "
		    "\"quote\".\n"
		    "# TYPE proctrail_cpu_seconds_total counter\n"
		    "proctrail_cpu_seconds_total 1.5\n"
		    "# HELP proctrail_open_files Files that are open.\n"
		    "# TYPE proctrail_open_files gauge\n"
		    "proctrail_open_files 12\n"
		    "# HELP proctrail_records_total Records made.\n"
		    "# TYPE proctrail_records_total counter\n"
		    "proctrail_records_total{call=\"execve\"} 7\n"
		    "proctrail_records_total{call=\"exit\"} 18446744073709551615\n");
}

static const struct metric small_table[] = {
	{ .name = "in_total", .type = METRIC_COUNTER, .offset = 0, .help = "Records taken." },
	{ .type = METRIC_END },
};

static void test_sets_share_a_family(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = registry();
	struct metric_label first[] = { { "pipeline", "a\"b\\c\nd" }, { "plugin", "\xff" } };
	struct metric_label second[] = { { "pipeline", "z" }, { "plugin", "\xc3\xa4" } };
	struct metric_set *sets[2] = { 0 };
	metric_value numbers[2] = { 1, 2 };

	(void)state;
	assert_int_equal(metrics_add(m, small_table, &numbers[0], first, 2, &sets[0]), 0);
	assert_int_equal(metrics_add(m, small_table, &numbers[1], second, 2, &sets[1]), 0);
	assert_page(m, metrics_format_text,
		    "# HELP proctrail_in_total Records taken.\n"
		    "# TYPE proctrail_in_total counter\n"
		    "proctrail_in_total{pipeline=\"a\\\"b\\\\c\\nd\",plugin=\"\xef\xbf\xbd\"} 1\n"
		    "proctrail_in_total{pipeline=\"z\",plugin=\"\xc3\xa4\"} 2\n");

	metrics_remove(m, sets[0]);
	assert_page(m, metrics_format_text,
		    "# HELP proctrail_in_total Records taken.\n"
		    "# TYPE proctrail_in_total counter\n"
		    "proctrail_in_total{pipeline=\"z\",plugin=\"\xc3\xa4\"} 2\n");
	metrics_remove(m, sets[1]);
	assert_page(m, metrics_format_text, "");
}

static void test_labels_are_copied(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = registry();
	struct metric_set *set = NULL;
	metric_value number = 1;
	char value[] = "before";

	(void)state;
	assert_int_equal(metrics_add(m, small_table, &number,
				     &(struct metric_label){ "pipeline", value }, 1, &set),
			 0);
	memcpy(value, "after!", sizeof(value));
	assert_page(m, metrics_format_json,
		    "[{\"name\":\"proctrail_in_total\",\"labels\":{\"pipeline\":\"before\"},"
		    "\"value\":1}]");
}

/* A value on a bound belongs to its bucket; what is above all bounds is in the last. */
static void test_observe(void **state)
{
	static const struct {
		uint64_t x;
		size_t bucket;
	} cases[] = {
		{ 0, 0 },
		{ 1 * MS, 0 },
		{ 1 * MS + 1, 1 },
		{ 60000 * MS, METRIC_BUCKETS - 2 },
		{ 60000 * MS + 1, METRIC_BUCKETS - 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct metric_histogram h = { 0 };

		metric_observe(&h, latency_bounds, cases[i].x, 2);
		assert_int_equal(metric_get(&h.buckets[cases[i].bucket]), 2);
		assert_int_equal(metric_get(&h.sum), 2 * cases[i].x);
	}
}

/* Many at once come to the same as one by one, in whatever order they are. */
static void test_observe_since(void **state)
{
	static const uint64_t now = 100000 * MS;
	static const uint64_t times[] = {
		now,	      now - 1,	    now - 1 * MS, now - 1 * MS - 1, now - 90000 * MS,
		now - 3 * MS, now - 3 * MS, now + 5,	  now - 61000 * MS, 0,
	};

	(void)state;
	for (size_t n = 0; n <= ARRAY_SIZE(times); n++) {
		struct metric_histogram all = { 0 }, single = { 0 };

		metric_observe_since(&all, latency_bounds, times, n, now);
		for (size_t i = 0; i < n; i++)
			metric_observe(&single, latency_bounds, now > times[i] ? now - times[i] : 0,
				       1);
		assert_memory_equal(&all, &single, sizeof(all));
	}
}

static void observe_some(struct counts *c)
{
	metric_observe(&c->latency, latency_bounds, 1 * MS, 2);
	metric_observe(&c->latency, latency_bounds, 3 * MS, 1);
	metric_observe(&c->latency, latency_bounds, 61000 * MS, 1);
}

static void test_text_histogram(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = registry();
	struct metric_set *set = NULL;
	struct counts c = { 0 };

	(void)state;
	observe_some(&c);
	assert_int_equal(metrics_add(m, histogram_table, &c,
				     &(struct metric_label){ "pipeline", "p" }, 1, &set),
			 0);
#define BUCKET "proctrail_latency_seconds_bucket{pipeline=\"p\",le="
	assert_page(m, metrics_format_text,
		    "# HELP proctrail_latency_seconds From the event to its delivery.\n"
		    "# TYPE proctrail_latency_seconds histogram\n" BUCKET "\"0.001\"} 2\n" BUCKET
		    "\"0.002\"} 2\n" BUCKET "\"0.005\"} 3\n" BUCKET "\"0.01\"} 3\n" BUCKET
		    "\"0.02\"} 3\n" BUCKET "\"0.05\"} 3\n" BUCKET "\"0.1\"} 3\n" BUCKET
		    "\"0.2\"} 3\n" BUCKET "\"0.5\"} 3\n" BUCKET "\"1\"} 3\n" BUCKET
		    "\"2\"} 3\n" BUCKET "\"5\"} 3\n" BUCKET "\"10\"} 3\n" BUCKET
		    "\"30\"} 3\n" BUCKET "\"60\"} 3\n" BUCKET "\"+Inf\"} 4\n"
		    "proctrail_latency_seconds_sum{pipeline=\"p\"} 61.005\n"
		    "proctrail_latency_seconds_count{pipeline=\"p\"} 4\n");
#undef BUCKET
}

static void test_json_histogram(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = registry();
	struct metric_set *set = NULL;
	struct counts c = { 0 };

	(void)state;
	observe_some(&c);
	assert_int_equal(metrics_add(m, histogram_table, &c, NULL, 0, &set), 0);
	assert_page(m, metrics_format_json,
		    "[{\"name\":\"proctrail_latency_seconds\",\"labels\":{},\"buckets\":["
		    "{\"le\":0.001,\"count\":2},{\"le\":0.002,\"count\":2},"
		    "{\"le\":0.005,\"count\":3},{\"le\":0.01,\"count\":3},"
		    "{\"le\":0.02,\"count\":3},{\"le\":0.05,\"count\":3},"
		    "{\"le\":0.1,\"count\":3},{\"le\":0.2,\"count\":3},"
		    "{\"le\":0.5,\"count\":3},{\"le\":1,\"count\":3},{\"le\":2,\"count\":3},"
		    "{\"le\":5,\"count\":3},{\"le\":10,\"count\":3},{\"le\":30,\"count\":3},"
		    "{\"le\":60,\"count\":3}],\"sum\":61.005,\"count\":4}]");
}

static void refresh(void *ctx)
{
	metric_add(ctx, 1);
}

static void test_refresh(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = registry();
	struct metric_set *set = NULL;
	metric_value number = 5;
	int i;

	(void)state;
	assert_int_equal(metrics_add(m, small_table, &number, NULL, 0, &set), 0);
	assert_int_equal(metrics_on_page(m, refresh, &number), 0);
	assert_page(m, metrics_format_json,
		    "[{\"name\":\"proctrail_in_total\",\"labels\":{},\"value\":6}]");
	for (i = 1; i < 8; i++)
		assert_int_equal(metrics_on_page(m, refresh, &number), 0);
	assert_int_equal(metrics_on_page(m, refresh, &number), -ENOSPC);
}

static void put_all_kinds(struct metrics *m, struct counts *c, FILE *to)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	struct metric_set *sets[3] = { 0 };
	struct metric_label odd = { "pipeline", "a \"quoted\"\nname \\ with \xff bytes" };

	observe_some(c);
	assert_int_equal(metrics_add(m, table, c, NULL, 0, &sets[0]), 0);
	assert_int_equal(metrics_add(m, histogram_table, c, &odd, 1, &sets[1]), 0);
	assert_int_equal(metrics_add(m, histogram_table, c, NULL, 0, &sets[2]), 0);
	metrics_format_text(m, &out);
	assert_int_equal(fwrite(out.data, 1, out.len, to), out.len);
}

/* By the judge that users have, where it is installed. */
static void test_promtool(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = registry();
	struct counts c = { 0 };
	FILE *to;

	(void)state;
	if (system("command -v promtool >/dev/null 2>&1") != 0) {
		print_message("promtool is not installed\n");
		skip();
	}
	to = popen("promtool check metrics", "w");
	assert_non_null(to);
	put_all_kinds(m, &c, to);
	assert_int_equal(pclose(to), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_sets_share_a_family),
		cmocka_unit_test(test_labels_are_copied),
		cmocka_unit_test(test_observe),
		cmocka_unit_test(test_observe_since),
		cmocka_unit_test(test_text_histogram),
		cmocka_unit_test(test_json_histogram),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_promtool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
