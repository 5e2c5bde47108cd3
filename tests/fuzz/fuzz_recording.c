/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that anybody may have made, read as a recording and as a journal: it is read to its end,
 * and every record that comes out is one. Then once more with right checksums, so that what lies
 * behind them is reached.
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
#include "journal/format.h"
#include "journal/journal.h"
#include "journal/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct journal_id id = { .boot_id = "boot", .ring_id = 1 };
static char folder[] = "/tmp/fuzz-recording-XXXXXX";

static void remove_folder(void)
{
	journal_remove(folder);
	rmdir(folder);
}

static void make_folder(void)
{
	static bool is_there;

	if (is_there)
		return;
	if (!mkdtemp(folder))
		abort();
	is_there = true;
	atexit(remove_folder);
}

static void read_all(struct recording_reader *r, size_t size)
{
	const struct event_head *head;
	uint64_t seq;

	/* Each step moves on by at least a frame's header, or ends: it must come to an end. */
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

static void read_recording(const char *path, size_t size)
{
	_cleanup_(recording_reader_freep) struct recording_reader *r = NULL;
	const char *why = NULL;

	if (recording_reader_new(path, &r, &why) == 0)
		read_all(r, size);
	else if (!why)
		abort();
}

static int visit(void *ctx, const struct event_head *record, uint64_t seq)
{
	(void)ctx;
	(void)seq;
	if (record_check(record, record->size) < 0)
		abort();
	return 0;
}

static void read_journal(size_t size)
{
	_cleanup_(journal_freep) struct journal *j = NULL;
	struct journal_found found;

	if (journal_recover(folder, &id, visit, NULL, &found) < 0 || found.size > size)
		abort();
	if (found.is_damaged && !found.why)
		abort();
	if (journal_open(folder, &id, 1 << 20, &j) < 0)
		abort();
	if (journal_is_broken(j) != (found.outcome != JOURNAL_SAME_RING || found.is_damaged))
		abort();
}

static void read_file(const uint8_t *data, size_t size)
{
	_cleanup_(closep) int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "%s/journal", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return;
	read_recording(path, size);
	read_journal(size);
}

/* Right lengths and checksums for what may be anything else. */
static void mend(uint8_t *data, size_t size)
{
	size_t at = sizeof(struct format_file);
	struct format_batch h;
	struct format_file f;

	if (size < at)
		return;
	format_file_make(&f, id.boot_id, id.ring_id);
	f.tail = format_tail(size & ~(size_t)7);
	memcpy(data, &f, sizeof(f));
	while (size - at >= sizeof(h)) {
		size_t left = size - at - sizeof(h);
		uint64_t end;

		memcpy(&h, data + at, sizeof(h));
		at += sizeof(h);
		h.length = (h.length < left ? h.length : left) & ~(uint64_t)7;
		end = h.begin > h.end ? h.begin : h.end;
		format_batch_make(&h, (enum format_kind)(1 + h.kind % 3), h.begin, end, h.length,
				  crc32c(0, data + at, h.length));
		memcpy(data + at - sizeof(h), &h, sizeof(h));
		at += h.length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) uint8_t *copy = malloc(size + 1);

	if (!copy)
		return 0;
	make_folder();
	read_file(data, size);
	if (size)
		memcpy(copy, data, size);
	mend(copy, size);
	read_file(copy, size);
	return 0;
}
