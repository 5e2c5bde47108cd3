/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of records that can be told apart, in a folder of the test's own. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "pipeline/chunk.h"

#define STEP 8 /* from one record's position to the next one's */

static const uint8_t boot[16] = "this boot.......", other_boot[16] = "another boot....";
static char folder[40];

/* Records number first … first + n - 1, at those positions times STEP. */
static struct chunk *make_chunk(unsigned int first, size_t n)
{
	struct chunk *c = chunk_new(NULL, (uint64_t)first * STEP);

	assert_true(chunk_grow(c, n));
	for (size_t i = 0; i < n; i++) {
		unsigned int number = first + (unsigned int)i;
		char text[32];
		int len = snprintf(text, sizeof(text), "{\"record\":\"%u\"}\n", number);

		buf_put(&c->own, text, (size_t)len);
		c->times_ns[i] = 1000 + number;
		c->seqs[i] = (uint64_t)number * STEP;
		c->calls[i] = (uint8_t)(number % 3);
		c->ends[i] = c->own.len;
	}
	c->n = n;
	c->bound = (first + n) * STEP;
	c->wall_offset_ns = 5000;
	return c;
}

/* The same, from record `from` on. */
static inline void assert_same(const struct chunk *got, const struct chunk *want, size_t from)
{
	size_t skipped = from ? want->ends[from - 1] : 0;

	assert_int_equal(got->n, want->n - from);
	assert_int_equal(chunk_size(got), chunk_size(want) - skipped);
	assert_memory_equal(chunk_bytes(got).p, chunk_bytes(want).p + skipped, chunk_size(got));
	for (size_t i = 0; i < got->n; i++) {
		assert_int_equal(got->ends[i], want->ends[from + i] - skipped);
		assert_int_equal(got->times_ns[i], want->times_ns[from + i]);
		assert_int_equal(got->seqs[i], want->seqs[from + i]);
		assert_int_equal(got->calls[i], want->calls[from + i]);
	}
	assert_int_equal(got->begin, want->begin);
	assert_int_equal(got->bound, want->bound);
	assert_int_equal(got->wall_offset_ns, want->wall_offset_ns);
	assert_int_equal(got->is_report, want->is_report);
	if (want->is_report)
		assert_memory_equal(&got->loss, &want->loss, sizeof(got->loss));
}

static const char *path_of(const char *name)
{
	static char path[2][512];
	static int next;

	next = !next;
	snprintf(path[next], sizeof(path[next]), "%s/%s", folder, name);
	return path[next];
}

static int make_folder(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	snprintf(folder, sizeof(folder), "/dev/shm/test_chunks.XXXXXX"); /* a tmpfs, as a rule */
	if (mkdtemp(folder))
		return 0;
	snprintf(folder, sizeof(folder), "/tmp/test_chunks.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}
