/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings that come back as they were, and all that can happen to a file. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../proc/records.h"
#include "base/cleanup.h"
#include "base/crc32c.h"
#include "journal/format.h"
#include "journal/recording.h"

#define HEADER 64
#define BATCH_HEADER 40
#define FRAME 8 /* before each record */

#define KEY_OF(n) ((struct image_key){ .pid = 10 + (n), .start_ns = 100 + (n), .exec_count = 1 })

static char dir[] = "/tmp/recording-XXXXXX";
static char path[64];
static char copy[64]; /* in memory: there are thousands of them */
static int copy_fd = -1;

/* What was recorded, and where each part of it ends in the file. */
static struct file {
	_Alignas(8) char data[8192];
	size_t size;
	struct event_head *records[8];
	uint64_t seq[8];
	size_t ends[8]; /* of the records */
	size_t batch_ends[3];
} file;

static void add(struct recording_writer *w, size_t i, void *record, uint64_t seq)
{
	file.records[i] = record;
	file.seq[i] = seq;
	assert_int_equal(recording_append(w, record), 0);
}

static size_t padded(size_t n)
{
	return (n + 7) / 8 * 8;
}

/* Two batches: a fact of the agent among ring records in the first, lengths that need padding. */
static int setup(void **state)
{
	_cleanup_(recording_writer_freep) struct recording_writer *w = NULL;
	size_t at = HEADER;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a", dir);
	copy_fd = memfd_create("copy", MFD_CLOEXEC);
	assert_true(copy_fd >= 0);
	snprintf(copy, sizeof(copy), "/proc/self/fd/%d", copy_fd);
	assert_int_equal(recording_writer_new(path, &w), 0);
	assert_int_equal(recording_commit(w, 0, 0), 0); /* nothing */
	add(w, 0, record_fork(KEY_OF(1), KEY_OF(0), 7), 1000);
	add(w, 1, record_user(7, "ann"), 1000 + 8 + 184);
	add(w, 2,
	    record_exec(&(struct exec_spec){ .id = KEY_OF(2), .filename = "/bin/x", .cwd = "/a" }),
	    1000 + 8 + 184);
	add(w, 3, record_exit(KEY_OF(2), KEY_OF(1), 0), 1000 + 8 + 184 + 8 + padded(168 + 6 + 2));
	assert_int_equal(recording_commit(w, 1000, 5000), 0);
	add(w, 4, record_exit(KEY_OF(3), KEY_OF(1), 0), 6000);
	assert_int_equal(recording_commit(w, 6000, 7000), 0);
	assert_int_equal(recording_append(w, file.records[0]), 0); /* never committed */

	for (size_t i = 0; i < 5; i++) {
		if (i == 0 || i == 4)
			at += BATCH_HEADER;
		at += FRAME + padded(file.records[i]->size);
		file.ends[i] = at;
	}
	file.batch_ends[0] = file.ends[3];
	file.batch_ends[1] = file.ends[4];
	f = fopen(path, "re");
	file.size = fread(file.data, 1, sizeof(file.data), f);
	fclose(f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < 5; i++)
		free(file.records[i]);
	unlink(path);
	close(copy_fd);
	rmdir(dir);
	return 0;
}

static void write_copy(const char *data, size_t n)
{
	assert_int_equal(ftruncate(copy_fd, 0), 0);
	assert_int_equal(pwrite(copy_fd, data, n, 0), n);
}

static struct recording_reader *open_copy(void)
{
	struct recording_reader *r = NULL;
	const char *why = NULL;

	assert_int_equal(recording_reader_new(copy, &r, &why), 0);
	return r;
}

/* The checksums of the first batch. */
static void mend(char *data)
{
	struct format_batch *h = (struct format_batch *)(data + HEADER);

	format_batch_make(h, FORMAT_LOG, h->begin, h->end, h->length, crc32c(0, h + 1, h->length));
}

static void expect_record(struct recording_reader *r, size_t i)
{
	const struct event_head *head = NULL;
	uint64_t seq = 0;

	assert_int_equal(recording_next(r, &head, &seq), RECORDING_RECORD);
	assert_int_equal(head->size, file.records[i]->size);
	assert_memory_equal(head, file.records[i], head->size);
	assert_int_equal(seq, file.seq[i]);
}

static enum recording_next next(struct recording_reader *r)
{
	const struct event_head *head;
	uint64_t seq;

