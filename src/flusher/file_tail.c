/* SPDX-License-Identifier: Apache-2.0 */
/* Stateless. */
#include "flusher/file_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define BLOCK_BYTES 4096
#define SEARCH_BYTES (64 * 1024 * 1024) /* more than any record has */

/*
 * Where the last line begins in a file that has no line feed at its end, or -ENOENT: too far back.
 */
static int64_t last_line_begin(int fd, int64_t size)
{
	int64_t stop = size > SEARCH_BYTES ? size - SEARCH_BYTES : 0;
	char block[BLOCK_BYTES];

	for (int64_t end = size; end > stop;) {
		size_t n = end - stop < BLOCK_BYTES ? (size_t)(end - stop) : BLOCK_BYTES;
		const char *feed;

		end -= (int64_t)n;
		if (pread(fd, block, n, end) != (ssize_t)n)
			return -ENOENT;
		feed = memrchr(block, '\n', n);
		if (feed)
			return end + (feed + 1 - block);
	}
	return stop ? -ENOENT : 0;
}

static char byte_at(int fd, int64_t offset, char otherwise)
{
	char c;

	return pread(fd, &c, 1, offset) == 1 ? c : otherwise;
}

/*
 * What begins as a record does is cut off. Anything else is not ours: it stays. A file that may
 * only grow (chattr +a) cannot be cut.
 */
static enum file_tail repair(int fd, uint64_t *ret_cut)
{
	_cleanup_(closep) int reader = -1;
	char own[sizeof("/proc/self/fd/") + 16];
	struct stat st;
	int64_t begin;

	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	reader = open(own, O_RDONLY | O_CLOEXEC);
	if (reader < 0 || fstat(fd, &st) < 0 || !st.st_size ||
	    byte_at(reader, st.st_size - 1, '\n') == '\n')
		return FILE_TAIL_WHOLE;
	begin = last_line_begin(reader, st.st_size);
	if (begin >= 0 && byte_at(reader, begin, 0) == '{' && ftruncate(fd, begin) == 0) {
		*ret_cut = (uint64_t)(st.st_size - begin);
		return FILE_TAIL_CUT;
	}
	return write(fd, "\n", 1) == 1 ? FILE_TAIL_CLOSED : FILE_TAIL_WHOLE;
}

enum file_tail file_tail_repair(int fd, uint64_t *ret_cut)
{
	enum file_tail ret = FILE_TAIL_WHOLE;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		ret = repair(fd, ret_cut);
	(void)flock(fd, LOCK_SH | LOCK_NB); /* where there are no locks nothing is repaired */
	return ret;
}
