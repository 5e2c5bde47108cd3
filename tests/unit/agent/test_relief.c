/* SPDX-License-Identifier: Apache-2.0 */
/* The reader leaves its post for a moment, or for too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "agent/relief.h"

/* What the thread in the reader's place does. */
static struct {
	struct relief *relief;
	atomic_uint n_reading; /* how many read now */
	atomic_uint n_relieved;
	atomic_bool could_leave;
	bool gives_up; /* at once */
} t;

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

static void read_instead(void *ctx)
{
	const struct post *post = relief_post(t.relief);

	assert_ptr_equal(ctx, &t);
	assert_int_equal(atomic_fetch_add(&t.n_reading, 1), 0);
	atomic_fetch_add(&t.n_relieved, 1);
	if (post->leave(post->ctx))
		atomic_store(&t.could_leave, true);
	while (!t.gives_up && relief_is_needed(t.relief))
		pause_a_little();
	atomic_fetch_sub(&t.n_reading, 1);
}

static const struct post *begin(void)
{
	atomic_store(&t.n_relieved, 0);
	atomic_store(&t.could_leave, false);
	t.gives_up = false;
	assert_int_equal(relief_new(read_instead, &t, &t.relief), 0);
	return relief_post(t.relief);
}

static void wait_for_relief(unsigned int n)
{
	while (atomic_load(&t.n_relieved) < n)
		pause_a_little();
}

static void test_short(void **state)
{
	const struct post *post = begin();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_true(post->leave(post->ctx));
		assert_true(relief_is_needed(t.relief));
		assert_true(post->come_back(post->ctx));
		assert_false(relief_is_needed(t.relief));
	}
	t.relief = relief_free(t.relief);
	assert_int_equal(atomic_load(&t.n_relieved), 0);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* Away for a long time in all, but never in one: unless this machine made it so. */
static void test_again_and_again(void **state)
{
	const struct post *post = begin();
	uint64_t begun_ns = now_ns(), longest_ns = 0;

	(void)state;
	while (now_ns() - begun_ns < 4 * RELIEF_AFTER_NS) {
		uint64_t left_ns = now_ns(), away_ns;

		assert_true(post->leave(post->ctx));
		pause_a_little();
		(void)post->come_back(post->ctx);
		away_ns = now_ns() - left_ns;
		longest_ns = away_ns > longest_ns ? away_ns : longest_ns;
	}
	t.relief = relief_free(t.relief);
	assert_true(!atomic_load(&t.n_relieved) || longest_ns >= RELIEF_AFTER_NS);
}

/* One reads at a time, and the one in its place does not leave it. */
static void test_long(void **state)
{
	const struct post *post = begin();

	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		assert_true(post->leave(post->ctx));
		wait_for_relief(i);
		assert_false(post->come_back(post->ctx));
		assert_int_equal(atomic_load(&t.n_reading), 0);
		assert_true(post->leave(post->ctx));
		assert_true(post->come_back(post->ctx));
		if (i == 2)
			relief_rest(t.relief); /* or the timer of the last time is still set */
	}
	t.relief = relief_free(t.relief);
	assert_int_equal(atomic_load(&t.n_relieved), 3);
	assert_false(atomic_load(&t.could_leave));
}

/* One that must not go on leaves the place empty until the reader is back. */
static void test_gives_up(void **state)
{
	const struct post *post = begin();

	(void)state;
	t.gives_up = true;
	assert_true(post->leave(post->ctx));
	wait_for_relief(1);
	while (atomic_load(&t.n_reading))
		pause_a_little();
	(void)post->come_back(post->ctx);
	assert_true(post->leave(post->ctx));
	assert_true(post->come_back(post->ctx));
	t.relief = relief_free(t.relief);
	assert_int_equal(atomic_load(&t.n_relieved), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