	return recording_next(r, &head, &seq);
}

static void test_round_trip(void **state)
{
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(file.size, file.batch_ends[1]);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	write_copy(file.data, file.size);
	r = open_copy();
	for (size_t i = 0; i < 4; i++)
		expect_record(r, i);
	assert_int_equal(next(r), RECORDING_BATCH);
	assert_int_equal(recording_offset(r), file.batch_ends[0]);
	expect_record(r, 4);
	assert_int_equal(next(r), RECORDING_BATCH);
	assert_int_equal(next(r), RECORDING_END);
	assert_int_equal(next(r), RECORDING_END);
}

/* Cut after n bytes: every whole record before the tear, and what the tear is. */
static void check_torn(size_t n)
{
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;

	r = open_copy();
	for (size_t i = 0; i < 5 && file.ends[i] <= n; i++) {
		expect_record(r, i);
		if (file.ends[i] == file.batch_ends[0])
			assert_int_equal(next(r), RECORDING_BATCH);
	}
	assert_int_equal(next(r), n == file.batch_ends[0] ? RECORDING_END : RECORDING_TORN);
	assert_int_equal(next(r), n == file.batch_ends[0] ? RECORDING_END : RECORDING_TORN);
}

static void test_torn(void **state)
{
	(void)state;
	for (size_t n = 0; n < file.size; n++) {
		struct recording_reader *r = NULL;
		const char *why = NULL;

		write_copy(file.data, n);
		if (n >= HEADER + BATCH_HEADER) {
			check_torn(n);
			continue;
		}
		assert_int_equal(recording_reader_new(copy, &r, &why), -EINVAL);
		assert_string_equal(why, n < HEADER ? "it is not a recording"
						    : "it was cut before its first batch");
		assert_null(r);
	}
}

/* A flipped bit costs its batch, and that alone: nothing wrong is given out. */
static void check_flipped(size_t at)
{
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;
	size_t bad = at < file.batch_ends[0] ? 0 : 1;

	r = open_copy();
	if (bad == 0) {
		assert_int_equal(next(r), RECORDING_BAD);
		assert_int_equal(recording_offset(r), file.batch_ends[0]);
		expect_record(r, 4);
		assert_int_equal(next(r), RECORDING_BATCH);
	} else {
		for (size_t i = 0; i < 4; i++)
			expect_record(r, i);
		assert_int_equal(next(r), RECORDING_BATCH);
		assert_int_equal(next(r), RECORDING_BAD);
	}
	assert_int_equal(next(r), RECORDING_END);
}

static void test_flipped_bits(void **state)
{
	(void)state;
	for (size_t at = HEADER; at < file.size; at++) {
		unsigned int bit = at % 8;

		file.data[at] ^= (char)(1 << bit);
		write_copy(file.data, file.size);
		check_flipped(at);
		file.data[at] ^= (char)(1 << bit);
	}
}

/* What was in the ring and is no record has its place, and is stepped over. */
static void test_stepped_over(void **state)
{
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;
	struct event_head *first = (struct event_head *)(file.data + HEADER + BATCH_HEADER + FRAME);
	uint32_t *third = (uint32_t *)(file.data + file.ends[1]);

	(void)state;
	first->type = 0;
	*third |= FRAME_DISCARDED;
	mend(file.data);
	write_copy(file.data, file.size);
	first->type = EVENT_FORK;
	*third &= ~FRAME_DISCARDED;
	mend(file.data);
	r = open_copy();
	expect_record(r, 1);
	expect_record(r, 3);
	assert_int_equal(next(r), RECORDING_BATCH);
	expect_record(r, 4);
}

/* What a journal has behind its end was there before, and is not of it. */
static void test_journal(void **state)
{
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;
	struct format_file *header = (struct format_file *)file.data;

	(void)state;
	header->tail = format_tail(file.batch_ends[0]);
	write_copy(file.data, file.size);
	header->tail = 0;
	r = open_copy();
	for (size_t i = 0; i < 4; i++)
		expect_record(r, i);
	assert_int_equal(next(r), RECORDING_BATCH);
	assert_int_equal(next(r), RECORDING_END);
}

