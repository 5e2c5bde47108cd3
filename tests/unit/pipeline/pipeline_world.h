/* SPDX-License-Identifier: Apache-2.0 */
/* Events and pipelines of them, for the tests of pipelines. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "pipeline/parts.h"

#include "../failing_allocator.h"

#define RECORDS_MAX 4096

WRAP(void *, calloc, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size))

/* Events that differ by their pid and call. */
struct world {
	struct image images[RECORDS_MAX];
	struct event_exit exits[RECORDS_MAX];
	struct event events[RECORDS_MAX];
	struct program *program;
	struct node node;
	struct batch batch;
};

static struct world world;
static uint64_t n_worlds; /* each has a batch of its own */

static inline void make_world(size_t n, struct str args)
{
	const struct str texts[_PROGRAM_TEXT_MAX] = {
		[PROGRAM_BINARY] = STR("/bin/x"),
		[PROGRAM_CWD] = STR("/"),
		[PROGRAM_ARGS] = args,
	};

	free(world.program);
	world = (struct world){
		.program = malloc(program_bytes_for(texts, NULL)),
		.node = { .name = STR("node"), .address = STR("10.0.0.1") },
	};
	assert_non_null(world.program);
	program_init(world.program, texts, NULL);
	world.program->argc = 2;
	world.program->args_total = (uint32_t)args.n;
	for (size_t i = 0; i < n; i++) {
		world.images[i] = (struct image){
			.key = { .start_ns = 1000 + i, .pid = (uint32_t)i + 1 },
			.refs = 1,
			.cred = &cred_unknown,
			.program = world.program,
		};
		world.exits[i].head.tgid = (uint32_t)i + 1;
		world.events[i] = (struct event){
			.call = i % 3 == 0   ? CALL_EXECVE
				: i % 3 == 1 ? CALL_EXIT
					     : CALL_CLONE,
			.image = &world.images[i],
			.node = &world.node,
			.exit = i % 3 == 1 ? &world.exits[i] : NULL,
			.tid = (uint32_t)i + 1,
			.seq = i,
			.time_ns = 1700000000000000000,
		};
	}
	world.batch = (struct batch){ .events = world.events, .n = n, .cap = n, .id = ++n_worlds };
}

static inline struct pipeline *load(const char *input, const char *outlets)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	struct pipeline *p = NULL;
	char text[1024];

	snprintf(text, sizeof(text),
		 "inputs: [{Type: input_process_security, %s}]\nflushers: [%s]\n", input, outlets);
	assert_int_equal(pipeline_load_text("t.yaml", text, &d, &p), 0);
	return p;
}

static inline char *read_file(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(buf_done) struct buf all = { 0 };
	ssize_t n;

	assert_true(fd >= 0);
	while (buf_room(&all, 65536) && (n = read(fd, all.data + all.len, 65536)) > 0)
		buf_advance(&all, (size_t)n);
	buf_put_char(&all, '\0');
	return TAKE_PTR(all.data);
}

/* Lost records that read_pids() has passed over, and what they say was lost, of all calls. */
static size_t n_reports;
static unsigned int n_reported;

static inline unsigned int number_in(const char *line, size_t n, const char *key)
{
	const char *at = memmem(line, n, key, strlen(key));

	return at ? (unsigned int)strtoul(at + strlen(key), NULL, 10) : 0;
}

static inline bool read_report(const char *line, size_t n)
{
	static const char *const keys[] = { "\"lost.execve\":\"", "\"lost.exit\":\"",
					    "\"lost.clone\":\"", "\"lost.other\":\"" };

	if (!memmem(line, n, "\"call_name\":\"lost\"", strlen("\"call_name\":\"lost\"")))
		return false;
	n_reports++;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		n_reported += number_in(line, n, keys[i]);
	return true;
}

