/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that anybody may have made: it is read to its end, and every record that comes out is one.
 * Then once more with right checksums, so that what lies behind them is reached.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "event/decode.h"
#include "journal/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct recording_reader *r, size_t size)
{
	const struct event_head *head;
	uint64_t seq;

	/* Each step moves on by at least a batch header, or ends: it must come to an end. */
	for (size_t i = 0; i <= size; i++) {
		switch (recording_next(r, &head, &seq)) {
		case RECORDING_RECORD:
			if (record_check(head, head->size) < 0)
				abort();
			break;
		case RECORDING_BATCH:
		case RECORDING_BAD:
			break;
		case RECORDING_END:
		case RECORDING_TORN:
			return;
		}
		if (recording_offset(r) > size)
			abort();
	}
	abort();
}

static void read_file(const uint8_t *data, size_t size)
{
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;
	_cleanup_(closep) int fd = memfd_create("recording", MFD_CLOEXEC);
	const char *why = NULL;
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (recording_reader_new(path, &r, &why) == 0)
		read_all(r, size);
	else if (!why)
		abort();
}

/* The first batch is at 64; in its header of 40 bytes the length is at 8, the checksums at 32. */
static void mend(uint8_t *data, size_t size)
{
	size_t at = 64;

	while (at <= size && size - at >= 40) {
		uint64_t length;
		uint32_t crc;

		memcpy(&length, data + at + 8, sizeof(length));
		if (length > size - at - 40) {
			length = (size - at - 40) & ~(uint64_t)7;
			memcpy(data + at + 8, &length, sizeof(length));
		}
		crc = crc32c(0, data + at + 40, length);
		memcpy(data + at + 32, &crc, sizeof(crc));
		crc = crc32c(0, data + at, 36);
		memcpy(data + at + 36, &crc, sizeof(crc));
		at += 40 + length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) uint8_t *copy = malloc(size + 1);

	if (!copy)
		return 0;
	read_file(data, size);
	if (size)
		memcpy(copy, data, size);
	mend(copy, size);
	read_file(copy, size);
	return 0;
}
