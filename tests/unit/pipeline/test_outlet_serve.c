/* SPDX-License-Identifier: Apache-2.0 */
/* The reader does the flusher's work itself, where it can. */
#include "fake_flusher.h"

static bool prompt_says; /* what the flusher says of itself */

static bool fake_is_prompt(struct instance *self)
{
	(void)self;
	return prompt_says;
}

static const struct flusher flusher_prompt = {
	.base = { .name = "flusher_prompt", .start = fake_start, .stop = fake_stop },
	.flush = fake_flush,
	.reopen = fake_reopen,
	.is_prompt = fake_is_prompt,
};

/* What the post says, and what was done with it. */
static struct {
	bool can_leave, is_same;
	unsigned int n_left, n_back;
} post_is;

static bool leave(void *ctx)
{
	(void)ctx;
	post_is.n_left += post_is.can_leave;
	return post_is.can_leave;
}

static bool come_back(void *ctx)
{
	(void)ctx;
	post_is.n_back++;
	return post_is.is_same;
}

static const struct post post = { .leave = leave, .come_back = come_back };

static struct outlet *start_prompt(struct outlet *o)
{
	prompt_says = true;
	post_is.can_leave = post_is.is_same = true;
	post_is.n_left = post_is.n_back = 0;
	*o = make_outlet(&flusher_prompt);
	assert_int_equal(outlet_start(o, "test"), 0);
	return o;
}

/* All is written when the call returns, and the thread was not needed. */
static void test_by_caller(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	start_prompt(&o);
	assert_true(outlet_serve(&o, &post)); /* nothing to do: nobody leaves */
	assert_int_equal(post_is.n_left, 0);
	for (unsigned int i = 0; i < 5; i++) {
		push(&o, i, 20 * i, 10);
		push(&o, i, 20 * i + 10, 10);
		assert_int_equal(outlet_pending(&o), i);
		assert_true(outlet_serve(&o, &post));
		assert_int_equal(outlet_pending(&o), UINT64_MAX);
		assert_int_equal(post_is.n_left, i + 1);
		assert_int_equal(post_is.n_back, i + 1);
	}
	assert_got(0, 100);
	assert_counters(&o, 100, 0, 0);
	post_is.is_same = false;
	push(&o, 9, 100, 1);
	assert_false(outlet_serve(&o, &post));
	assert_got(0, 101);
}

/* What the reader is to write is not taken by a thread that starts late, or wakes uncalled. */
static void test_uncalled(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	start_prompt(&o);
	push(&o, 1, 0, 10);
	pthread_mutex_lock(&o.lock);
	pthread_cond_broadcast(&o.changed);
	pthread_mutex_unlock(&o.lock);
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	assert_int_equal(outlet_pending(&o), 1);
	assert_true(outlet_serve(&o, &post));
	assert_int_equal(post_is.n_left, 1);
	assert_got(0, 10);
}

/* Where the reader cannot or may not, the thread does it. */
static void test_by_thread(void **state)
{
	static const struct {
		bool has_post, can_leave, is_prompt;
	} rows[] = {
		{ false, false, true },
		{ true, false, true },
		{ true, true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(outlet_done) struct outlet o = { 0 };

		set_fake(got.len, 0);
		start_prompt(&o);
		o.is_prompt = prompt_says = rows[i].is_prompt;
		post_is.can_leave = rows[i].can_leave;
		push(&o, 1, 0, 7);
		assert_true(outlet_serve(&o, rows[i].has_post ? &post : NULL));
		wait_until_idle(&o);
		outlet_stop(&o, in_seconds(30));
		assert_int_equal(post_is.n_left, 0);
		assert_got(0, 7);
		assert_counters(&o, 7, 0, 0);
	}
}

/* Two never are with the flusher at once; what gathers behind one that hangs is the thread's. */
static void test_busy(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };

	(void)state;
	start_prompt(&o);
	set_fake(is_shut, true);
	push(&o, 1, 0, 10);
	assert_true(outlet_serve(&o, NULL));
	wait_for_flush();
	push(&o, 2, 10, 10);
	assert_true(outlet_serve(&o, &post));
	assert_int_equal(post_is.n_left, 0);
	assert_int_equal(outlet_pending(&o), 1);
	set_fake(is_shut, false);
	wait_until_idle(&o);
	push(&o, 3, 20, 70 * 1024); /* more than 1 MiB */
	assert_true(outlet_serve(&o, &post));
	assert_int_equal(post_is.n_left, 0);
	outlet_stop(&o, in_seconds(30));
	assert_got(0, 20 + 70 * 1024);
}

static void *serve(void *arg)
{
	(void)outlet_serve(arg, &post);
	return NULL;
}

/* The flusher is not stopped while the reader is with it, nor are its files opened anew. */
static void test_stop_waits(void **state)
{
	_cleanup_(outlet_done) struct outlet o = { 0 };
	pthread_t reader;

	(void)state;
	start_prompt(&o);
	set_fake(is_shut, true);
	push(&o, 1, 0, 3);
	assert_int_equal(pthread_create(&reader, NULL, serve, &o), 0);
	wait_for_flush();
	outlet_reopen(&o);
	outlet_ask_to_stop(&o, in_seconds(30));
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	assert_steps("f");
	set_fake(is_shut, false);
	outlet_stop(&o, in_seconds(30));
	pthread_join(reader, NULL);
	assert_steps("frs");
	assert_got(0, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_by_caller), test(test_uncalled),   test(test_by_thread),
		test(test_busy),      test(test_stop_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
