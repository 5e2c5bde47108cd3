/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that lines are appended to, and that is rolled when it is full: FILE becomes FILE.1, which
 * was FILE.1 becomes FILE.2, and so on. A reader finds whole lines in it, and every line in one
 * file, whatever happened: a full disk, a kill, another program that moved or removed the file.
 * Pipes and devices may stand in for the file; they are never rolled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct rolling_file {
	/* Set before it is opened. */
	const char *owner;     /* who is named in log lines; borrowed */
	const char *path;      /* borrowed */
	uint64_t max_bytes;    /* 0: never rolled. A longer line is in a file alone */
	unsigned int n_rolled; /* how many full files are kept beside the one that is written */

	/* Its own. */
	int fd;
	bool is_regular;
	bool is_removed; /* it has no name any more; as of the last look at it, like size */
	bool is_stuck;	 /* it should be rolled and cannot be */
	uint64_t size;	 /* bytes, as of the last look at it */
	uint64_t n_torn; /* bytes of a line that was begun at its end and must not stay */
};

/*
 * Opens the file; makes it (0600) and the folders above it (0700) where they are not there. When it
 * ends within a line that a killed agent began, that is cut off. 0, or a negative errno after an
 * error was logged. rolling_file_close() in any case.
 */
int rolling_file_open(struct rolling_file *f);
void rolling_file_close(struct rolling_file *f); /* once more does no harm */

/*
 * Appends lines, each ended by a line feed. 0 when all are in the file. Of a regular file: another
 * negative errno, and *ret_done, the bytes that are in the file, ends with a line; -EAGAIN does not
 * occur. Of a pipe: -EAGAIN after 100 ms in which its reader did not take all; -ENXIO when it has
 * no reader (there may be another one later).
 */
int rolling_file_write(struct rolling_file *f, struct str lines, size_t *ret_done);

/*
 * Somebody before may have ended within a line. Of a file that was repaired when it was opened; in
 * a pipe that line is ended before the next one.
 */
void rolling_file_resume(struct rolling_file *f);

/*
 * Opens anew what is at the path now. When that fails it goes on with the file that it has, after a
 * warning: nothing is lost when a file is moved away and this is called afterwards.
 */
void rolling_file_reopen(struct rolling_file *f);