/* A frame that is longer than the batch, under right checksums. */
static void test_long_frame(void **state)
{
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;
	uint32_t *last = (uint32_t *)(file.data + file.ends[2]), kept = *last;

	(void)state;
	*last += 8;
	mend(file.data);
	write_copy(file.data, file.size);
	*last = kept;
	mend(file.data);
	r = open_copy();
	assert_int_equal(next(r), RECORDING_BAD);
	expect_record(r, 4);
}

static const struct {
	const char *name;
	size_t at;
	const char *bytes;
	size_t n;
	int want;
	const char *why;
} header_cases[] = {
	{ "foreign", 0,
	  "\x7f"
	  "ELF",
	  4, -EINVAL, "it is not a recording" },
	{ "other byte order", 8, "\1\2\3\4", 4, -EPROTO,
	  "it was made on a machine with another byte order" },
	{ "newer version", 12, "\3", 1, -EPROTO, "it was made by a newer version" },
	{ "older version", 12, "\1", 1, -EPROTO,
	  "it was made by a version before the first release, and must be made again" },
	{ "newer layout", 16, "\2", 1, -EPROTO, "it was made by a newer version" },
	{ "damaged header", 24, "\1\2\3\4\5\6\7", 7, -EINVAL, "its header is damaged" },
};

static void test_foreign(void **state)
{
	char data[sizeof(file.data)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(header_cases); i++) {
		struct recording_reader *r = NULL;
		const char *why = NULL;

		memcpy(data, file.data, file.size);
		memcpy(data + header_cases[i].at, header_cases[i].bytes, header_cases[i].n);
		write_copy(data, file.size);
		assert_int_equal(recording_reader_new(copy, &r, &why), header_cases[i].want);
		assert_string_equal(why, header_cases[i].why);
		assert_null(r);
	}
}

static void test_no_file(void **state)
{
	struct recording_reader *r = NULL;
	struct recording_writer *w = NULL;
	const char *why = NULL;

	(void)state;
	assert_int_equal(recording_reader_new("/nonexistent/x", &r, &why), -ENOENT);
	assert_non_null(why);
	assert_int_equal(recording_reader_new("/dev/null", &r, &why), -EINVAL);
	assert_int_equal(recording_writer_new("/nonexistent/x", &w), -ENOENT);
	assert_null(r);
	assert_null(w);
}

/*
 * A file that cannot grow ends after its last whole batch; the batch is kept and may be tried
 * again.
 */
static void test_full(void **state)
{
	_cleanup_(recording_writer_freep) struct recording_writer *w = NULL;
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;
	struct rlimit old, small = { 0 };

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(recording_writer_new(copy, &w), 0);
	assert_int_equal(recording_append(w, file.records[0]), 0);
	assert_int_equal(recording_commit(w, 1000, 2000), 0);
	assert_int_equal(recording_append(w, file.records[3]), 0);
	small = (struct rlimit){ .rlim_cur = file.ends[0] + 50, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(recording_commit(w, file.seq[3], 3000), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	r = open_copy();
	expect_record(r, 0);
	assert_int_equal(next(r), RECORDING_BATCH);
	assert_int_equal(next(r), RECORDING_END);
	r = recording_reader_free(r);

	assert_int_equal(recording_commit(w, file.seq[3], 3000), 0);
	r = open_copy();
	expect_record(r, 0);
	assert_int_equal(next(r), RECORDING_BATCH);
	expect_record(r, 3);
	assert_int_equal(next(r), RECORDING_BATCH);
	assert_int_equal(next(r), RECORDING_END);
}

/* The agent starts with its signals blocked: what waited here could not be ended. */
static void test_pipe(void **state)
{
	_cleanup_(recording_writer_freep) struct recording_writer *w = NULL;
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;
	_cleanup_(closep) int fd = -1;
	const char *why = NULL;
	char pipe[64];

	(void)state;
	snprintf(pipe, sizeof(pipe), "%s/pipe", dir);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	alarm(10); /* instead of waiting for ever */
	assert_int_equal(recording_reader_new(pipe, &r, &why), -EINVAL);
	assert_string_equal(why, "it is not a recording");
	assert_int_equal(recording_writer_new(pipe, &w), -ENXIO);
	alarm(0);
	fd = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(recording_writer_new(pipe, &w), 0);
	unlink(pipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_torn),
		cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_stepped_over), cmocka_unit_test(test_journal),
		cmocka_unit_test(test_long_frame),   cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_full),	     cmocka_unit_test(test_pipe),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
