/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue with its thread, before a flusher that does what the test tells it: takes all, takes
 * parts, hangs, fails, goes away.
 */
#include "fake_flusher.h"

static void test_order(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	start(&o);
	assert_true(outlet_has_room(&o));
	assert_int_equal(outlet_pending(&o), UINT64_MAX);
	for (unsigned int i = 0; i < 200; i++)
		push(&o, i, 10 * i, 10);
	outlet_stop(&o, in_seconds(30));
	assert_got(0, 2000);
	assert_counters(&o, 2000, 0, 0);
	assert_int_equal(metric_get(&o.counters.is_failing), 0);
	outlet_stop(&o, 0); /* nothing is left to stop */
	assert_int_equal(fake.steps.data[fake.steps.len - 1], 's');
	assert_int_equal(fake.steps.len, 201);
}

/* Whatever the flusher takes at a call, the rest comes again, with the ends of what is left. */
static void test_parts(void **state)
{
	static const size_t parts[] = {
		1, 7, RECORD_SIZE, RECORD_SIZE + 1, 5 * RECORD_SIZE, 49 * RECORD_SIZE + 3
	};
	size_t n_flushes = 0, want = 0;
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	start(&o);
	for (unsigned int i = 0; i < ARRAY_SIZE(parts); i++) {
		set_fake(part, parts[i]);
		push(&o, i, 50 * i, 50);
		wait_until_idle(&o);
		n_flushes = fake.n_flushes;
		want += (50 * RECORD_SIZE + parts[i] - 1) / parts[i];
		assert_int_equal(n_flushes, want);
	}
	outlet_stop(&o, in_seconds(30));
	assert_got(0, 50 * ARRAY_SIZE(parts));
	assert_counters(&o, 50 * ARRAY_SIZE(parts), 0, 0);
}

