/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of made-up events through real flushers: order, selection, encodings, blocking.
 * What a flusher may do to its outlet is test_outlet.c's.
 */
#include "pipeline_world.h"

#include <malloc.h>

static void test_order_and_selection(void **state)
{
	static const struct {
		const char *input;
		unsigned int n, first, second;
	} rows[] = {
		{ "CallNames: [execve, exit, clone]", 30, 1, 2 },
		{ "", 20, 1, 2 },
		{ "CallNames: exit", 10, 2, 5 },
		{ "CallNames: clone", 10, 3, 6 },
		{ "CallNames: clone, Snapshot: true", 10, 3, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(pipeline_freep) struct pipeline *p = NULL;
		_cleanup_(freep) char *text = NULL;
		unsigned int pids[RECORDS_MAX];

		make_world(30, STR("x\0a\0"));
		p = load(rows[i].input, flusher_to("order"));
		assert_int_equal(pipeline_start(p), 0);
		pipeline_deliver(p, &world.batch, 0, 0);
		pipeline_stop(p, in_seconds(20));
		text = read_file(path_of("order"));
		unlink(path_of("order"));
		assert_int_equal(read_pids(text, pids), rows[i].n);
		assert_int_equal(pids[0], rows[i].first);
		assert_int_equal(pids[1], rows[i].second);
		for (unsigned int k = 1; k < rows[i].n; k++)
			assert_true(pids[k] > pids[k - 1]);
		assert_counters(p, rows[i].n, rows[i].n, 0);
		assert_int_equal(delivered(p, 0), rows[i].n);
	}
}

/* The agent's own process makes no records, unless it is asked for. */
static void test_self(void **state)
{
	static const struct {
		const char *input;
		uint32_t self;
		unsigned int n;
	} rows[] = {
		{ "", 77, 1 },
		{ "ExcludeSelf: true", 77, 1 },
		{ "ExcludeSelf: false", 77, 2 },
		{ "ExcludeSelf: true", 0, 2 }, /* a replay */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(pipeline_freep) struct pipeline *p =
			load(rows[i].input, "{Type: flusher_blackhole}");

		make_world(2, STR_EMPTY);
		world.images[0].key.pid = 77;
		assert_int_equal(pipeline_start(p), 0);
		pipeline_set_self(p, rows[i].self);
		pipeline_deliver(p, &world.batch, 0, 0);
		assert_counters(p, rows[i].n, rows[i].n, 0);
	}
}

/* Taken in strides, each of which is gone when the next one comes; pushed as one. */
static void test_strides(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: [execve, exit, clone]", flusher_to("strides"));
	_cleanup_(freep) char *text = NULL;
	unsigned int pids[RECORDS_MAX];

	(void)state;
	assert_int_equal(pipeline_start(p), 0);
	for (unsigned int i = 1; i <= 3; i++) {
		make_world(2 * i, STR_EMPTY);
		pipeline_take(p, &world.batch, 100, 100 + i);
		assert_int_equal(pipeline_pending(p), UINT64_MAX);
		assert_int_equal(metric_get(&p->outlets[0].counters.in), 0);
	}
	pipeline_push(p, 104);
	pipeline_stop(p, in_seconds(20));
	text = read_file(path_of("strides"));
	unlink(path_of("strides"));
	assert_int_equal(read_pids(text, pids), 2 + 4 + 6);
	assert_int_equal(pids[2], 1);
	assert_int_equal(pids[11], 6);
	assert_counters(p, 12, 12, 0);
	assert_int_equal(delivered(p, 0), 12);
}

static void test_empty_batch(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: clone", "{Type: flusher_blackhole}");

	(void)state;
	make_world(0, STR_EMPTY);
	assert_int_equal(pipeline_start(p), 0);
	pipeline_deliver(p, &world.batch, 0, 0);
	make_world(2, STR_EMPTY); /* neither is a clone */
	pipeline_deliver(p, &world.batch, 0, 0);
	assert_counters(p, 0, 0, 0);
	assert_int_equal(pipeline_pending(p), UINT64_MAX);
	assert_int_equal(metric_get(&p->outlets[0].counters.in), 0);
}

/* What a processor drops is neither encoded nor lost. */
static void test_filtered(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(freep) char *text = NULL;
	unsigned int pids[RECORDS_MAX];
	char config[512];

	(void)state;
	make_world(30, STR_EMPTY);
	snprintf(
		config, sizeof(config),
		"inputs: [{Type: input_process_security}]\n"
		"processors: [{Type: processor_filter, Include: {field: pid, lt: 9}}]\nflushers: [%s]\n",
		flusher_to("filtered"));
	assert_int_equal(pipeline_load_text("t.yaml", config, &d, &p), 0);
	assert_int_equal(pipeline_start(p), 0);
	pipeline_deliver(p, &world.batch, 0, 0);
	pipeline_stop(p, in_seconds(20));
	text = read_file(path_of("filtered"));
	unlink(path_of("filtered"));
	assert_int_equal(read_pids(text, pids), 6);
	assert_int_equal(pids[5], 8);
	assert_counters(p, 20, 6, 0);
	assert_int_equal(metric_get(&p->counters.filtered), 14);
}

/* Two that want the same have one encoder, whatever they filter; what differs has its own. */
static void test_share(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(pipeline_freep) struct pipeline *all = load("CallNames: exit", flusher_to("all"));
	_cleanup_(pipeline_freep) struct pipeline *other =
		load("Fields: extended", "{Type: flusher_blackhole}");
	_cleanup_(pipeline_freep) struct pipeline *some = NULL;
	_cleanup_(freep) char *first = NULL;
	_cleanup_(freep) char *second = NULL;
	char config[512];

	(void)state;
	snprintf(
		config, sizeof(config),
		"inputs: [{Type: input_process_security, CallNames: exit}]\n"
		"processors: [{Type: processor_filter, Include: {field: pid, lt: 9}}]\nflushers: [%s]\n",
		flusher_to("some"));
	assert_int_equal(pipeline_load_text("t.yaml", config, &d, &some), 0);
	assert_int_equal(pipeline_start(all), 0);
	assert_int_equal(pipeline_start(some), 0);
	pipeline_share(some, all);
	pipeline_share(other, all);
	assert_ptr_equal(some->feeds[0].encoder, all->feeds[0].encoder);
	assert_ptr_not_equal(other->feeds[0].encoder, all->feeds[0].encoder);
	make_world(30, STR_EMPTY);
	world.batch.id = 7;
	pipeline_deliver(some, &world.batch, 0, 0);
	pipeline_deliver(all, &world.batch, 0, 0);
	pipeline_stop(all, in_seconds(20));
	pipeline_stop(some, in_seconds(20));
	first = read_file(path_of("all"));
	second = read_file(path_of("some"));
	unlink(path_of("all"));
	unlink(path_of("some"));
	assert_true(strlen(second) > 0 && strlen(second) < strlen(first));
	assert_memory_equal(first, second, strlen(second));
	assert_counters(all, 10, 10, 0);
	assert_counters(some, 10, 3, 0);
}

static void test_selective(void **state)
{
	static const struct {
		const char *input, *processor;
		bool is_selective;
	} rows[] = {
		{ "", "", false },
		{ "", "{Type: processor_add_fields, Fields: {a: b}}", false },
		{ "", "{Type: processor_filter, Include: {field: pid, lt: 9}}", true },
		{ ", CallNames: exit", "", true },
		{ ", CallNames: [clone, execve, exit]", "", false },
	};
	const uint32_t calls = 1U << CALL_EXECVE | 1U << CALL_EXIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(diag_done) struct diag d = { 0 };
		_cleanup_(pipeline_freep) struct pipeline *p = NULL;
		char config[512];

		snprintf(config, sizeof(config),
			 "inputs: [{Type: input_process_security%s}]\nprocessors: [%s]\n"
			 "flushers: [{Type: flusher_blackhole}]\n",
			 rows[i].input, rows[i].processor);
		assert_int_equal(pipeline_load_text("t.yaml", config, &d, &p), 0);
		assert_int_equal(pipeline_is_selective(p, calls), rows[i].is_selective);
	}
}

