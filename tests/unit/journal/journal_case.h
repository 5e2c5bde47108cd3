/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the journal share: a small ring, a journal that is written from it, and what is
 * expected to come back. One file of tests includes it once.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../proc/records.h"
#include "base/log.h"
#include "journal/journal.h"

#define KEY_OF(n) ((struct image_key){ .pid = 10 + (n), .start_ns = 100 + (n), .exec_count = 1 })
#define RING_SIZE 4096
#define BASE 1000000 /* positions are beyond what the ring has */
#define LIMIT ((uint64_t)64 * 1024)

static const struct journal_id id = { .boot_id = "boot-boot-boot-b", .ring_id = 7 };

static char dir[] = "/tmp/journal-XXXXXX";
static char path[64], new_path[64];

static inline struct event_head *exit_of(unsigned int n)
{
	return &record_exit(KEY_OF(n), KEY_OF(1), 0)->head;
}

static inline struct event_head *user_of(uint32_t uid, const char *name)
{
	return &record_user(uid, name)->head;
}

/* A ring as the kernel fills it: frames that may wrap. */
static struct ring {
	_Alignas(8) char data[RING_SIZE];
	uint64_t end; /* position */
} ring;

static inline void ring_put(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ring.data[ring.end++ % RING_SIZE] = ((const char *)p)[i];
}

/* Returns the record's position. */
static inline uint64_t ring_add(const struct event_head *record, uint32_t bits)
{
	const uint32_t header[2] = { record->size | bits, 0xdead };
	const char zeros[8] = { 0 };
	uint64_t position = ring.end;

	ring_put(header, sizeof(header));
	ring_put(record, record->size);
	ring_put(zeros, -record->size % 8u);
	return position;
}

static inline int append_cut(struct journal *j, uint64_t begin, uint64_t end,
			     const struct cuts *cuts)
{
	struct iovec pieces[2];
	size_t at = begin % RING_SIZE, n = end - begin;
	size_t first = n < RING_SIZE - at ? n : RING_SIZE - at;

	pieces[0] = (struct iovec){ .iov_base = ring.data + at, .iov_len = first };
	pieces[1] = (struct iovec){ .iov_base = ring.data, .iov_len = n - first };
	return journal_append(j, begin, end, pieces, 2, cuts);
}

static inline int append(struct journal *j, uint64_t begin, uint64_t end)
{
	return append_cut(j, begin, end, NULL);
}

/* What is expected to be visited, in order. */
static struct expected {
	struct event_head *records[64];
	uint64_t seq[64];
	size_t n;
} expected;

static inline struct event_head *expect(void *record, uint64_t seq)
{
	expected.records[expected.n] = record;
	expected.seq[expected.n++] = seq;
	return record;
}

static inline void forget_expected(void)
{
	for (size_t i = 0; i < expected.n; i++)
		free(expected.records[i]);
	expected.n = 0;
}

static size_t n_visited;

static inline int visit(void *ctx, const struct event_head *record, uint64_t seq)
{
	(void)ctx;
	assert_true(n_visited < expected.n);
	assert_int_equal(record->size, expected.records[n_visited]->size);
	assert_memory_equal(record, expected.records[n_visited], record->size);
	assert_int_equal(seq, expected.seq[n_visited]);
	n_visited++;
	return 0;
}

static inline struct journal_found recover(void)
{
	struct journal_found found;

	n_visited = 0;
	assert_int_equal(journal_recover(dir, &id, visit, NULL, &found), 0);
	assert_int_equal(found.n_records, n_visited);
	return found;
}

static inline void expect_all(uint64_t end)
{
	struct journal_found found = recover();

	assert_int_equal(found.outcome, JOURNAL_SAME_RING);
	assert_false(found.is_damaged);
	assert_null(found.why);
	assert_int_equal(n_visited, expected.n);
	assert_int_equal(found.end, end);
	assert_int_equal(found.skipped, 0);
}

static inline off_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? st.st_size : -1;
}

static inline int no_state(void *ctx, struct journal *j)
{
	(void)ctx;
	(void)j;
	return 0;
}

/* The first *ctx of what is expected. */
static inline int put_expected(void *ctx, struct journal *j)
{
	for (size_t i = 0; i < *(size_t *)ctx; i++)
		assert_int_equal(journal_put_state(j, expected.records[i]), 0);
	return 0;
}

static inline struct journal *open_journal(void)
{
	struct journal *j = NULL;

	assert_int_equal(journal_open(dir, &id, LIMIT, &j), 0);
	return j;
}

static inline struct journal *new_journal(void)
{
	struct journal *j = open_journal();

	assert_true(journal_is_broken(j));
	assert_int_equal(journal_rewrite(j, ring.end, no_state, NULL), 0);
	assert_false(journal_is_broken(j));
	return j;
}

static inline int setup(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/journal", dir);
	snprintf(new_path, sizeof(new_path), "%s/journal.new", dir);
	return 0;
}

static inline int begin_test(void **state)
{
	(void)state;
	ring = (struct ring){ .end = BASE };
	return 0;
}

static inline int end_test(void **state)
{
	(void)state;
	forget_expected();
	assert_int_equal(journal_remove(dir), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(new_path, F_OK), -1);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

static inline void note(struct journal *j, uint32_t uid, const char *name, uint64_t before)
{
	journal_note(j, expect(record_user(uid, name), before), before);
}

static inline void add(void *record)
{
	uint64_t position = ring.end;

	ring_add(expect(record, position), 0);
}

/*
 * A state of three records; a batch with facts at its begin, twice within, and a discarded and a
 * refused frame; a batch that wraps; facts alone.
 */
static inline struct journal *write_all_kinds(void)
{
	struct journal *j = open_journal();
	struct event_head *bad = exit_of(9);
	uint64_t begin = ring.end;
	size_t n = 3;

	expect(record_user(1, "one"), begin);
	expect(record_exit(KEY_OF(8), KEY_OF(1), 0), begin);
	expect(record_user(2, "second"), begin);
	assert_int_equal(journal_rewrite(j, begin, put_expected, &n), 0);

	note(j, 3, "begin", ring.end);
	add(record_fork(KEY_OF(1), KEY_OF(0), 7));
	note(j, 4, "one place", ring.end);
	note(j, 5, "the same place", ring.end);
	add(record_exec(&(struct exec_spec){ .id = KEY_OF(2), .filename = "/bin/x", .cwd = "/a" }));
	ring_add(bad, FRAME_DISCARDED);
	bad->type = 0;
	ring_add(bad, 0);
	free(bad);
	add(record_exit(KEY_OF(2), KEY_OF(1), 0));
	note(j, 6, "for the next batch", ring.end);
	assert_int_equal(append(j, begin, ring.end), 0);

	begin = ring.end;
	for (int i = 0; i < 15; i++)
		add(record_exit(KEY_OF(i), KEY_OF(1), 0));
	assert_true(begin / RING_SIZE < ring.end / RING_SIZE);
	assert_int_equal(append(j, begin, ring.end), 0);
	note(j, 7, "alone", ring.end);
	assert_int_equal(append(j, ring.end, ring.end), 0);
	assert_int_equal(append(j, ring.end, ring.end), 0); /* nothing */
	return j;
}