/* A flusher that takes nothing at first: it is asked again, and is given the same. */
static void test_nothing_yet(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	fake.budget = 0;
	fake.error = -EAGAIN;
	start(&o);
	push(&o, 5, 0, 3);
	while (true) {
		size_t n;

		pthread_mutex_lock(&fake.lock);
		n = fake.n_flushes;
		pthread_mutex_unlock(&fake.lock);
		if (n >= 5)
			break;
		assert_int_equal(outlet_pending(&o), 5);
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
	set_fake(budget, SIZE_MAX);
	wait_until_idle(&o);
	outlet_stop(&o, 0);
	assert_got(0, 3);
	assert_counters(&o, 3, 0, 0);
}

/*
 * Half a record more than two is taken: two count, the rest of the chunk is lost; the next chunk
 * goes on.
 */
static void test_failing(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	fake.budget = 2 * RECORD_SIZE + 8;
	fake.error = -EIO;
	start(&o);
	push(&o, 1, 0, 10);
	wait_until_idle(&o);
	assert_counters(&o, 2, 8, 0);
	assert_int_equal(metric_get(&o.counters.is_failing), 1);
	push(&o, 2, 10, 10);
	wait_until_idle(&o);
	assert_counters(&o, 2, 18, 0);
	assert_false(outlet_is_gone(&o));
	set_fake(budget, SIZE_MAX);
	set_fake(got.len, 0);
	push(&o, 3, 20, 10);
	wait_until_idle(&o);
	assert_int_equal(metric_get(&o.counters.is_failing), 0);
	outlet_stop(&o, 0);
	assert_got(20, 10);
	assert_counters(&o, 12, 18, 0);
}

/*
 * Its reader has gone: it is never asked again, holds up nobody, and all that comes is counted as
 * dropped.
 */
static void test_gone(void **state)
{
	size_t n_flushes;
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	fake.budget = 3 * RECORD_SIZE;
	fake.error = -EPIPE;
	start(&o);
	push(&o, 1, 0, 3);
	wait_until_idle(&o);
	assert_false(outlet_is_gone(&o));
	push(&o, 2, 3, 1);
	wait_until_idle(&o);
	assert_true(outlet_is_gone(&o));
	n_flushes = fake.n_flushes;
	set_fake(budget, SIZE_MAX); /* too late */
	for (unsigned int i = 0; i < 10; i++)
		push(&o, 3, 4, 2);
	wait_until_idle(&o);
	assert_true(outlet_has_room(&o));
	outlet_stop(&o, in_seconds(30));
	assert_true(outlet_is_gone(&o));
	assert_int_equal(fake.n_flushes, n_flushes);
	assert_got(0, 3);
	assert_counters(&o, 3, 21, 0);
}

/*
 * Chunks of 256 KiB, of which the queue holds 32: pushing never waits for the flusher, which hangs.
 */
static void test_overflow(void **state)
{
	const size_t n = 256 * 1024 / RECORD_SIZE;
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	fake.is_shut = true;
	start(&o);
	for (unsigned int i = 0; i < 40; i++) {
		push(&o, 1000 + i, i * (unsigned int)n, n);
		if (i == 0)
			wait_for_flush();
		assert_int_equal(outlet_has_room(&o), i < 15);
		assert_int_equal(outlet_pending(&o), 1000);
		assert_int_equal(metric_get(&o.counters.in), (i + 1) * n);
		assert_int_equal(metric_get(&o.counters.overflowed), i < 32 ? 0 : (i - 31) * n);
		assert_int_equal(metric_get(&o.counters.queue_bytes),
				 (i < 32 ? i + 1 : 32) * n * RECORD_SIZE);
	}
	set_fake(is_shut, false);
	wait_until_idle(&o);
	assert_true(outlet_has_room(&o));
	outlet_stop(&o, in_seconds(30));
	assert_got(0, 32 * n);
	assert_counters(&o, 32 * n, 0, 8 * n);
}

/* One that is larger than the queue gets through, when nothing else is in it. */
static void test_huge_chunk(void **state)
{
	const size_t n = QUEUE_BYTES / RECORD_SIZE + 1;
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	fake.is_shut = true;
	start(&o);
	push(&o, 1, 0, n);
	push(&o, 2, 7, 1);
	assert_false(outlet_has_room(&o));
	set_fake(is_shut, false);
	outlet_stop(&o, in_seconds(30));
	assert_got(0, n);
	assert_counters(&o, n, 0, 1);
}

/* The chunk at work is the oldest, until the flusher has all of it. */
static void test_pending(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	fake.is_shut = true;
	start(&o);
	push(&o, 100, 0, 1);
	assert_int_equal(outlet_pending(&o), 100);
	wait_for_flush();
	push(&o, 200, 1, 1);
	assert_int_equal(outlet_pending(&o), 100);
	set_fake(is_shut, false);
	wait_until_idle(&o);
	assert_got(0, 2);
	set_fake(is_shut, true);
	push(&o, 300, 2, 1);
	wait_for_flush();
	assert_int_equal(outlet_pending(&o), 300);
	set_fake(is_shut, false);
	outlet_stop(&o, in_seconds(30));
	assert_int_equal(outlet_pending(&o), UINT64_MAX); /* asked for after the end, too */
}

/* What was let go of is delivered all the same. */
static void test_secure_without_state(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	fake.is_shut = true;
	start(&o);
	push(&o, 100, 0, 1);
	push(&o, 200, 1, 1);
	push(&o, 300, 2, 1);
	outlet_secure(&o, 100);
	assert_int_equal(outlet_pending(&o), 100);
	outlet_secure(&o, 101);
	assert_int_equal(outlet_pending(&o), 200);
	outlet_secure(&o, 301);
	assert_int_equal(outlet_pending(&o), UINT64_MAX);
	push(&o, 400, 3, 1);
	assert_int_equal(outlet_pending(&o), 400);
	wait_for_flush();
	set_fake(is_shut, false);
	wait_until_idle(&o);
	assert_got(0, 4);
}

/* A flusher that takes nothing any more is given up at the deadline, and what is queued with it. */
static void test_stop_in_time(void **state)
{
	static const unsigned int delays_ms[] = { 0, 50 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(delays_ms); i++) {
		uint64_t deadline, begin = now_ns(CLOCK_MONOTONIC);
		_cleanup_(outlet_done) struct outlet o = { 0 };

		set_fake(got.len, 0);
		set_fake(budget, RECORD_SIZE + 3);
		set_fake(error, -EAGAIN);
		start(&o);
		for (unsigned int k = 0; k < 30; k++)
			push(&o, k, 10 * k, 10);
		deadline = delays_ms[i] ? begin + delays_ms[i] * 1000000ULL : 0;
		outlet_stop(&o, deadline);
		assert_true(now_ns(CLOCK_MONOTONIC) >= deadline);
		assert_true(now_ns(CLOCK_MONOTONIC) - begin < 5 * SECOND_NS);
		assert_int_equal(
			metric_get(&o.counters.delivered) + metric_get(&o.counters.dropped), 300);
		assert_true(metric_get(&o.counters.delivered) <= 1);
		assert_int_equal(outlet_pending(&o), UINT64_MAX);
	}
}

static struct outlet *stopping;

/* Comes back, with nothing done, when the outlet is being stopped. */
static int late_flush(struct instance *self, const struct payload *in, size_t *ret_done)
{
	bool is_stopping = false;

	(void)self;
	(void)in;
	(void)ret_done;
	fake_step('f');
	while (!is_stopping) {
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
		pthread_mutex_lock(&stopping->lock);
		is_stopping = stopping->stop_ns;
		pthread_mutex_unlock(&stopping->lock);
	}
	return -EAGAIN;
}

/* Each call may take its time: once that is up, no chunk is tried that still waits. */
static void test_no_call_after_deadline(void **state)
{
	static const struct flusher flusher_late = { .base = { .name = "late" },
						     .flush = late_flush };
	_cleanup_(outlet_done) struct outlet o = make_outlet(&flusher_late);

	(void)state;
	stopping = &o;
	assert_int_equal(outlet_start(&o, "test"), 0);
	for (unsigned int i = 0; i < 30; i++)
		push(&o, i, 10 * i, 10);
	wait_for_step('f');
	outlet_stop(&o, 1);
	assert_steps("f");
	assert_counters(&o, 0, 300, 0);
}

/* The time is there, and it is used. */
static void test_stop_finishes(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	fake.part = RECORD_SIZE / 2;
	start(&o);
	for (unsigned int i = 0; i < 20; i++)
		push(&o, i, 10 * i, 10);
	outlet_stop(&o, in_seconds(30));
	assert_got(0, 200);
	assert_counters(&o, 200, 0, 0);
	assert_int_equal(fake.steps.data[fake.steps.len - 1], 's');
}

/* At once when there is nothing to do; else when the chunk at work is done; also on the way out. */
static void test_reopen(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	start(&o);
	outlet_reopen(&o);
	wait_for_step('r');
	set_fake(is_shut, true);
	push(&o, 1, 0, 1);
	wait_for_flush();
	push(&o, 2, 1, 1);
	outlet_reopen(&o);
	outlet_reopen(&o);
	assert_steps("rf");
	set_fake(is_shut, false);
	wait_until_idle(&o);
	set_fake(is_shut, true);
	push(&o, 3, 2, 1);
	wait_for_flush();
	outlet_reopen(&o);
	set_fake(is_shut, false);
	outlet_stop(&o, in_seconds(30));
	assert_steps("rfrffrs");
	assert_got(0, 3);
}

/* One that has nothing to open goes on. */
static void test_reopen_without(void **state)
{
	_cleanup_(outlet_done) struct outlet o = make_outlet(&flusher_plain);

	(void)state;
	assert_int_equal(outlet_start(&o, "test"), 0);
	outlet_reopen(&o);
	push(&o, 1, 0, 1);
	outlet_stop(&o, in_seconds(30));
	assert_got(0, 1);
	assert_steps("f");
}

static uint64_t n_observed(const struct outlet *o)
{
	uint64_t n = 0;

	for (size_t i = 0; i < METRIC_BUCKETS; i++)
		n += metric_get(&o->counters.latency.buckets[i]);
	return n;
}

/* Each record that arrives is counted once, where its age belongs. */
static void test_latency(void **state)
{
	static const struct {
		uint64_t age_ns; /* 0: it is still to come */
		size_t bucket;
	} rows[] = { { 0, 0 }, { 30 * SECOND_NS, 14 }, { 70 * SECOND_NS, 15 } };
	uint64_t now = now_ns(CLOCK_BOOTTIME);
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	if (now < 80 * SECOND_NS)
		skip(); /* the machine is younger than the oldest record */
	start(&o);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(chunk_unrefp) struct chunk *c =
			make_chunk(1, 0, 100 + i,
				   rows[i].age_ns ? now - rows[i].age_ns : now + 3600 * SECOND_NS);

		outlet_push(&o, c);
	}
	wait_until_idle(&o);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(metric_get(&o.counters.latency.buckets[rows[i].bucket]), 100 + i);
	assert_int_equal(n_observed(&o), 303);
	set_fake(error, -EIO);
	set_fake(budget, 2 * RECORD_SIZE);
	push(&o, 2, 0, 10);
	outlet_stop(&o, in_seconds(30));
	assert_int_equal(n_observed(&o), 305); /* what is dropped is not delivered late */
}

