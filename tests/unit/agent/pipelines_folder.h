/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of pipelines that run, for test_pipelines.c alone. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/pipelines.h"
#include "base/log.h"

#define INPUT(options) "inputs: [{Type: input_process_security" options "}]\n"
#define BLACKHOLE "flushers: [{Type: flusher_blackhole}]\n"
#define PLAIN INPUT("") BLACKHOLE

static struct {
	char path[32];
	const char *paths[1];
	struct metrics *metrics;
	struct pipelines running;
	FILE *said; /* what was printed on stderr */
} t;

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static size_t next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", t.path, name);
	return path;
}

static void put(const char *name, const char *text)
{
	_cleanup_(fclosep) FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

/* A pipeline that writes a file of the folder. */
static void put_writer(const char *name, const char *options, const char *file)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "inputs: [{Type: input_process_security%s}]\n"
		 "flushers: [{Type: flusher_file, FilePath: '%s'}]\n",
		 options, path_of(file));
	put(name, text);
}

static size_t n_lines(const char *name)
{
	_cleanup_(fclosep) FILE *file = fopen(path_of(name), "re");
	size_t n = 0;
	int c;

	while (file && (c = getc(file)) != EOF)
		n += c == '\n';
	return n;
}

/* Findings and logs go into a file for as long. */
static int hush(void)
{
	int saved = dup(STDERR_FILENO);

	fflush(stderr);
	dup2(fileno(t.said), STDERR_FILENO);
	return saved;
}

static void unhush(int saved)
{
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
}

/* Whether this was said since the last time that was asked. */
static bool was_said(const char *text)
{
	char said[8192];

	rewind(t.said);
	said[fread(said, 1, sizeof(said) - 1, t.said)] = '\0';
	assert_int_equal(ftruncate(fileno(t.said), 0), 0);
	rewind(t.said);
	return strstr(said, text);
}

static int start(const char *text)
{
	int saved, r;

	pipelines_init(&t.running, t.paths, text ? 0 : 1, t.metrics);
	saved = hush();
	r = pipelines_load(&t.running, text);
	if (r == 0)
		r = pipelines_start(&t.running);
	unhush(saved);
	return r;
}

static enum pipelines_reload reload(void)
{
	int saved = hush();
	enum pipelines_reload r = pipelines_reload(&t.running);

	unhush(saved);
	return r;
}

/* The pipeline of that name; NULL: none runs. */
static struct running *find(const char *name)
{
	for (size_t i = 0; i < t.running.n; i++)
		if (strcmp(pipeline_name(t.running.items[i].pipeline), name) == 0)
			return &t.running.items[i];
	return NULL;
}

static const struct pipeline *pipeline_of(const char *name)
{
	const struct running *one = find(name);

	return one ? one->pipeline : NULL;
}

/* Two events of a program, an exec and an exit, to every pipeline. */
static uint64_t n_batches;

/* A process that executes something, and ends. */
static struct batch two_events(void)
{
	static struct program program = { .refs = 1 };
	static struct image image = { .key = { .start_ns = 1, .pid = 1 },
				      .refs = 1,
				      .cred = &cred_unknown,
				      .program = &program };
	static const struct event_exit end;
	static const struct node node = { .name = STR("node"), .address = STR("10.0.0.1") };
	static struct event events[] = {
		{ .call = CALL_EXECVE, .image = &image, .node = &node, .tid = 1 },
		{ .call = CALL_EXIT, .image = &image, .node = &node, .tid = 1, .exit = &end },
	};

	return (struct batch){ .events = events, .n = 2, .cap = 2, .id = ++n_batches };
}

static void deliver(void)
{
	const struct batch batch = two_events();

	for (size_t i = 0; i < t.running.n; i++)
		pipeline_deliver(t.running.items[i].pipeline, &batch, 100 + i, 100 + i);
}

static uint64_t in_seconds(unsigned int n)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec + n) * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void settle(void)
{
	uint64_t give_up = in_seconds(20);

	while (pipelines_pending(&t.running) != UINT64_MAX) {
		assert_true(in_seconds(0) < give_up);
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
}

static void assert_totals(uint64_t records)
{
	struct pipeline_totals totals;

	pipelines_totals(&t.running, &totals);
	assert_int_equal(totals.records, records);
	assert_int_equal(totals.dropped, 0);
}

/* How often the page has this. */
static size_t n_on_page(const char *text)
{
	_cleanup_(buf_done) struct buf page = { 0 };
	size_t n = 0;

	metrics_format_text(t.metrics, &page);
	buf_put_char(&page, '\0');
	for (const char *at = page.data; (at = strstr(at, text)); at++)
		n++;
	return n;
}
