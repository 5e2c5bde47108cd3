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

#include <sched.h>
#include <sys/epoll.h>

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
		{ "g1/streams", "g1/knobs" }, { "g1/ring", "g1/exit" },
		{ "g1/exit", "g1/ring" },     { "g1/knobs", "g1/streams" },
		{ "g1/fork", "g1/streams" },  { "g1/claim", "g1/ring" },
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

#define EVENTS_MAX 65536

/* What names an event, whoever recorded it. */
struct name {
	uint64_t start_ns, exec_count;
	uint32_t tgid, type;
};

static int compare_names(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct name));
}

struct names {
	struct name items[EVENTS_MAX];
	size_t n;
	unsigned int generations; /* a bit for each that recorded any of it */
};

static void read_names(struct probe *p, struct names *to)
{
	const struct event_head *head;
	uint64_t position;
	size_t size;

	while (to->n < EVENTS_MAX && (head = ring_next(probe_ring(p), &size, &position))) {
		if (head->type == EVENT_CGROUP)
			continue; /* somebody else's, and this is not its name */
		to->generations |= 1U << head->generation;
		to->items[to->n++] = (struct name){ .start_ns = head->start_ns,
						    .exec_count = head->exec_count,
						    .tgid = head->tgid,
						    .type = head->type };
	}
	ring_commit(probe_ring(p), ring_position(probe_ring(p)));
}

/* Programs that begin and end until somebody kills this. */
static pid_t begin_load(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	while (pid == 0)
		run_true();
	return pid;
}

/* While both generations are attached each event is taken up by one of them. */
static void test_no_event_is_recorded_twice(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	struct names *names = calloc(1, sizeof(*names));
	pid_t load;

	(void)state;
	need_bpf();
	assert_non_null(names);
	die_attached(4 * RING);
	load = begin_load(); /* before there is anything that it could keep open */
	p = new_probe(4 * RING, 0);
	read_names(p, names);
	assert_int_equal(probe_attach(p), 0);
	read_names(p, names); /* somebody's storm may have filled the ring */
	run_true();
	read_names(p, names);
	assert_int_equal(kill(load, SIGKILL), 0);
	assert_int_equal(waitpid(load, NULL, 0), load);
	assert_int_equal(names->generations, 1U << 1 | 1U << 2);
	qsort(names->items, names->n, sizeof(struct name), compare_names);
	for (size_t i = 1; i < names->n; i++)
		assert_int_not_equal(compare_names(&names->items[i - 1], &names->items[i]), 0);
	free(names);
}

/* The pins of a version that had no such map, or that lost it. */
static void test_without_claims(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;

	(void)state;
	need_bpf();
	die_attached(RING);
	unpin("g1/claim");
	p = new_probe(RING, 0);
	assert_true(probe_was_complete(p));
	assert_int_equal(probe_attach(p), 0);
	assert_true(is_pinned("g2/claim"));
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

static void run_as_init(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(unshare(CLONE_NEWPID) == 0 && run_true() > 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* How often, of five times, a reader that did not ask for it is woken. */
static int count_woken(struct probe *p, int epoll_fd, bool by_init)
{
	struct epoll_event ev;
	int n = 0;

	for (int i = 0; i < 5; i++) {
		drain(p);
		(void)epoll_wait(epoll_fd, &ev, 1, 0); /* for what was before */
		if (by_init)
			run_as_init();
		else
			run_true();
		n += epoll_wait(epoll_fd, &ev, 1, 100) == 1;
	}
	return n;
}

/* Else he comes by his timer; others may make control groups meanwhile, which wake him, too. */
static void test_init_of_a_container_wakes(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	_cleanup_(probe_freep) struct probe *p = NULL;
	_cleanup_(closep) int epoll_fd = -1;

	(void)state;
	need_bpf();
	p = new_probe(RING, 0);
	assert_int_equal(probe_attach(p), 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, probe_ring_fd(p), &ev), 0);
	assert_in_range(count_woken(p, epoll_fd, false), 0, 4);
	assert_int_equal(count_woken(p, epoll_fd, true), 5);
	probe_detach(p);
	drain(p);
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
		cmocka_unit_test(test_no_event_is_recorded_twice),
		cmocka_unit_test(test_without_claims),
		cmocka_unit_test(test_another_size),
		cmocka_unit_test(test_two_rings_are_found),
		cmocka_unit_test(test_a_ring_that_was_read),
		cmocka_unit_test(test_init_of_a_container_wakes),
		cmocka_unit_test(test_without_pins),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
