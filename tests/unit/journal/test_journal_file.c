/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written counts when it is said so; files are used again, unless they are others by now.
 */
#include "journal/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

static char dir[] = "/tmp/journal-file-XXXXXX";
static int dir_fd = -1;
static struct format_file header;

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	format_file_make(&header, NULL, 1);
	return dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	unlinkat(dir_fd, "a", 0);
	close(dir_fd);
	return rmdir(dir);
}

static size_t most = SIZE_MAX; /* that a write takes */

/* Under both names, since with 64-bit offsets the C library may call it by the other. */
ssize_t __wrap_pwritev(int fd, const struct iovec *v, int n, off_t at);
ssize_t __wrap_pwritev64(int fd, const struct iovec *v, int n, off_t at);

/* A write may always take less than it is given. */
ssize_t __wrap_pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	assert_true(n > 0 && n <= IOV_MAX);
	if (most == SIZE_MAX)
		return syscall(SYS_pwritev, fd, v, n, at, 0);
	return pwrite(fd, v->iov_base, v->iov_len < most ? v->iov_len : most, at);
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *v, int n, off_t at)
{
	return __wrap_pwritev(fd, v, n, at);
}

static ino_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static uint64_t tail(void)
{
	struct format_map map = { 0 };
	uint64_t size;

	assert_int_equal(format_map(dir_fd, "a", &map), 0);
	size = format_tail_size(((const struct format_file *)map.data)->tail);
	format_unmap(&map);
	return size;
}

/* `count` frames of 8 bytes, each a piece of its own. */
static int write_batch(struct journal_file *f, size_t count)
{
	static const char frame[FRAME_HEADER];
	struct slices s = { 0 };
	int r;

	assert_int_equal(slices_begin(&s, count), 0);
	for (size_t i = 0; i < count; i++)
		slices_put(&s, frame, sizeof(frame));
	slices_put(&s, NULL, 0);
	r = journal_file_write(f, FORMAT_LOG, 8, 16, &s);
	slices_done(&s);
	return r;
}

static void test_write(void **state)
{
	struct journal_file f = JOURNAL_FILE_NONE, again = JOURNAL_FILE_NONE;
	struct format_map map = { 0 };

	(void)state;
	assert_int_equal(journal_file_begin(dir_fd, "a", &header, &f), 0);
	assert_int_equal(f.size, 64);
	assert_int_equal(tail(), 0);
	assert_int_equal(write_batch(&f, 3), 0);
	assert_int_equal(f.size, 64 + 40 + 24);
	assert_int_equal(tail(), 0);
	assert_int_equal(journal_file_commit(&f), 0);
	assert_int_equal(tail(), f.size);
	assert_int_equal(journal_file_open(dir_fd, "a", f.size, &again), 0);
	journal_file_close(&f);
	assert_int_equal(f.fd, -1);
	/* more pieces than one call takes; and none */
	assert_int_equal(write_batch(&again, 3 * IOV_MAX), 0);
	assert_int_equal(write_batch(&again, 0), 0);
	assert_int_equal(journal_file_commit(&again), 0);
	assert_int_equal(format_map(dir_fd, "a", &map), 0);
	assert_int_equal(map.size, tail());
	assert_int_equal(format_batch_check(map.data + 128, map.size - 128), FORMAT_WHOLE);
	assert_int_equal(map.size, 128 + 40 + 24 * IOV_MAX + 40);
	format_unmap(&map);
	journal_file_close(&again);
}

static void test_short_writes(void **state)
{
	static const char frame[48] = "\x28"; /* 40 bytes long */
	const size_t sizes[] = { 1, 5, 8, 39, 40, 41, 100 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct journal_file f = JOURNAL_FILE_NONE;
		struct format_map map = { 0 };
		struct slices s = { 0 };

		most = sizes[i];
		assert_int_equal(journal_file_begin(dir_fd, "a", &header, &f), 0);
		assert_int_equal(slices_begin(&s, 2), 0);
		slices_put(&s, frame, sizeof(frame));
		slices_put(&s, frame, sizeof(frame));
		assert_int_equal(journal_file_write(&f, FORMAT_LOG, 8, 16, &s), 0);
		assert_int_equal(journal_file_commit(&f), 0);
		most = SIZE_MAX;
		assert_int_equal(format_map(dir_fd, "a", &map), 0);
		assert_int_equal(map.size, 64 + 40 + 96);
		assert_int_equal(format_batch_check(map.data + 64, map.size - 64), FORMAT_WHOLE);
		format_unmap(&map);
		slices_done(&s);
		journal_file_close(&f);
	}
}

static void test_used_again(void **state)
{
	struct journal_file f = JOURNAL_FILE_NONE;
	ino_t first;

	(void)state;
	assert_int_equal(journal_file_begin(dir_fd, "a", &header, &f), 0);
	first = inode(f.fd);
	assert_int_equal(write_batch(&f, 100), 0);
	assert_int_equal(journal_file_commit(&f), 0);
	assert_int_equal(journal_file_begin(dir_fd, "a", &header, &f), 0);
	assert_int_equal(inode(f.fd), first);
	assert_int_equal(f.size, 64);
	assert_int_equal(tail(), 0); /* nothing of it counts any more */

	assert_int_equal(renameat(dir_fd, "a", dir_fd, "b"), 0);
	assert_int_equal(journal_file_begin(dir_fd, "a", &header, &f), 0);
	assert_int_not_equal(inode(f.fd), first);
	assert_int_equal(unlinkat(dir_fd, "b", 0), 0);
	first = inode(f.fd);
	journal_file_close(&f);
	/* one that somebody else made is not written to */
	f = JOURNAL_FILE_NONE;
	assert_int_equal(linkat(dir_fd, "a", dir_fd, "b", 0), 0);
	assert_int_equal(journal_file_begin(dir_fd, "a", &header, &f), 0);
	assert_int_not_equal(inode(f.fd), first);
	assert_int_equal(unlinkat(dir_fd, "b", 0), 0);
	journal_file_close(&f);
}

static void test_errors(void **state)
{
	struct journal_file f = JOURNAL_FILE_NONE;

	(void)state;
	assert_int_equal(journal_file_open(dir_fd, "none", 64, &f), -ENOENT);
	assert_int_equal(f.fd, -1);
	assert_int_equal(journal_file_begin(dir_fd, "none/x", &header, &f), -ENOENT);
	assert_int_equal(f.fd, -1);
	f = (struct journal_file){ .fd = open("/dev/full", O_WRONLY | O_CLOEXEC), .size = 64 };
	assert_int_equal(write_batch(&f, 1), -ENOSPC);
	assert_int_equal(f.size, 64);
	assert_int_equal(journal_file_commit(&f), -ENOSPC);
	f.size = (uint64_t)64 << 30; /* more than the header can say */
	assert_int_equal(journal_file_commit(&f), -EFBIG);
	journal_file_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_short_writes),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