/* More than a chunk holds, so it goes through in many; all of it arrives, in order. */
static void test_large_batch(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: [execve, exit, clone]", flusher_to("large"));
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *args = calloc(1, 2000);
	unsigned int pids[RECORDS_MAX];

	(void)state;
	memset(args, 'a', 1999);
	args[1] = '\0'; /* where argv[0] ends */
	make_world(2000, (struct str){ args, 2000 });
	assert_int_equal(pipeline_start(p), 0);
	pipeline_deliver(p, &world.batch, 0, 0);
	pipeline_stop(p, in_seconds(20));
	text = read_file(path_of("large"));
	unlink(path_of("large"));
	assert_int_equal(read_pids(text, pids), 2000);
	for (unsigned int i = 0; i < 2000; i++)
		assert_int_equal(pids[i], i + 1);
	assert_counters(p, 2000, 2000, 0);
	assert_int_equal(delivered(p, 0), 2000);
	assert_int_equal(metric_get(&p->counters.bytes), strlen(text));
}

/* flusher_stdout has an encoding of its own; the file beside it keeps its integer time. */
static void test_encodings(void **state)
{
	char outlets[512], out[8192] = "";
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(freep) char *text = NULL;
	int reader;

	(void)state;
	make_world(1, STR("x\0a\0"));
	snprintf(outlets, sizeof(outlets),
		 "%s, {Type: flusher_stdout, Tags: true}, {Type: flusher_blackhole}",
		 flusher_to("file"));
	p = load("", outlets);
	assert_int_equal(p->n_feeds, 2); /* the file and the black hole share one */
	reader = start_with_pipe(p);
	pipeline_deliver(p, &world.batch, 0, 0);
	pipeline_stop(p, in_seconds(20));
	assert_true(read(reader, out, sizeof(out) - 1) > 0);
	close(reader);
	text = read_file(path_of("file"));
	unlink(path_of("file"));
	assert_non_null(strstr(text, "\"__time__\":1700000000}"));
	assert_null(strstr(text, "__tag__"));
	assert_non_null(strstr(out, "\"__tag__:__hostname__\":\"node\""));
	assert_non_null(strstr(out, "\"__tag__:__host_ip__\":\"10.0.0.1\""));
	assert_non_null(strstr(out, "\"__time__\":\"1700000000\"}"));
	assert_int_equal(metric_get(&p->counters.bytes), strlen(text) + strlen(out));
	assert_int_equal(delivered(p, 2), 1);
}