/* Two that want the same bytes share them. */
static void test_shared(void **state)
{
	_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(9, 0, 5, 0);
	_cleanup_(outlet_done) struct outlet a = { 0 }, b = { 0 };

	(void)state;
	start(&a);
	start(&b);
	outlet_push(&a, c);
	outlet_push(&b, c);
	wait_until_idle(&a);
	wait_until_idle(&b);
	assert_int_equal(atomic_load(&c->refs), 1);
	outlet_stop(&a, 0);
	outlet_stop(&b, 0);
	assert_int_equal(fake.got.len, 2 * chunk_size(c));
	assert_counters(&a, 5, 0, 0);
	assert_counters(&b, 5, 0, 0);
}

static void test_cannot_start(void **state)
{
	_cleanup_(outlet_done) struct outlet o = make_outlet(&flusher_fake);

	(void)state;
	fake.start_result = -EACCES;
	assert_int_equal(outlet_start(&o, "test"), -EACCES);
	outlet_stop(&o, 0);
	assert_steps("");
	outlet_done(&o);
	assert_steps("s"); /* the flusher had half started */
}

static void test_no_memory(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	start(&o);
	{
		_cleanup_(chunk_unrefp) struct chunk *c = make_chunk(1, 0, 5, 0);

		atomic_store(&fail_at, 1); /* for its place in the queue */
		outlet_push(&o, c);
		assert_int_equal(atomic_load(&fail_at), 0);
		assert_int_equal(outlet_pending(&o), UINT64_MAX);
		set_fake(part, 3 * RECORD_SIZE);
		atomic_store(&fail_at, 2); /* for the ends of the rest */
		outlet_push(&o, c);
		wait_until_idle(&o);
		assert_int_equal(atomic_load(&fail_at), 0);
	}
	push(&o, 2, 3, 4);
	outlet_stop(&o, in_seconds(30));
	assert_got(0, 7);
	assert_counters(&o, 7, 2, 5);
}

