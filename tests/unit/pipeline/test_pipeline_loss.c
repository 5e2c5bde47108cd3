/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What does not arrive, through real flushers: each record is delivered or counted, and told of in
 * the stream that lacks it.
 */
#include "pipeline_world.h"

/* What is lost concerns everybody: no choice of calls and no processor keeps it away. */
static void test_lost(void **state)
{
	static const struct loss loss = { .reason = LOSS_RING_FULL,
					  .is_counted = true,
					  .exec = 3,
					  .exit = 4,
					  .fork = 5,
					  .since_ns = 1700000000123456789,
					  .until_ns = 1700000001000000000 };
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(freep) char *text = NULL;
	char config[512];

	(void)state;
	make_world(3, STR_EMPTY);
	world.events[1] = (struct event){ .call = CALL_LOST,
					  .loss = &loss,
					  .node = &world.node,
					  .seq = 1,
					  .time_ns = loss.until_ns };
	snprintf(
		config, sizeof(config),
		"inputs: [{Type: input_process_security, CallNames: exit}]\n"
		"processors: [{Type: processor_filter, Include: {field: pid, lt: 0}}]\nflushers: [%s]\n",
		flusher_to("lost"));
	assert_int_equal(pipeline_load_text("t.yaml", config, &d, &p), 0);
	assert_int_equal(pipeline_start(p), 0);
	pipeline_set_self(p, 1);
	pipeline_deliver(p, &world.batch, 0, 0);
	pipeline_stop(p, in_seconds(20));
	text = read_file(path_of("lost"));
	unlink(path_of("lost"));
	assert_non_null(strstr(text, "\"call_name\":\"lost\""));
	assert_non_null(strstr(text, "\"lost.since\":\"1700000000.123456789\""));
	assert_null(strchr(strchr(text, '\n') + 1, '\n'));
	assert_counters(p, 1, 1, 0);
}

/* The queue of the pipe fills; the file has room throughout, and gets what the pipe has lost. */
static void test_overflow(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(freep) char *args = calloc(1, 4000);
	int reader = make_fifo();
	uint64_t records = 0;

	(void)state;
	memset(args, 'a', 3999);
	args[1] = '\0';
	make_world(1000, (struct str){ args, 4000 });
	p = load_pair("beside");
	assert_int_equal(pipeline_start(p), 0);
	assert_true(pipeline_has_room(p) && pipeline_has_any_room(p));
	for (unsigned int i = 0; i < 4; i++) { /* of more than 4 MB each; the queue holds 8 MiB */
		pipeline_deliver(p, &world.batch, 100 + i, 100 + i);
		records += 1000;
		wait_for_delivery(p, 1, records);
		assert_true(pipeline_has_any_room(p));
		assert_int_equal(pipeline_has_room(p), false);
		assert_int_equal(pipeline_pending(p), 100);
	}
	assert_int_equal(metric_get(&p->outlets[1].counters.overflowed), 0);
	assert_true(metric_get(&p->outlets[0].counters.overflowed) >= 1500);
	pipeline_stop(p, 0);
	assert_counters(p, 4000, 4000, 4000 - delivered(p, 0));
	assert_int_equal(delivered(p, 1), 4000);
	close(reader);
	unlink(path_of("fifo"));
	unlink(path_of("beside"));
}

static int failure_of(const struct pipeline *p)
{
	struct pipeline_flusher flusher;
	int r = 0;

	for (size_t i = 0; i < pipeline_n_flushers(p) && r == 0; i++) {
		pipeline_flusher(p, i, &flusher);
		r = flusher.failure;
	}
	return r;
}

/*
 * What the queue of the pipe has dropped is told of in its own stream, in its place, once it takes
 * records again; the file beside it has lost nothing and hears nothing of it.
 */
