/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs count when they leave something out, and what they leave out first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/internal.h"
#include "probe_world.h"

/* A ring of a page: what it cannot take is counted, also by those who are gone. */
static void test_losses_are_counted(void **state)
{
	struct probe_misses misses = { 0 };
	struct probe_losses losses = { 0 };
	_cleanup_(probe_freep) struct probe *p = NULL;
	struct probe_stream old, own;

	(void)state;
	need_bpf();
	die_attached(4096);
	for (int i = 0; i < 20; i++)
		run_true();
	p = new_probe(4096, 0);
	old = streams_of(p, 1);
	assert_true(old.lost_exec >= 10 && old.lost_exit >= 10 && old.lost_fork >= 10);
	assert_int_equal(probe_attach(p), 0);
	for (int i = 0; i < 20; i++)
		run_true();
	drain(p);
	assert_true(streams_of(p, 1).lost_exec >= 10);
	assert_true(is_pinned("g1")); /* what it lost may not be written down yet */
	forget(p, 1);
	for (int i = 0; i < 20; i++)
		run_true();
	own = streams_of(p, 2);
	assert_true(own.seq >= 60);
	assert_true(own.lost_exec >= 20 && own.lost_exit >= 20 && own.lost_fork >= 20);
	assert_int_equal(own.lost_budget, 0);
	assert_int_equal(probe_losses(p, &losses), 0);
	assert_true(losses.exec >= own.lost_exec && losses.fork >= own.lost_fork);
	assert_int_equal(probe_misses(p, &misses), 0);
}

/* What the kernel did not run a dead agent's programs for is told, once more before it is gone. */
static void test_misses_of_the_dead(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;

	(void)state;
	need_bpf();
	die_attached(RING);
	p = new_probe(RING, 0);
	assert_int_equal(probe_attach(p), 0);
	drain(p);
	p->old[0].misses = (struct probe_misses){ .exec = 3, .fork = 1 };
	assert_int_equal(streams_of(p, 1).lost_exec, 3);
	assert_true(is_pinned("g1")); /* what it lost may not be written down yet */
	assert_int_equal(streams_of(p, 1).lost_fork, 0);
	assert_false(is_pinned("g1"));
}

struct cut {
	int whole, cut;
	uint32_t longest;
};

/* Reads the ring; how much is there of the arguments of execs whose argv has this size. */
static struct cut read_cut(struct probe *p, size_t args_total)
{
	const struct event_exec *e;
	struct cut cut = { 0 };
	uint64_t position;
	size_t size;

	while ((e = ring_next(probe_ring(p), &size, &position))) {
		if (e->head.type != EVENT_EXEC || e->args_total != args_total)
			continue;
		assert_int_equal(e->head.size, size);
		assert_int_equal(!!(e->head.flags & EVENT_F_ARGS_CUT), e->args_len < args_total);
		cut.whole += e->args_len == args_total;
		cut.cut += e->args_len < args_total;
		if (e->args_len > cut.longest)
			cut.longest = e->args_len;
	}
	ring_commit(probe_ring(p), ring_position(probe_ring(p)));
	return cut;
}

/* When the ring is nearly full, argv goes before the exec does. */
static void test_argv_goes_first(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	struct cut sum = { 0 };
	char argument[4000];

	(void)state;
	need_bpf();
	memset(argument, 'x', sizeof(argument) - 1);
	argument[sizeof(argument) - 1] = '\0';
	p = new_probe(64 * 1024, 0);
	assert_int_equal(probe_attach(p), 0);
	for (int i = 0; i < 60 && !sum.cut; i++) {
		struct cut cut;

		/* what is left of the ring for the last one is another each time */
		for (int k = 0; k < 20; k++)
			run(argument + 50 * i);
		cut = read_cut(p, sizeof("true") + sizeof(argument) - 50 * (size_t)i);
		sum.whole += cut.whole;
		sum.cut += cut.cut;
	}
	assert_true(sum.whole > 0);
	assert_true(sum.cut > 0);
}

/* What can never fit comes with what does. */
static void test_argv_larger_than_the_ring(void **state)
{
	static const enum probe_hooks hooks[] = { PROBE_HOOKS_BTF, PROBE_HOOKS_RAW };
	static char argument[100 * 1000];

	(void)state;
	need_bpf();
	memset(argument, 'x', sizeof(argument) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		const struct probe_options options = { .hooks = hooks[i], .ring_bytes = 64 * 1024 };
		_cleanup_(probe_freep) struct probe *p = NULL;
		struct cut cut;

		assert_int_equal(probe_new(&options, &p), 0);
		probe_demand(p, false, EVENT_ARGS_MAX, 0);
		assert_int_equal(probe_attach(p), 0);
		run(argument);
		cut = read_cut(p, sizeof("true") + sizeof(argument));
		assert_int_equal(cut.cut, 1);
		assert_int_equal(cut.longest, hooks[i] == PROBE_HOOKS_RAW ? 8192 : 4096);
	}
}

static int add_dropped(void *ctx, uint64_t cgroup, uint64_t dropped)
{
	uint64_t *sum = ctx;

	assert_true(cgroup > 0);
	*sum += dropped;
	return 0;
}

static void test_budget(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	struct probe_stream own;
	time_t begin = time(NULL);
	uint64_t dropped = 0;

	(void)state;
	need_bpf();
	p = new_probe(RING, 20); /* 20 at once, and 20 in each second */
	assert_int_equal(probe_attach(p), 0);
	for (int i = 0; i < 200; i++)
		run_true();
	probe_detach(p);
	own = streams_of(p, 1);
	assert_true(own.lost_exec >= 200 - 20 - 20 * (time(NULL) - begin + 1));
	assert_true(own.lost_fork <= own.lost_exec); /* four times as many are allowed */
	assert_int_equal(own.lost_exit, 0);	     /* never */
	assert_int_equal(own.lost_budget, own.lost_exec + own.lost_fork);
	assert_int_equal(probe_budget_each(p, add_dropped, &dropped), 0);
	assert_int_equal(dropped, own.lost_budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_losses_are_counted),
		cmocka_unit_test(test_misses_of_the_dead),
		cmocka_unit_test(test_argv_goes_first),
		cmocka_unit_test(test_argv_larger_than_the_ring),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
