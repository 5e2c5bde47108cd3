/* SPDX-License-Identifier: Apache-2.0 */
/* Files under right checksums that no journal is: how much of each is believed. */
#include "journal/scan.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../proc/records.h"
#include "base/cleanup.h"
#include "base/crc32c.h"

#define KEY ((struct image_key){ .pid = 1, .start_ns = 2, .exec_count = 3 })
#define FRAME (FRAME_HEADER + sizeof(struct event_exit))
#define BATCH (sizeof(struct format_batch) + FRAME)

static const struct journal_id id = { .boot_id = "boot", .ring_id = 1 };
static char dir[] = "/tmp/scan-XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/" SCAN_JOURNAL, dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

/*
 * A batch of one record for each letter: s(tate), e(nd of the state), l(og), x (its frame is bad).
 */
static size_t make(const char *kinds, char *to)
{
	_cleanup_(freep) struct event_exit *record = record_exit(KEY, KEY, 0);
	char *at = to + sizeof(struct format_file);

	for (uint64_t i = 1; kinds[i - 1]; i++) {
		char kind = kinds[i - 1];
		struct format_batch *h = (struct format_batch *)at;

		record->head.time_ns = i;
		format_frame_make(at + sizeof(*h), &record->head, kind != 'l');
		if (kind == 'x')
			at[sizeof(*h)] ^= 64;
		format_batch_make(h,
				  kind == 's'	? FORMAT_STATE
				  : kind == 'e' ? FORMAT_STATE_END
						: FORMAT_LOG,
				  1000 * i, 1000 * i + (kind == 'l' ? FRAME : 0), FRAME,
				  crc32c(0, h + 1, FRAME));
		at += BATCH;
	}
	return (size_t)(at - to);
}

static const struct {
	const char *kinds;
	int more; /* how much farther, in bytes, the header says the file goes */
	bool is_damaged;
	size_t n_whole; /* batches */
	uint64_t end;
} cases[] = {
	{ "e", 0, false, 1, 1000 },
	{ "sse", 0, false, 3, 1000 },
	{ "ell", 0, false, 3, 3000 + FRAME },
	{ "", 0, true, 0, 0 },
	{ "l", 0, true, 0, 0 },
	{ "ss", 0, true, 0, 0 },
	{ "sl", 0, true, 0, 0 },
	{ "sle", 0, true, 0, 0 },
	{ "elel", 0, true, 2, 2000 + FRAME },
	{ "elsl", 0, true, 2, 2000 + FRAME },
	{ "elxl", 0, true, 2, 2000 + FRAME },
	{ "xel", 0, true, 0, 0 },
	{ "ell", 8, true, 3, 3000 + FRAME },
	{ "ell", -8, true, 2, 2000 + FRAME },
	{ "ell", -(int)BATCH, false, 2, 2000 + FRAME }, /* the last one does not count yet */
	{ "el", -(int)(2 * BATCH), true, 0, 0 },
	{ "el", -(int)(2 * BATCH + 8), true, 0, 0 },
};

static int count(void *ctx, const struct event_head *record, uint64_t seq)
{
	size_t *n = ctx;

	++*n;
	assert_int_equal(record->time_ns, *n);
	assert_int_equal(seq, 1000 * *n);
	return 0;
}

static void check_case(size_t i, int dir_fd)
{
	_Alignas(8) char data[4096];
	size_t size = make(cases[i].kinds, data), n = 0;
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct format_file *file = (struct format_file *)data;
	struct scan scan;

	format_file_make(file, id.boot_id, id.ring_id);
	file->tail = format_tail((uint64_t)((int64_t)size + cases[i].more));
	assert_int_equal(write(fd, data, size), size);
	scan_journal(dir_fd, &id, &scan);
	assert_int_equal(scan.found.is_damaged, cases[i].is_damaged);
	assert_int_equal(scan.found.why != NULL, cases[i].is_damaged);
	assert_int_equal(scan.found.outcome, cases[i].n_whole ? JOURNAL_SAME_RING : JOURNAL_NONE);
	assert_int_equal(scan.found.end, cases[i].end);
	assert_int_equal(scan_visit(&scan, count, &n), 0);
	assert_int_equal(n, cases[i].n_whole);
	assert_int_equal(scan.found.n_records, n);
	assert_int_equal(scan.found.last_ns, n);
	scan_done(&scan);
}

static void test_files(void **state)
{
	_cleanup_(closep) int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_case(i, dir_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
