/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "event/decode.h"

#define BYTE_ORDER_MARK 0x01020304
#define BATCH_MAGIC 0x48435442 /* "BTCH" */

static const char file_magic[8] = "PROCTRL\n";

struct frame_header {
	uint32_t length;
	uint32_t unused; /* in a ring: where its page is */
};
_Static_assert(sizeof(struct frame_header) == FRAME_HEADER, "frame_header is file format");

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

void format_file_make(struct format_file *ret, const uint8_t *boot_id, uint32_t ring_id)
{
	*ret = (struct format_file){ .byte_order = BYTE_ORDER_MARK,
				     .version = FORMAT_VERSION,
				     .layout = EVENT_LAYOUT,
				     .ring_id = ring_id,
				     .created_ns = clock_now_ns(CLOCK_REALTIME) };
	memcpy(ret->magic, file_magic, sizeof(ret->magic));
	if (boot_id)
		memcpy(ret->boot_id, boot_id, sizeof(ret->boot_id));
	ret->own_crc = crc32c(0, ret, offsetof(struct format_file, own_crc));
}

/*
 * In words of 8 bytes, and its checksum: one aligned word, so that it is never seen half written.
 */
uint64_t format_tail(uint64_t size)
{
	uint32_t words = (uint32_t)(size / 8);

	if (size / 8 > UINT32_MAX)
		return 0;
	return words | (uint64_t)crc32c(0, &words, sizeof(words)) << 32;
}

uint64_t format_tail_size(uint64_t tail)
{
	uint64_t size = (tail & UINT32_MAX) * 8;

	return format_tail(size) == tail ? size : 0;
}

int format_file_check(const void *data, size_t size, const char **reterr)
{
	const struct format_file *f = data;

	if (size < sizeof(*f) || memcmp(f->magic, file_magic, sizeof(f->magic)) != 0) {
		*reterr = "it is not a recording";
		return -EINVAL;
	}
	if (f->byte_order != BYTE_ORDER_MARK) {
		*reterr = "it was made on a machine with another byte order";
		return -EPROTO;
	}
	if (f->version > FORMAT_VERSION || f->layout > EVENT_LAYOUT) {
		*reterr = "it was made by a newer version";
		return -EPROTO;
	}
	if (f->version < FORMAT_VERSION) {
		*reterr =
			"it was made by a version before the first release, and must be made again";
		return -EPROTO;
	}
	if (f->own_crc != crc32c(0, f, offsetof(struct format_file, own_crc))) {
		*reterr = "its header is damaged";
		return -EBADMSG;
	}
	return 0;
}

void format_batch_make(struct format_batch *ret, enum format_kind kind, uint64_t begin,
		       uint64_t end, uint64_t length, uint32_t crc)
{
	*ret = (struct format_batch){ .magic = BATCH_MAGIC,
				      .kind = kind,
				      .length = length,
				      .begin = begin,
				      .end = end,
				      .crc = crc };
	ret->own_crc = crc32c(0, ret, offsetof(struct format_batch, own_crc));
}

bool format_batch_header_is_good(const void *data)
{
	const struct format_batch *h = data;

	return h->magic == BATCH_MAGIC && h->kind >= FORMAT_LOG && h->kind <= FORMAT_STATE_END &&
	       h->length % 8 == 0 && h->length < SIZE_MAX / 2 && h->begin <= h->end &&
	       crc32c(0, h, offsetof(struct format_batch, own_crc)) == h->own_crc;
}

static bool frames_are_good(const char *data, size_t length)
{
	struct frame frame;

	for (size_t at = 0; at < length; at += frame.size)
		if (!format_frame(data + at, length - at, &frame))
			return false;
	return true;
}

enum format_verdict format_batch_check(const void *data, size_t left)
{
	const struct format_batch *h = data;
	const char *frames = (const char *)(h + 1);

	if (!left)
		return FORMAT_NOTHING;
	if (left < sizeof(*h))
		return FORMAT_TORN;
	if (!format_batch_header_is_good(h))
		return FORMAT_BAD_HEADER;
	if (h->length > left - sizeof(*h))
		return FORMAT_TORN;
	if (crc32c(0, frames, h->length) != h->crc || !frames_are_good(frames, h->length))
		return FORMAT_BAD_FRAMES;
	return FORMAT_WHOLE;
}

bool format_frame(const void *data, size_t left, struct frame *ret)
{
	const struct frame_header *h = data;
	size_t length;

	if (left < sizeof(*h) || h->length & FRAME_BUSY)
		return false;
	length = h->length & FRAME_LENGTH;
	if (padded(length) > left - sizeof(*h))
		return false;
	*ret = (struct frame){ .data = h + 1,
			       .length = length,
			       .size = sizeof(*h) + padded(length),
			       .is_fact = h->length & FRAME_FACT,
			       .is_discarded = h->length & FRAME_DISCARDED };
	return true;
}

const struct event_head *format_record(const struct frame *frame)
{
	if (frame->is_discarded || record_check(frame->data, frame->length) < 0)
		return NULL;
	return frame->data;
}

uint64_t format_span(const struct frame *frame, const struct event_head *record)
{
	if (!frame->is_fact)
		return frame->size;
	if (!record || record->type != EVENT_TRANSIENTS)
		return 0;
	return ((const struct event_transients *)record)->bytes;
}

size_t format_frame_size(const struct event_head *record)
{
	return sizeof(struct frame_header) + padded(record->size);
}

void format_frame_make(char *to, const struct event_head *record, bool is_fact)
{
	const struct frame_header h = { .length = record->size | (is_fact ? FRAME_FACT : 0) };

	memcpy(to, &h, sizeof(h));
	memcpy(to + sizeof(h), record, record->size);
	memset(to + sizeof(h) + record->size, 0, padded(record->size) - record->size);
}

bool format_is_fact(const struct event_head *record)
{
	switch (record->type) {
	case EVENT_FORK:
	case EVENT_EXEC:
	case EVENT_EXIT:
	case EVENT_CGROUP:
	case EVENT_PROCESS:
		return record->cpu == EVENT_CPU_AGENT;
	default: /* only the agent writes these, whatever stream they tell of */
		return true;
	}
}

/*
 * O_NONBLOCK: a pipe into which nobody writes is empty, and not waited for; nothing else changes.
 */
int format_map(int dir_fd, const char *path, struct format_map *ret)
{
	_cleanup_(closep) int fd =
		openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	void *map = NULL;
	size_t size;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	size = S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
	if (size) {
		map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED)
			return -errno;
	}
	*ret = (struct format_map){ .data = map, .size = size };
	return 0;
}

void format_unmap(struct format_map *m)
{
	if (m->data)
		munmap((void *)m->data, m->size);
	*m = (struct format_map){ 0 };
}
