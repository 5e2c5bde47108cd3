/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generations of programs one after the other, on this kernel, where this user may load them; their
 * pins are on a bpffs of the test's own. An agent that dies is a child that exits without a word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe_world.h"

static void test_stop_leaves_nothing(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	char story[64];
	pid_t pid;

	(void)state;
	need_bpf();
	p = new_probe(RING, 0);
	assert_false(probe_is_adopted(p));
	assert_true(probe_is_pinned(p));
	assert_int_equal(probe_attach(p), 0);
	assert_true(is_pinned("g1/ring") && is_pinned("g1/fork"));
	pid = run_true();
	probe_detach(p);
	assert_false(is_pinned("g1/exit") || is_pinned("g1/fork"));
	assert_true(is_pinned("g1/ring")); /* until it is read */
	run_true();
	read_story(p, pid, story);
	assert_string_equal(story, "f1x1e1");
	p = probe_free(p);
	assert_int_equal(access(folder, F_OK), -1);
}

static void test_crash_loses_nothing(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	char story[64];
	pid_t pid;

	(void)state;
	need_bpf();
	die_attached(RING);
	pid = run_true();
	p = new_probe(RING, 0);
	assert_true(probe_is_adopted(p));
	assert_true(probe_was_complete(p));
	assert_int_equal(probe_attach(p), 0);
	assert_false(is_pinned("g1/exit") || is_pinned("g1/exec") || is_pinned("g1/cgroup") ||
		     is_pinned("g1/fork"));
	read_story(p, pid, story);
	assert_string_equal(story, "f1x1e1");
	pid = run_true();
	read_story(p, pid, story);
	assert_string_equal(story, "f2x2e2");
	assert_int_equal(probe_next_ring(p), 0);
}

static void test_keep(void **state)
{
	struct probe *p;
	char story[64];
	pid_t pid;

	(void)state;
	need_bpf();
	p = new_probe(RING, 0);
	assert_int_equal(probe_attach(p), 0);
	probe_keep(p);
	probe_free(p);
	pid = run_true();
	p = new_probe(RING, 0);
	assert_true(probe_was_complete(p));
	read_story(p, pid, story);
	assert_string_equal(story, "f1x1e1");
	probe_free(p); /* it attached nothing: all stays for the next */
	assert_true(is_pinned("g1/fork"));
	assert_int_equal(pins_remove(folder), 1);
	assert_int_equal(access(folder, F_OK), -1);
	assert_int_equal(pins_remove(folder), 0);
}

static void test_one_at_a_time(void **state)
{
	struct probe_options options = { .ring_bytes = RING, .pins = folder };
	_cleanup_(probe_freep) struct probe *p = NULL;
	struct probe *second = NULL;

	(void)state;
	need_bpf();
	p = new_probe(RING, 0);
	assert_int_equal(probe_new(&options, &second), -EBUSY);
	assert_int_equal(pins_remove(folder), -EBUSY);
	assert_null(second);
}

/* What an agent leaves that dies between two pins. */
static void test_partial(void **state)
{
	static const struct {
		const char *gone[8];
		bool is_adopted;
	} cases[] = {
		{ { "g1/fork" }, true },
		{ { "g1/exit", "g1/exec", "g1/cgroup" }, true },
		{ { "g1/exit", "g1/exec", "g1/cgroup", "g1/fork" }, true },
		{ { "g1/exit", "g1/exec", "g1/cgroup", "g1/fork", "g1/streams" }, false },
		{ { "g1/exit", "g1/exec", "g1/cgroup", "g1/fork", "g1/ring" }, false },
		{ { "g1/streams" }, false },
		{ { "g1/ring" }, false },
	};

	(void)state;
	need_bpf();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(probe_freep) struct probe *p = NULL;

		die_attached(RING);
		for (const char *const *gone = cases[i].gone; *gone; gone++)
			unpin(*gone);
		p = new_probe(RING, 0);
		assert_int_equal(probe_is_adopted(p), cases[i].is_adopted);
		assert_false(probe_was_complete(p));
		assert_int_equal(probe_attach(p), 0);
		assert_int_equal(is_pinned("g1"), cases[i].is_adopted);
		assert_true(is_pinned("g2/fork"));
	}
}

static void test_foreign(void **state)
{
	static const char *const swaps[][2] = {
		{ "g1/streams", "g1/knobs" }, { "g1/ring", "g1/exit" },	   { "g1/exit", "g1/ring" },
		{ "g1/knobs", "g1/streams" }, { "g1/fork", "g1/streams" },
	};
	char from[256], to[256];

	(void)state;
	need_bpf();
	for (size_t i = 0; i < ARRAY_SIZE(swaps); i++) {
		_cleanup_(probe_freep) struct probe *p = NULL;

		die_attached(RING);
		unpin(swaps[i][0]);
		snprintf(from, sizeof(from), "%s/%s", folder, swaps[i][1]);
		snprintf(to, sizeof(to), "%s/%s", folder, swaps[i][0]);
		assert_int_equal(rename(from, to), 0);
		snprintf(to, sizeof(to), "%s/g1/other", folder);
		assert_int_equal(mkdir(to, 0700), 0);
		p = new_probe(RING, 0);
		assert_false(probe_is_adopted(p));
		assert_false(is_pinned("g1"));
		assert_int_equal(probe_attach(p), 0);
	}
}

