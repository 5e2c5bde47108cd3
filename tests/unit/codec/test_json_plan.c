/* SPDX-License-Identifier: Apache-2.0 */
/* Which runs make a step, by the kind of the event, and which steps share their pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "codec/json_plan.h"

#define N FIELD_OF_NOTHING
#define E FIELD_OF_EVENT
#define I FIELD_OF_IMAGE
#define O FIELD_OF_OWNER
#define P FIELD_OF_PROGRAM
#define UP FIELD_OF_PARENT
#define C FIELD_OF_CONTAINER
#define S FIELD_OF_SECOND

/* Of two keys each; the tags before the second. */
static const enum field_scope spec[] = {
	I, O, P, O, C, UP, FIELD_OF_CALL, FIELD_OF_EXIT, P, FIELD_OF_CALL, S
};
#define SILENT_RUN 9 /* of them, in every call */

static void init_spec(struct json_plans *p)
{
	assert_int_equal(json_plans_init(p, 2 * ARRAY_SIZE(spec)), 0);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(spec); i++) {
		if (i == 2 * ARRAY_SIZE(spec) - 2)
			json_plans_add_tags(p);
		json_plans_add(p, i, spec[i / 2]);
	}
	p->runs[SILENT_RUN].silent = UINT32_MAX;
	assert_int_equal(json_plans_finish(p), 0);
}

static const struct json_step *steps_of(const struct json_plans *p, enum call call,
					enum json_kin kin, bool in_container, size_t *ret_n)
{
	const struct json_plan *plan = json_plans_get(p, call, kin, in_container);

	*ret_n = plan->n;
	return p->steps + plan->first;
}

/* Keys side by side that are made from the same are one run; constants go with what is there. */
static void test_runs(void **state)
{
	static const enum field_scope scopes[] = { N, I, I, N, O, N, N, I };
	static const size_t ends[] = { 4, 7, 8 };
	_cleanup_(json_plans_done) struct json_plans p = { 0 };

	(void)state;
	assert_int_equal(json_plans_init(&p, ARRAY_SIZE(scopes)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
		json_plans_add(&p, i, scopes[i]);
	assert_int_equal(p.n_runs, ARRAY_SIZE(ends));
	for (size_t i = 0; i < p.n_runs; i++)
		assert_int_equal(p.runs[i].first + p.runs[i].n, ends[i]);
	assert_int_equal(p.runs[0].scope, I);
	assert_int_equal(json_plans_finish(&p), 0);
}

static void test_steps(void **state)
{
	static const struct {
		enum call call;
		enum json_kin kin;
		bool in_container;
		enum field_scope by[12]; /* of each run; the tags' is the one before the last */
	} cases[] = {
		{ CALL_CLONE,
		  JSON_KIN_PARENT,
		  false,
		  { E, UP, UP, UP, UP, UP, UP, UP, UP, UP, UP, S } },
		{ CALL_CLONE,
		  JSON_KIN_PARENT,
		  true,
		  { E, UP, UP, UP, C, UP, UP, UP, UP, UP, UP, S } },
		{ CALL_CLONE, JSON_KIN_NOBODY, false, { E, I, I, I, I, UP, UP, UP, I, I, I, S } },
		{ CALL_EXECVE, JSON_KIN_NOBODY, false, { I, I, I, I, I, UP, UP, UP, I, I, I, S } },
		{ CALL_EXECVE, JSON_KIN_NOBODY, true, { I, I, I, I, C, UP, UP, UP, I, I, I, S } },
		{ CALL_EXIT, JSON_KIN_NOBODY, false, { I, I, I, I, I, UP, UP, E, I, I, I, S } },
		{ CALL_EXIT,
		  JSON_KIN_PARENT,
		  false,
		  { I, UP, UP, UP, UP, UP, UP, E, UP, UP, UP, S } },
	};
	_cleanup_(json_plans_done) struct json_plans p = { 0 };

	(void)state;
	init_spec(&p);
	assert_int_equal(p.n_runs, ARRAY_SIZE(spec) + 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n, run = 0;
		const struct json_step *steps =
			steps_of(&p, cases[i].call, cases[i].kin, cases[i].in_container, &n);

		for (size_t k = 0; k < n; k++) {
			assert_int_equal(steps[k].first, run);
			for (; run < steps[k].first + steps[k].n; run++)
				assert_int_equal(steps[k].by, cases[i].by[run]);
			assert_true(k == 0 || steps[k].by != steps[k - 1].by);
		}
		assert_int_equal(run, p.n_runs);
	}
}

/* What an exec has kept of its image is the exit's, too; what names the call is nobody else's. */
static void test_parts(void **state)
{
	_cleanup_(json_plans_done) struct json_plans p = { 0 };
	const struct json_step *exec, *exit, *clone;
	size_t n_exec, n_exit, n_clone;

	(void)state;
	init_spec(&p);
	exec = steps_of(&p, CALL_EXECVE, JSON_KIN_NOBODY, false, &n_exec);
	exit = steps_of(&p, CALL_EXIT, JSON_KIN_NOBODY, false, &n_exit);
	clone = steps_of(&p, CALL_CLONE, JSON_KIN_NOBODY, false, &n_clone);
	assert_int_equal(exec[0].part, exit[0].part);
	assert_int_equal(exec[n_exec - 1].part, exit[n_exit - 1].part);
	assert_int_equal(exec[n_exec - 2].part, exit[n_exit - 2].part);
	assert_int_not_equal(exec[1].part, exit[1].part);
	assert_int_not_equal(exec[1].part, clone[2].part);
	for (size_t i = 0; i < p.n_steps; i++)
		assert_true(p.steps[i].part < p.n_parts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