/*
 * A reader that is slow: delivering does not wait, the file beside it has everything at once, and
 * in the end the pipe has, whole and in order, encoded once for both.
 */
static void test_blocked(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(buf_done) struct buf got = { 0 };
	_cleanup_(freep) char *text = NULL;
	unsigned int pids[RECORDS_MAX];
	uint64_t give_up = in_seconds(20);
	int reader = make_fifo();

	(void)state;
	make_world(3000, STR("x\0a\0"));
	p = load_pair("beside");
	assert_int_equal(pipeline_start(p), 0);
	pipeline_deliver(p, &world.batch, 4711, 4711);
	wait_for_delivery(p, 1, 3000);
	assert_int_equal(pipeline_pending(p), 4711);
	assert_true(delivered(p, 0) < 3000);
	for (; pipeline_pending(p) != UINT64_MAX; pause_a_little(give_up))
		drain(reader, &got);
	pipeline_stop(p, in_seconds(20));
	drain(reader, &got);
	close(reader);
	buf_put_char(&got, '\0');
	assert_int_equal(read_pids(got.data, pids), 3000);
	for (unsigned int i = 0; i < 3000; i++)
		assert_int_equal(pids[i], i + 1);
	text = read_file(path_of("beside"));
	assert_string_equal(text, got.data);
	assert_counters(p, 3000, 3000, 0);
	assert_int_equal(metric_get(&p->counters.bytes), got.len - 1);
	unlink(path_of("fifo"));
	unlink(path_of("beside"));
}

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/*
 * Batch by batch of one record each, while nobody reads: each takes no more memory than it needs.
 */
static void test_small_batches(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = load("", flusher_to("fifo"));
	int reader = make_fifo();
	size_t before;

	(void)state;
	assert_int_equal(pipeline_start(p), 0);
	make_world(1, STR_EMPTY);
	before = in_use();
	for (uint64_t i = 1; i <= 1000; i++) {
		world.batch.id++;
		pipeline_deliver(p, &world.batch, i, i);
	}
	assert_true(p->outlets[0].queue.bytes > 100 * 1000);
	assert_true(in_use() < before + 1000 * 2048);
	pipeline_stop(p, 1);
	close(reader);
	unlink(path_of("fifo"));
}

/* Each chunk of a batch reaches to where the next one begins, the last to the batch's end. */
static void test_bounds(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: [execve, exit, clone]", flusher_to("fifo"));
	_cleanup_(freep) char *args = calloc(1, 2000);
	const struct link *link;
	int reader = make_fifo();
	size_t n = 0;

	(void)state;
	memset(args, 'a', 1999);
	args[1] = '\0';
	make_world(1000, (struct str){ args, 2000 });
	assert_int_equal(pipeline_start(p), 0);
	pipeline_deliver(p, &world.batch, 0, 4711);
	for (link = p->outlets[0].queue.first; link->next; link = link->next, n++)
		assert_int_equal(link->chunk->bound, link->next->chunk->seqs[0]);
	assert_int_equal(link->chunk->bound, 4711);
	assert_true(n > 2);
	pipeline_stop(p, 1);
	close(reader);
	unlink(path_of("fifo"));
}