static void test_report(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p = NULL;
	_cleanup_(freep) char *args = calloc(1, 4000), *text = NULL;
	_cleanup_(freep) unsigned int *pids = calloc(RECORDS_MAX, sizeof(*pids));
	_cleanup_(buf_done) struct buf got = { 0 };
	int reader = make_fifo();
	const char *at;
	size_t n;

	(void)state;
	memset(args, 'a', 3999);
	args[1] = '\0';
	make_world(1000, (struct str){ args, 4000 });
	p = load_pair("beside");
	assert_int_equal(pipeline_start(p), 0);
	for (unsigned int i = 0; i < 3; i++) {
		pipeline_deliver(p, &world.batch, i, i + 1);
		wait_for_delivery(p, 1, 1000 * (i + 1));
	}
	drain_all(p, reader, &got);
	world.batch.n = 1;
	pipeline_deliver(p, &world.batch, 3, 4);
	drain_all(p, reader, &got);
	buf_put_char(&got, '\0');
	n = read_pids(got.data, pids);
	assert_int_equal(n, 3001 - n_reported);
	assert_int_equal(n_reported, metric_get(&p->outlets[0].counters.overflowed));
	assert_true(n_reports > 0 && n_reported > 0);
	at = strstr(got.data, "\"call_name\":\"lost\"");
	assert_non_null(strstr(at, "\"lost.reason\":\"queue_full\""));
	assert_int_equal(metric_get(&p->outlets[0].counters.reports), n_reports);
	assert_int_equal(metric_get(&p->outlets[1].counters.reports), 0);
	text = read_file(path_of("beside"));
	assert_int_equal(read_pids(text, pids), 3001);
	assert_int_equal(n_reports, 0);
	close(reader);
	unlink(path_of("fifo"));
	unlink(path_of("beside"));
}

/* The last flusher loses its reader: said from then on. One of two does: the other goes on. */
static void test_reader_gone(void **state)
{
	(void)state;
	for (int is_beside = 0; is_beside < 2; is_beside++) {
		_cleanup_(pipeline_freep) struct pipeline *p =
			load("", is_beside ? "{Type: flusher_stdout}, {Type: flusher_blackhole}"
					   : "{Type: flusher_stdout}");
		int reader;

		make_world(3, STR("x\0a\0"));
		reader = start_with_pipe(p);
		pipeline_deliver(p, &world.batch, 0, 0);
		settle(p);
		assert_false(pipeline_is_gone(p));
		assert_int_equal(failure_of(p), 0);
		close(reader);
		for (unsigned int i = 1; i < 3; i++) {
			pipeline_deliver(p, &world.batch, 0, 0);
			settle(p);
			assert_int_equal(pipeline_is_gone(p), !is_beside);
			assert_int_equal(pipeline_has_any_room(p), is_beside);
			assert_true(pipeline_has_room(p)); /* nobody waits for one that has gone */
			assert_int_equal(failure_of(p), -EPIPE);
			assert_counters(p, 2 + 2 * i, 2 + 2 * i, 2 * i);
		}
		assert_int_equal(delivered(p, 0), 2);
		if (is_beside)
			assert_int_equal(delivered(p, 1), 6);
	}
}

