/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standard output, for any number of flushers at once, each on its thread: their lines do not
 * mix. Writing never blocks for long on a reader who is slow.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

struct standard_output {
	enum { WAY_WHOLE, WAY_NONBLOCKING, WAY_SOCKET, WAY_POLLED } way;
	int fd;
	bool is_own; /* fd is to be closed */
};

/* 0, or -EBADF when the standard output is closed, or not for writing. */
int standard_output_open(struct standard_output *o);
/* Somebody before may have ended within a line, which is ended before anybody's next. */
void standard_output_resume(const struct standard_output *o);
/* A line that it has begun is ended before anybody's next. Once more does no harm. */
void standard_output_close(struct standard_output *o);

/*
 * Writes lines, each ended by a line feed. 0 when all are written. -EAGAIN when they were not
 * within about 100 ms; *ret_done bytes were: call again with the rest, no other one's line comes
 * between. Other errors: what is not written is lost. -EPIPE: so is everything that may come.
 */
int standard_output_write(struct standard_output *o, struct str lines, size_t *ret_done);
