/* SPDX-License-Identifier: Apache-2.0 */
/* Passes of the task iterator in this kernel, and what is held of it between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "probe/internal.h"
#include "probe_world.h"

#define SCRATCH_LEAST EVENT_ARGS_MAX

struct pass {
	struct probe *probe;
	size_t n, n_self;
	bool has_args;
};

static int look(void *ctx)
{
	struct pass *pass = ctx;
	const struct event_head *head;
	uint64_t position;
	size_t size;

	while ((head = ring_next(probe_ring(pass->probe), &size, &position))) {
		if (head->type != EVENT_PROCESS)
			continue;
		pass->n++;
		pass->n_self += head->tgid == (uint32_t)getpid();
	}
	ring_commit(probe_ring(pass->probe), ring_position(probe_ring(pass->probe)));
	return 0;
}

static struct pass pass_of(struct probe *p)
{
	struct pass pass = { .probe = p };

	assert_int_equal(probe_snapshot(p, look, &pass, &pass.has_args), 0);
	return pass;
}

static int read_seq(void *ctx, const struct probe_stream *s)
{
	*(uint64_t *)ctx = s->seq;
	return 0;
}

static uint64_t seq_of_iterator(const struct probe *p)
{
	uint64_t seq = 0;

	assert_int_equal(probe_iterator_stream(p, read_seq, &seq), 0);
	return seq;
}

/* A number in what /proc says of a file descriptor; 0: it does not say that. */
static unsigned long fd_info(const char *fd, const char *key)
{
	_cleanup_(freep) char *line = NULL;
	unsigned long value = 0;
	size_t cap = 0;
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", fd);
	f = fopen(path, "re");
	while (f && getline(&line, &cap, f) > 0)
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoul(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return value;
}

static size_t count_fds(const char *key, unsigned long least)
{
	_cleanup_(closedirp) DIR *dir = opendir("/proc/self/fdinfo");
	const struct dirent *entry;
	size_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += fd_info(entry->d_name, key) >= least;
	return n;
}

static int count_budgets(void *ctx, uint64_t cgroup, uint64_t dropped)
{
	(void)cgroup;
	*(uint64_t *)ctx += dropped;
	return 0;
}

/* What libbpf keeps of the programs goes with the iterator, and nobody misses it. */
static void test_unloaded(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	struct probe_misses misses;
	uint64_t dropped = 0;
	char story[64];
	pid_t pid;

	(void)state;
	need_bpf();
	p = new_probe(RING, 1);
	assert_int_equal(pass_of(p).n_self, 1);
	assert_int_equal(probe_attach(p), 0);
	assert_int_equal(count_fds("value_size:\t", SCRATCH_LEAST), 1);
	probe_snapshot_unload(p);
	assert_null(p->object);
	assert_int_equal(count_fds("value_size:\t", SCRATCH_LEAST), 0);

	pid = run_true();
	read_story(p, pid, story);
	assert_non_null(strchr(story, 'e'));
	for (int i = 0; i < 20; i++)
		run_true();
	assert_int_equal(probe_budget_each(p, count_budgets, &dropped), 0);
	assert_true(dropped > 0);
	assert_int_equal(probe_misses(p, &misses), 0);
}

/* A later pass loads the iterator and nothing else, and its stream goes on. */
static void test_later_pass(void **state)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	size_t n_programs, n_maps;
	struct pass pass;
	uint64_t seq;

	(void)state;
	need_bpf();
	p = new_probe(RING, 0);
	pass = pass_of(p);
	seq = seq_of_iterator(p);
	assert_true(pass.n > 1 && pass.has_args && seq == pass.n);
	assert_int_equal(probe_attach(p), 0);
	probe_snapshot_unload(p);
	n_programs = count_fds("prog_id:\t", 1);
	n_maps = count_fds("map_id:\t", 1);

	pass = pass_of(p);
	assert_int_equal(pass.n_self, 1);
	assert_int_equal(seq_of_iterator(p), seq + pass.n);
	assert_int_equal(count_fds("value_size:\t", SCRATCH_LEAST), 1);
	assert_int_equal(count_fds("prog_id:\t", 1), n_programs + 1);
	assert_true(count_fds("map_id:\t", 1) > n_maps);
	probe_snapshot_unload(p);
	assert_int_equal(count_fds("prog_id:\t", 1), n_programs);
	assert_int_equal(count_fds("map_id:\t", 1), n_maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unloaded),
		cmocka_unit_test(test_later_pass),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