/* Parts of two generations that do not belong together. */
static void test_mixed_up(void **state)
{
	static const struct {
		const char *part;
		uint64_t second_bytes;
		bool is_adopted; /* the second, which is but partial then */
	} cases[] = {
		{ "exit", 2 * RING, true },
		{ "knobs", RING, false },
	};

	(void)state;
	need_bpf();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(probe_freep) struct probe *p = NULL;
		char from[256], to[256];

		die_attached(RING);
		die_attached(cases[i].second_bytes);
		snprintf(from, sizeof(from), "%s/g2/%s", folder, cases[i].part);
		snprintf(to, sizeof(to), "%s/g1/%s", folder, cases[i].part);
		(void)unlink(to);
		assert_int_equal(rename(from, to), 0);
		p = new_probe(RING, 0);
		assert_false(is_pinned("g1"));
		assert_int_equal(probe_is_adopted(p), cases[i].is_adopted);
		assert_false(probe_was_complete(p));
		assert_int_equal(probe_attach(p), 0);
	}
}

static void test_another_size(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	uint32_t id;
	char story[64];
	pid_t before, after;

	(void)state;
	need_bpf();
	die_attached(RING);
	before = run_true();
	p = new_probe(2 * RING, 0);
	assert_true(probe_was_complete(p));
	assert_int_equal(probe_attach(p), 0);
	after = run_true();
	id = probe_ring_id(p);
	assert_int_equal(ring_size(probe_ring(p)), RING);
	assert_int_equal(probe_next_ring(p), 0); /* it is not read */
	read_story(p, before, story);
	assert_string_equal(story, "f1x1e1");
	assert_int_equal(probe_next_ring(p), 1);
	assert_int_not_equal(probe_ring_id(p), id);
	assert_int_equal(ring_size(probe_ring(p)), 2 * RING);
	assert_true(is_pinned("g1")); /* until it was asked for what it lost */
	assert_true(streams_of(p, 1).seq >= 3);
	forget(p, 1);
	read_story(p, after, story);
	assert_string_equal(story, "f2x2e2");
	assert_int_equal(probe_next_ring(p), 0);
}

/* One that dies before the first ring is read to its end leaves two. */
static void test_two_rings_are_found(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	char story[64];
	pid_t first, second;

	(void)state;
	need_bpf();
	die_attached(RING);
	first = run_true();
	die_attached(2 * RING);
	second = run_true();
	p = new_probe(2 * RING, 0);
	assert_true(probe_was_complete(p));
	assert_int_equal(probe_attach(p), 0);
	read_story(p, first, story);
	assert_string_equal(story, "f1x1e1");
	assert_int_equal(probe_next_ring(p), 1);
	read_story(p, second, story);
	assert_string_equal(story, "f2x2e2");
	assert_int_equal(probe_next_ring(p), 0);
	assert_true(is_pinned("g1") && is_pinned("g2"));
	assert_true(streams_of(p, 2).seq >= 3);
	forget(p, 1);
	forget(p, 2);
	assert_true(is_pinned("g3/fork"));
}

/* A ring of which nothing is left is not begun with. */
static void test_a_ring_that_was_read(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	const struct probe_options options = { .ring_bytes = 2 * RING, .pins = folder };
	int status = 0;
	pid_t pid;

	(void)state;
	need_bpf();
	die_attached(RING);
	pid = fork();
	if (pid == 0) {
		if (probe_new(&options, &p) < 0 || probe_attach(p) < 0)
			_exit(1);
		drain(p);
		_exit(probe_next_ring(p) == 1 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is_pinned("g1"));
	p = new_probe(2 * RING, 0);
	assert_int_equal(ring_size(probe_ring(p)), 2 * RING);
	assert_true(probe_was_complete(p));
	probe_detach(p);
}

static void test_without_pins(void **state)
{
	struct probe_options options = { .ring_bytes = RING, .pins = "/tmp/none/proctrail" };
	_cleanup_(probe_freep) struct probe *p = NULL;
	char story[64];
	pid_t pid;

	(void)state;
	need_bpf();
	assert_int_equal(probe_new(&options, &p), 0);
	assert_false(probe_is_pinned(p));
	assert_int_equal(probe_attach(p), 0);
	pid = run_true();
	probe_detach(p);
	read_story(p, pid, story);
	assert_string_equal(story, "f1x1e1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_leaves_nothing),
		cmocka_unit_test(test_crash_loses_nothing),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_mixed_up),
		cmocka_unit_test(test_another_size),
		cmocka_unit_test(test_two_rings_are_found),
		cmocka_unit_test(test_a_ring_that_was_read),
		cmocka_unit_test(test_without_pins),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
