/* SPDX-License-Identifier: Apache-2.0 */
/* Who is looked at first, when, and how often a job may be hurried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "enrich/user_job.h"

static struct user_question about(uint32_t mnt_ns, uint32_t uid)
{
	struct user_question q = { .mnt_ns = mnt_ns, .uid = uid };

	memset(q.container, 'a', sizeof(q.container));
	return q;
}

static struct user_question about_pids(uint32_t uid, const uint32_t *pids, uint32_t n)
{
	struct user_question q = about(7, uid);

	memcpy(q.pids, pids, n * sizeof(*pids));
	q.n_pids = n;
	return q;
}

/* The newest first, each once, the oldest go. */
static void test_pids(void **state)
{
	static const struct {
		uint32_t own[USER_QUESTION_PIDS], n_own, more[USER_QUESTION_PIDS], n_more;
		uint32_t want[USER_QUESTION_PIDS], n_want;
	} rows[] = {
		{ { 1 }, 1, { 2 }, 1, { 2, 1 }, 2 },
		{ { 1, 2 }, 2, { 2 }, 1, { 2, 1 }, 2 },
		{ { 1, 2, 3, 4 }, 4, { 5 }, 1, { 5, 1, 2, 3 }, 4 },
		{ { 1, 2, 3, 4 }, 4, { 4, 5, 6 }, 3, { 4, 5, 6, 1 }, 4 },
		{ { 1 }, 1, { 2, 3, 4, 5 }, 4, { 2, 3, 4, 5 }, 4 },
		{ { 1 }, 1, { 0 }, 0, { 1 }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct user_question own = about_pids(1, rows[i].own, rows[i].n_own);
		const struct user_question more = about_pids(2, rows[i].more, rows[i].n_more);
		struct user_job *job = user_job_new(&own, false);
		bool is_asked = false;

		assert_true(user_job_hurry(job, &more, &is_asked));
		assert_false(is_asked);
		assert_true(job->is_hurried);
		assert_int_equal(job->question.uid, 1);
		assert_int_equal(job->question.n_pids, rows[i].n_want);
		assert_memory_equal(job->question.pids, rows[i].want,
				    rows[i].n_want * sizeof(*rows[i].want));
		free(job);
	}
}

static void test_others(void **state)
{
	const struct user_question q = about(7, 1);
	struct user_question namespace = q, container = q;
	struct user_job *job = user_job_new(&q, false), *again = user_job_new(&q, true);
	bool is_asked = false;

	(void)state;
	namespace.mnt_ns++;
	container.container[CONTAINER_ID_LEN - 1]++;
	assert_false(user_job_hurry(job, &namespace, &is_asked));
	assert_false(user_job_hurry(job, &container, &is_asked));
	assert_false(user_job_hurry(again, &q, &is_asked)); /* nobody waits for it */
	assert_false(is_asked || job->is_hurried || again->is_hurried);
	free(job);
	free(again);
}

/* Looks at 0, 25, 100, 325 and 1000 ms, and the last one when the time is up. */
static void test_pauses(void **state)
{
	static const uint64_t due_ms[] = { 25, 100, 325, 1000, 2000, 2000 };
	const uint64_t begin = 5000000000, ms = 1000000;
	const struct user_question q = about(7, 1);
	struct user_job *job = user_job_new(&q, false);

	(void)state;
	job->until_ns = begin + 2000 * ms;
	job->due_ns = begin;
	for (size_t i = 0; i < ARRAY_SIZE(due_ms); i++) {
		user_job_put_off(job, job->due_ns);
		assert_int_equal(job->due_ns, begin + due_ms[i] * ms);
	}
	free(job);
}

/* Whoever asks too often learns whether his question is there, and hurries nobody. */
static void test_bound(void **state)
{
	const struct user_question q = about(7, 1);
	struct user_job *job = user_job_new(&q, false);
	bool is_asked = false;

	(void)state;
	for (int i = 0; i < USER_JOB_HURRIES; i++)
		assert_true(user_job_hurry(job, &q, &is_asked));
	is_asked = job->is_hurried = false;
	assert_false(user_job_hurry(job, &q, &is_asked));
	assert_true(is_asked);
	assert_false(job->is_hurried);
	free(job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pids),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