static void limit_file_size(rlim_t bytes)
{
	const struct rlimit limit = { .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A full disk: what fits is delivered, the rest counted, and it goes on when there is room. */
static void test_full_disk(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: [execve, exit, clone]", flusher_to("full"));
	_cleanup_(freep) char *text = NULL;
	unsigned int pids[RECORDS_MAX];
	uint64_t n;

	(void)state;
	make_world(20, STR("x\0a\0"));
	assert_int_equal(pipeline_start(p), 0);
	limit_file_size(3000);
	pipeline_deliver(p, &world.batch, 0, 0);
	settle(p);
	n = delivered(p, 0);
	assert_true(n > 0 && n < 20);
	assert_counters(p, 20, 20, 20 - n);
	assert_int_equal(failure_of(p), -EFBIG);
	pipeline_deliver(p, &world.batch, 0, 0);
	settle(p);
	limit_file_size(RLIM_INFINITY);
	n = delivered(p, 0);
	text = read_file(path_of("full"));
	assert_int_equal(read_pids(text, pids), n);
	assert_counters(p, 40, 40, 40 - n);
	pipeline_deliver(p, &world.batch, 0, 0);
	settle(p);
	assert_int_equal(failure_of(p), 0);
	assert_counters(p, 60, 60, 40 - n);
	assert_int_equal(delivered(p, 0), n + 20);
	free(text);
	text = read_file(path_of("full"));
	assert_int_equal(read_pids(text, pids), n + 20);
	assert_int_equal(n_reported, 40 - n); /* and its own stream says so */
	assert_int_equal(metric_get(&p->outlets[0].counters.reports), n_reports);
	unlink(path_of("full"));
}

/* A disk without any room says ENOSPC. */
static void test_no_space(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("", "{Type: flusher_file, FilePath: /dev/full}");

	(void)state;
	make_world(30, STR("x\0a\0"));
	assert_int_equal(pipeline_start(p), 0);
	pipeline_deliver(p, &world.batch, 0, 0);
	settle(p);
	assert_int_equal(failure_of(p), -ENOSPC);
	assert_counters(p, 20, 20, 20);
}

/* Given up: all that the pipe has not taken counts as dropped, and nothing is pending. */
static void test_stop(void **state)
{
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: [execve, exit, clone]", flusher_to("fifo"));
	int reader = make_fifo();

	(void)state;
	make_world(3000, STR("x\0a\0"));
	pipeline_stop(p, 0); /* nothing to stop yet */
	assert_int_equal(pipeline_start(p), 0);
	pipeline_deliver(p, &world.batch, 12, 12);
	wait_for_delivery(p, 0, 0);
	pipeline_stop(p, 1);
	assert_true(delivered(p, 0) < 3000);
	assert_counters(p, 3000, 3000, 3000 - delivered(p, 0));
	assert_int_equal(pipeline_pending(p), UINT64_MAX);
	pipeline_stop(p, 0);
	close(reader);
	unlink(path_of("fifo"));
}

/* Delivers all of the world in a life of its own; how many it wrote, and their pids. */
static size_t live(struct custody *custody, uint64_t bound, unsigned int *pids)
{
	const struct pipeline_state state = { .folder = folder, .custody = custody };
	_cleanup_(pipeline_freep) struct pipeline *p =
		load("CallNames: [execve, exit, clone]", flusher_to("out"));
	_cleanup_(freep) char *text = NULL;
	size_t n = 0;

	assert_int_equal(pipeline_start(p), 0);
	pipeline_set_state(p, &state);
	pipeline_deliver(p, &world.batch, 100, bound);
	pipeline_stop(p, in_seconds(5));
	text = read_file(path_of("out"));
	if (pids)
		n = read_pids(text, pids);
	else
		for (const char *at = text; (at = strchr(at, '\n')); at++)
			n++;
	unlink(path_of("out"));
	return n;
}

/*
 * What is owed from some number on comes again, though it was written, and so does what has none
 * among it; what is before is not written twice.
 */
static void test_marks(void **state)
{
	static const uint8_t boot_id[16] = { 1 };
	struct container container = { 0 };
	struct custody *custody = NULL;
	unsigned int pids[16];

	(void)state;
	memset(container.id, 'c', CONTAINER_ID_LEN);
	make_world(6, (struct str){ "/bin/x\0", 7 });
	for (size_t i = 0; i < 6; i++)
		world.events[i].seq = 100 + i;
	assert_int_equal(custody_open(folder, boot_id, &custody), 0);
	assert_int_equal(live(custody, 104, pids), 6);
	assert_int_equal(live(custody, 106, pids), 2);
	assert_int_equal(pids[0], 5);
	assert_int_equal(pids[1], 6);
	assert_int_equal(live(custody, 106, pids), 0);
	world.events[3].held_until = 105;
	assert_int_equal(live(custody, 106, pids), 3);
	assert_int_equal(pids[0], 4);
	world.events[3].held_until = 0;
	world.events[5] = (struct event){
		.call = CALL_CONTAINER, .container = &container, .node = &world.node, .seq = 105
	};
	assert_int_equal(live(custody, 106, NULL), 1);
	custody_close(custody);
	unlink(path_of("custody"));
	rmdir(path_of("backlog"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),	  cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_report),	  cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_full_disk), cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_stop),	  cmocka_unit_test(test_marks),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