/* Moved away, as logrotate does: what comes after reopening is in a new file. */
static void test_reopen(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = load("", flusher_to("log"));
	_cleanup_(freep) char *first = NULL, *second = NULL;
	unsigned int pids[RECORDS_MAX];
	uint64_t give_up = in_seconds(20);

	(void)state;
	make_world(30, STR_EMPTY);
	assert_int_equal(pipeline_start(p), 0);
	pipeline_deliver(p, &world.batch, 0, 0);
	settle(p);
	assert_int_equal(rename(path_of("log"), path_of("old")), 0);
	pipeline_reopen(p);
	while (access(path_of("log"), F_OK) < 0)
		pause_a_little(give_up);
	world.batch.n = 3;
	pipeline_deliver(p, &world.batch, 0, 0);
	pipeline_stop(p, in_seconds(20));
	first = read_file(path_of("old"));
	second = read_file(path_of("log"));
	assert_int_equal(read_pids(first, pids), 20);
	assert_int_equal(read_pids(second, pids), 2);
	unlink(path_of("log"));
	unlink(path_of("old"));
}

/*
 * Whichever allocation fails, the only one: its record is missing from all flushers and counted
 * once, those before and after it are there, in both encodings, whole and in order.
 */
static void test_no_memory(void **state)
{
	unsigned int at;
	bool has_failed = true;

	(void)state;
	for (at = 1; has_failed; at++) {
		_cleanup_(pipeline_freep) struct pipeline *p = NULL;
		_cleanup_(freep) char *one = NULL, *other = NULL;
		unsigned int pids[RECORDS_MAX], others[RECORDS_MAX];
		struct pipeline_totals totals;
		char outlets[512];
		size_t n;

		make_world(600, STR("x\0a\0"));
		snprintf(outlets, sizeof(outlets),
			 "%s, {Type: flusher_stdout, OnlyStdout: false, FileName: '%s'}",
			 flusher_to("one"), path_of("other"));
		p = load("CallNames: [execve, exit, clone]", outlets);
		assert_int_equal(p->n_feeds, 2);
		assert_int_equal(pipeline_start(p), 0);
		fail_at = at;
		pipeline_deliver(p, &world.batch, 0, 0);
		has_failed = !fail_at;
		fail_at = 0;
		pipeline_stop(p, in_seconds(20));
		one = read_file(path_of("one"));
		other = read_file(path_of("other"));
		unlink(path_of("one"));
		unlink(path_of("other"));
		n = read_pids(one, pids);
		pipeline_totals(p, &totals);
		assert_int_equal(metric_get(&p->counters.in), 600);
		assert_int_equal(totals.records + metric_get(&p->counters.failed), 600);
		assert_int_equal(delivered(p, 0), n);
		assert_int_equal(delivered(p, 1), read_pids(other, others));
		for (size_t i = 1; i < n; i++)
			assert_true(pids[i] > pids[i - 1]);
		assert_true(n + 1 >= 600 || metric_get(&p->outlets[0].counters.overflowed));
		if (metric_get(&p->counters.failed) == 1)
			assert_memory_equal(pids, others, n * sizeof(*pids));
	}
	assert_true(at > 20);
}

static void test_cannot_start(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = load(
		"",
		"{Type: flusher_blackhole}, {Type: flusher_file, FilePath: /dev/null/x}, {Type: flusher_stdout}");

	(void)state;
	assert_int_equal(pipeline_start(p), -ENOTDIR);
}

/* The counters are on the page while the pipeline is there, and not longer. */
static void test_metrics(void **state)
{
	_cleanup_(metrics_freep) struct metrics *m = NULL;
	_cleanup_(buf_done) struct buf page = { 0 }, after = { 0 };
	struct pipeline *p = load("", "{Type: flusher_blackhole}, {Type: flusher_blackhole}");

	(void)state;
	make_world(30, STR_EMPTY);
	assert_int_equal(metrics_new(&m), 0);
	assert_int_equal(pipeline_start(p), 0);
	assert_int_equal(pipeline_show_metrics(p, m), 0);
	pipeline_deliver(p, &world.batch, 0, 0);
	pipeline_stop(p, in_seconds(20));
	metrics_format_text(m, &page);
	buf_put_char(&page, '\0');
	assert_non_null(
		strstr(page.data, "proctrail_pipeline_out_records_total{pipeline=\"t\"} 20\n"));
	assert_non_null(strstr(
		page.data,
		"flusher_delivered_records_total{pipeline=\"t\",flusher=\"flusher_blackhole\"} 20"));
	assert_non_null(strstr(page.data, "flusher=\"flusher_blackhole/2\",reason=\"queue\"} 0"));
	assert_non_null(strstr(
		page.data,
		"flusher_latency_seconds_count{pipeline=\"t\",flusher=\"flusher_blackhole\"} 20"));
	pipeline_free(p);
	metrics_format_text(m, &after);
	buf_put_char(&after, '\0');
	assert_null(strstr(after.data, "pipeline="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_selection),
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_strides),
		cmocka_unit_test(test_empty_batch),
		cmocka_unit_test(test_filtered),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_selective),
		cmocka_unit_test(test_large_batch),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_small_batches),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_reopen),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_cannot_start),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