/* Sum of what the lines in a file say was dropped; how many they are. */
static uint64_t sum_of_dropped(FILE *file, size_t *ret_lines)
{
	char line[512];
	uint64_t sum = 0;

	rewind(file);
	for (*ret_lines = 0; fgets(line, sizeof(line), file); ++*ret_lines) {
		const char *at = strstr(line, "test: fake: ");

		assert_non_null(at);
		assert_non_null(strstr(at, " records dropped"));
		sum += strtoull(at + strlen("test: fake: "), NULL, 10);
	}
	return sum;
}

/* The log tells of each record that is lost, in a few lines for all of them. */
static void test_log(void **state)
{
	_cleanup_(fclosep) FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t n_lines = 0;
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	fake.is_shut = true;
	fake.budget = 0;
	fake.error = -EIO;
	log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	dup2(fileno(file), STDERR_FILENO);
	start(&o);
	for (unsigned int i = 0; i < 50; i++)
		push(&o, i, 0, 16 * 1024); /* 256 KiB */
	set_fake(is_shut, false);
	outlet_stop(&o, in_seconds(30));
	dup2(saved, STDERR_FILENO);
	close(saved);
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	assert_counters(&o, 0, 32 * 16 * 1024, 18 * 16 * 1024);
	assert_int_equal(sum_of_dropped(file, &n_lines), 50 * 16 * 1024);
	assert_true(n_lines <= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_order),
		test(test_parts),
		test(test_nothing_yet),
		test(test_failing),
		test(test_gone),
		test(test_overflow),
		test(test_huge_chunk),
		test(test_pending),
		test(test_secure_without_state),
		test(test_stop_in_time),
		test(test_no_call_after_deadline),
		test(test_stop_finishes),
		test(test_reopen),
		test(test_reopen_without),
		test(test_latency),
		test(test_shared),
		test(test_cannot_start),
		test(test_no_memory),
		test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
