/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the probe share: a bpffs of their own, programs in the real kernel, what they
 * tell.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
	(void)state;
	if (bpffs[0])
		private_bpffs_done(bpffs);
	return 0;
}

static inline void need_bpf(void)
{
	if (!bpffs[0]) {
		print_message("no BPF here\n");
		skip();
	}
}

static inline struct probe *new_probe(uint64_t ring_bytes, uint32_t budget)
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
static inline pid_t run(const char *argument)
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

static inline pid_t run_true(void)
{
	return run(NULL);
}

/* What the ring says of a process: a character for each record, with its generation. */
static inline void read_story(struct probe *p, pid_t pid, char *to)
{
	static const char letter[] = { [EVENT_FORK] = 'f', [EVENT_EXEC] = 'x', [EVENT_EXIT] = 'e' };
	const struct event_head *head;
	uint64_t position;
	size_t size;

	while ((head = ring_next(probe_ring(p), &size, &position)))
		if (head->tgid == (uint32_t)pid && head->type < sizeof(letter))
			to += sprintf(to, "%c%d", letter[head->type], head->generation);
	*to = '\0';
	ring_commit(probe_ring(p), ring_position(probe_ring(p)));
}

static inline void drain(struct probe *p)
{
	uint64_t position;
	size_t size;

	while (ring_next(probe_ring(p), &size, &position))
		;
	ring_commit(probe_ring(p), ring_position(probe_ring(p)));
}

static inline bool is_pinned(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static inline void unpin(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

/* An agent that attaches, and dies. */
static inline void die_attached(uint64_t ring_bytes)
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

static inline int count_stream(void *ctx, const struct probe_stream *s)
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

static inline struct probe_stream streams_of(struct probe *p, uint16_t generation)
{
	struct probe_stream sum = { .generation = generation };

	assert_int_equal(probe_streams(p, count_stream, &sum), 0);
	return sum;
}

/* Looks and reads until nothing is left of a generation; others write into the ring meanwhile. */
static inline void forget(struct probe *p, uint16_t generation)
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
