/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generations of programs one after the other, on this kernel, where this user may load them; their
 * pins are on a bpffs of the test's own. An agent that dies is a child that exits without a word.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/event.h"
#include "base/log.h"
#include "private_bpffs.h"
#include "probe/pins.h"
#include "probe/probe.h"
#include <cmocka.h>

#define RING (4 * 1024 * 1024) /* others may be busy on this machine */

static char bpffs[64], folder[128];

static int set_up(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	if (!private_bpffs(bpffs)) {
		bpffs[0] = '\0';
		return 0;
	}
	snprintf(folder, sizeof(folder), "%s/proctrail/test", bpffs);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (bpffs[0])
		private_bpffs_done(bpffs);
	return 0;
}

static void need_bpf(void)
{
	if (!bpffs[0]) {
		print_message("no BPF here\n");
		skip();
	}
}

static struct probe *new_probe(uint64_t ring_bytes, uint32_t budget)
{
	const struct probe_options options = { .ring_bytes = ring_bytes,
					       .pins = folder,
					       .budget = budget };
	struct probe *p = NULL;

	assert_int_equal(probe_new(&options, &p), 0);
	probe_demand(p, false, 4096, 0);
	return p;
}

/* A process that execs, with this argument or without one, and exits. */
static pid_t run(const char *argument)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/bin/true", "true", argument, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static pid_t run_true(void)
{
	return run(NULL);
}

/* What the ring says of a process: a character for each record, with its generation. */
static void read_story(struct probe *p, pid_t pid, char *to)
{
	static const char letters[] = { [EVENT_FORK] = 'f', [EVENT_EXEC] = 'x', [EVENT_EXIT] = 'e' };
	const struct event_head *head;
	uint64_t position;
	size_t size;

	while ((head = ring_next(probe_ring(p), &size, &position)))
		if (head->tgid == (uint32_t)pid && head->type < sizeof(letters))
			to += sprintf(to, "%c%d", letters[head->type], head->generation);
	*to = '\0';
	ring_commit(probe_ring(p), ring_position(probe_ring(p)));
}

static void drain(struct probe *p)
{
	uint64_t position;
	size_t size;

	while (ring_next(probe_ring(p), &size, &position))
		;
	ring_commit(probe_ring(p), ring_position(probe_ring(p)));
}

static bool is_pinned(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void unpin(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

/* An agent that attaches, and dies. */
static void die_attached(uint64_t ring_bytes)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct probe_options options = { .ring_bytes = ring_bytes, .pins = folder };
		struct probe *p = NULL;

		if (probe_new(&options, &p) < 0)
			_exit(1);
		probe_demand(p, false, 4096, 0);
		_exit(probe_attach(p) == 0 ? 0 : 2);
	}
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

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

static int count_stream(void *ctx, const struct probe_stream *s)
{
	struct probe_stream *sum = ctx;

	if (s->generation == sum->generation) {
		sum->seq += s->seq;
		sum->lost_exec += s->lost_exec;
		sum->lost_exit += s->lost_exit;
		sum->lost_fork += s->lost_fork;
		sum->lost_budget += s->lost_budget;
	}
	return 0;
}

static struct probe_stream streams_of(struct probe *p, uint16_t generation)
{
	struct probe_stream sum = { .generation = generation };

	assert_int_equal(probe_streams(p, count_stream, &sum), 0);
	return sum;
}

/* Looks and reads until nothing is left of a generation; others write into the ring meanwhile. */
static void forget(struct probe *p, uint16_t generation)
{
	char name[16];

	snprintf(name, sizeof(name), "g%d", generation);
	for (int i = 0; i < 100 && is_pinned(name); i++) {
		streams_of(p, generation);
		drain(p);
	}
	assert_false(is_pinned(name));
	assert_int_equal(streams_of(p, generation).seq, 0);
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

/* A ring of a page: what it cannot take is counted, also by those who are gone. */
static void test_losses_are_counted(void **state)
{
	struct probe_losses losses = { 0 }, misses = { 0 };
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
		cmocka_unit_test(test_losses_are_counted),
		cmocka_unit_test(test_argv_goes_first),
		cmocka_unit_test(test_argv_larger_than_the_ring),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_without_pins),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
