/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a killed writer leaves at the end of a file of records: the head of a line.
 *
 * Appending needs no lock (O_APPEND), but whoever repairs the end of a file must be alone with it:
 * a size that is read while another one writes lies within his lines. So every writer holds a
 * shared flock(2) on it, and the repair asks for the exclusive one. When that is refused somebody
 * is at work there, who has done the repair: the flusher that a new configuration replaces, say.
 */
#pragma once

#include <stdint.h>

enum file_tail {
	FILE_TAIL_WHOLE,  /* it ended with a line, or is empty, or is not ours to judge */
	FILE_TAIL_CUT,	  /* it ended within a record, which was cut off */
	FILE_TAIL_CLOSED, /* it ended within something else, and got a line feed */
};

/*
 * Repairs the end of a regular file that is open for appending, and takes the shared lock; *ret_cut
 * is how many bytes were cut off.
 */
enum file_tail file_tail_repair(int fd, uint64_t *ret_cut);