/* The pids of all lines but the lost records, and that each is whole. */
static inline size_t read_pids(const char *text, unsigned int *pids)
{
	size_t n = 0;

	n_reports = n_reported = 0;

	for (const char *p = text, *end; *p; p = end + 1) {
		const char *key;

		end = strchr(p, '\n');
		assert_non_null(end);
		assert_true(p[0] == '{' && end[-1] == '}');
		if (read_report(p, (size_t)(end - p)))
			continue;
		key = memmem(p, (size_t)(end - p), "\"pid\":\"", strlen("\"pid\":\""));
		assert_non_null(key);
		assert_true(n < RECORDS_MAX);
		pids[n++] = (unsigned int)strtoul(key + strlen("\"pid\":\""), NULL, 10);
	}
	return n;
}

static char folder[] = "/tmp/test_pipeline.XXXXXX";

static inline const char *path_of(const char *name)
{
	static char path[2][128];
	static int next;

	next = !next;
	snprintf(path[next], sizeof(path[next]), "%s/%s", folder, name);
	return path[next];
}

static inline const char *flusher_to(const char *name)
{
	static char text[160];

	snprintf(text, sizeof(text), "{Type: flusher_file, FilePath: '%s', MaxFileSize: 0}",
		 path_of(name));
	return text;
}

static inline void assert_counters(const struct pipeline *p, uint64_t in, uint64_t records,
				   uint64_t dropped)
{
	struct pipeline_totals totals;

	pipeline_totals(p, &totals);
	assert_int_equal(metric_get(&p->counters.in), in);
	assert_int_equal(totals.records, records);
	assert_int_equal(totals.dropped, dropped);
}

static inline uint64_t delivered(const struct pipeline *p, size_t i)
{
	return metric_get(&p->outlets[i].counters.delivered);
}

static inline uint64_t in_seconds(unsigned int n)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec + n) * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static inline void pause_a_little(uint64_t give_up)
{
	assert_true(in_seconds(0) < give_up);
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

/* Until the flushers have dealt with everything. */
static inline void settle(struct pipeline *p)
{
	uint64_t give_up = in_seconds(20);

	while (pipeline_pending(p) != UINT64_MAX)
		pause_a_little(give_up);
}

/* Starts it while the standard output is a pipe of which this returns the reading end. */
static inline int start_with_pipe(struct pipeline *p)
{
	int fds[2], saved;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
	assert_int_equal(pipeline_start(p), 0);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	return fds[0];
}

static inline size_t drain(int fd, struct buf *to)
{
	size_t before = to->len;
	ssize_t n;

	while (buf_room(to, 65536) && (n = read(fd, to->data + to->len, 65536)) > 0)
		buf_advance(to, (size_t)n);
	return to->len - before;
}

/* Until the flushers have dealt with everything. */
static inline void drain_all(struct pipeline *p, int fd, struct buf *to)
{
	uint64_t give_up = in_seconds(20);

	while (pipeline_pending(p) != UINT64_MAX)
		if (!drain(fd, to))
			pause_a_little(give_up);
	drain(fd, to);
}

/* A pipe of which the test has the reading end, and which holds 4 KiB. */
static inline int make_fifo(void)
{
	int reader;

	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	reader = open(path_of("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	assert_int_equal(fcntl(reader, F_SETPIPE_SZ, 4096), 4096);
	return reader;
}

/* A pipeline that writes the pipe and a file beside it. */
static inline struct pipeline *load_pair(const char *beside)
{
	char outlets[400];

	snprintf(outlets, sizeof(outlets), "%s", flusher_to("fifo"));
	snprintf(outlets + strlen(outlets), sizeof(outlets) - strlen(outlets), ", %s",
		 flusher_to(beside));
	return load("CallNames: [execve, exit, clone]", outlets);
}

static inline void wait_for_delivery(const struct pipeline *p, size_t i, uint64_t n)
{
	uint64_t give_up = in_seconds(20);

	while (delivered(p, i) < n)
		pause_a_little(give_up);
}

static inline int make_folder(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	return mkdtemp(folder) ? 0 : -errno;
}

static inline int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}
