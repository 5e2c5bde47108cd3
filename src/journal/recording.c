/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "event/decode.h"
#include "journal/recording.h"

#define VERSION 1
#define BYTE_ORDER_MARK 0x01020304
#define BATCH_MAGIC 0x48435442 /* "BTCH" */
#define RING_HEADER 8	       /* what the ring puts before each record */

static const char file_magic[8] = "PROCTRL\n";

struct file_header {
	char magic[8];
	uint32_t byte_order; /* BYTE_ORDER_MARK, as the writer's machine has it */
	uint32_t version;
	uint32_t layout; /* EVENT_LAYOUT */
	uint32_t reserved0;
	uint64_t created_ns; /* since the epoch */
	uint64_t reserved[4];
};
_Static_assert(sizeof(struct file_header) == 64, "file_header is file format");

struct batch_header {
	uint32_t magic;
	uint32_t n;	 /* records */
	uint64_t length; /* of the records with their padding */
	uint64_t begin, end;
	uint32_t crc;	  /* of the records */
	uint32_t own_crc; /* of this header up to here */
};
_Static_assert(sizeof(struct batch_header) == 40, "batch_header is file format");

struct recording_writer {
	int fd;
	uint64_t size;	  /* of the file up to the last whole batch */
	uint32_t n;	  /* records in the batch */
	struct buf batch; /* room for its header, the records */
};

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static int write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

static int write_file_header(struct recording_writer *w)
{
	struct timespec now;
	struct file_header h = { .byte_order = BYTE_ORDER_MARK,
				 .version = VERSION,
				 .layout = EVENT_LAYOUT };
	int r;

	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(h.magic, file_magic, sizeof(h.magic));
	h.created_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	r = write_all(w->fd, &h, sizeof(h));
	if (r < 0)
		return r;
	w->size = sizeof(h);
	return 0;
}

/* The batch's header is filled in when it is written. */
static int batch_begin(struct recording_writer *w)
{
	static const struct batch_header blank = { 0 };

	w->n = 0;
	buf_clear(&w->batch);
	buf_put(&w->batch, &blank, sizeof(blank));
	return buf_failed(&w->batch) ? -ENOMEM : 0;
}

int recording_writer_new(const char *path, struct recording_writer **ret)
{
	_cleanup_(recording_writer_freep) struct recording_writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return -errno;
	r = batch_begin(w);
	if (r < 0)
		return r;
	r = write_file_header(w);
	if (r < 0)
		return r;

	*ret = TAKE_PTR(w);
	return 0;
}

struct recording_writer *recording_writer_free(struct recording_writer *w)
{
	if (!w)
		return NULL;
	if (w->fd >= 0)
		close(w->fd);
	buf_done(&w->batch);
	free(w);
	return NULL;
}

int recording_append(struct recording_writer *w, const struct event_head *record)
{
	size_t n = padded(record->size);
	char *to = buf_room(&w->batch, n);

	if (!to) {
		w->batch.failed = false; /* what was there before is whole */
		return -ENOMEM;
	}
	memcpy(to, record, record->size);
	memset(to + record->size, 0, n - record->size);
	buf_advance(&w->batch, n);
	w->n++;
	return 0;
}

int recording_commit(struct recording_writer *w, uint64_t begin, uint64_t end)
{
	struct batch_header h = { .magic = BATCH_MAGIC, .n = w->n, .begin = begin, .end = end };
	int r;

	if (!w->n)
		return 0;
	h.length = w->batch.len - sizeof(h);
	h.crc = crc32c(0, w->batch.data + sizeof(h), h.length);
	h.own_crc = crc32c(0, &h, offsetof(struct batch_header, own_crc));
	memcpy(w->batch.data, &h, sizeof(h));
	r = write_all(w->fd, w->batch.data, w->batch.len);
	if (r < 0) {
		/* Best effort: a reader takes what a failed cut leaves for a tear. */
		if (ftruncate(w->fd, (off_t)w->size) == 0)
			(void)lseek(w->fd, (off_t)w->size, SEEK_SET);
		return r;
	}
	w->size += w->batch.len;
	return batch_begin(w);
}

struct recording_reader {
	const char *map;
	size_t size;
	size_t at;	   /* the next record or batch header */
	size_t batch_end;  /* 0: between batches */
	uint64_t position; /* of the next record in the ring */
	bool is_torn;	   /* the batch goes beyond the file */
};

static int check_file_header(const struct recording_reader *r, const char **reterr)
{
	const struct file_header *h = (const struct file_header *)r->map;

	if (r->size < sizeof(*h) || memcmp(h->magic, file_magic, sizeof(h->magic)) != 0) {
		*reterr = "it is not a recording";
		return -EINVAL;
	}
	if (h->byte_order != BYTE_ORDER_MARK) {
		*reterr = "it was made on a machine with another byte order";
		return -EPROTO;
	}
	if (h->version > VERSION || h->layout > EVENT_LAYOUT) {
		*reterr = "it was made by a newer version";
		return -EPROTO;
	}
	if (r->size < sizeof(*h) + sizeof(struct batch_header)) {
		*reterr = "it was cut before its first batch";
		return -EINVAL;
	}
	return 0;
}

static int map_file(struct recording_reader *r, int fd)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) < 0)
		return -errno;
	r->size = S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
	if (!r->size)
		return 0;
	map = mmap(NULL, r->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	r->map = map;
	return 0;
}

int recording_reader_new(const char *path, struct recording_reader **ret, const char **reterr)
{
	_cleanup_(recording_reader_freep) struct recording_reader *reader =
		calloc(1, sizeof(*reader));
	_cleanup_(closep) int fd = -1;
	int r;

	if (!reader)
		r = -ENOMEM;
	else if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		r = -errno;
	else
		r = map_file(reader, fd);
	if (r < 0) {
		*reterr = strerrordesc_np(-r);
		return r;
	}
	r = check_file_header(reader, reterr);
	if (r < 0)
		return r;
	reader->at = sizeof(struct file_header);

	*ret = TAKE_PTR(reader);
	return 0;
}

struct recording_reader *recording_reader_free(struct recording_reader *r)
{
	if (!r)
		return NULL;
	if (r->map)
		munmap((void *)r->map, r->size);
	free(r);
	return NULL;
}

/* The record at `at`, of which all bytes up to `end` belong to the batch; or NULL. */
static const struct event_head *record_at(const struct recording_reader *r, size_t at, size_t end)
{
	const struct event_head *head = (const struct event_head *)(r->map + at);

	if (end - at < sizeof(*head) || head->size > end - at || padded(head->size) > end - at)
		return NULL;
	return record_check(head, head->size) == 0 ? head : NULL;
}

static bool batch_is_good(const struct recording_reader *r, const struct batch_header *h, size_t at)
{
	size_t end = at + h->length;
	uint32_t n = 0;

	if (crc32c(0, r->map + at, h->length) != h->crc)
		return false;
	for (; at < end; n++) {
		const struct event_head *head = record_at(r, at, end);

		if (!head)
			return false;
		at += padded(head->size);
	}
	return n == h->n;
}

static bool header_is_good(const struct batch_header *h)
{
	return h->magic == BATCH_MAGIC && h->length % 8 == 0 && h->length < SIZE_MAX / 2 &&
	       crc32c(0, h, offsetof(struct batch_header, own_crc)) == h->own_crc;
}

/* Steps to the next place where a whole batch header is, or to the end. */
static void resync(struct recording_reader *r)
{
	do {
		r->at += 8;
		if (r->at > r->size || r->size - r->at < sizeof(struct batch_header)) {
			r->at = r->size;
			return;
		}
	} while (!header_is_good((const struct batch_header *)(r->map + r->at)));
}

/* RECORDING_RECORD: there are records to give. */
static enum recording_next open_batch(struct recording_reader *r)
{
	const struct batch_header *h = (const struct batch_header *)(r->map + r->at);
	size_t left = r->size - r->at;

	if (!left)
		return RECORDING_END;
	if (left < sizeof(*h))
		return RECORDING_TORN;
	if (!header_is_good(h)) {
		resync(r);
		return RECORDING_BAD;
	}
	r->at += sizeof(*h);
	left -= sizeof(*h);
	r->is_torn = h->length > left;
	if (!r->is_torn && !batch_is_good(r, h, r->at)) {
		r->at += h->length;
		return RECORDING_BAD;
	}
	r->position = h->begin;
	r->batch_end = r->is_torn ? r->size : r->at + h->length;
	return RECORDING_RECORD;
}

enum recording_next recording_next(struct recording_reader *r, const struct event_head **ret,
				   uint64_t *ret_seq)
{
	const struct event_head *head;

	if (!r->batch_end) {
		enum recording_next next = open_batch(r);

		if (next != RECORDING_RECORD)
			return next;
	}
	if (r->at == r->batch_end && !r->is_torn) {
		r->batch_end = 0;
		return RECORDING_BATCH;
	}
	head = record_at(r, r->at, r->batch_end);
	if (!head)
		return RECORDING_TORN;
	*ret = head;
	*ret_seq = r->position;
	r->at += padded(head->size);
	if (head->cpu != EVENT_CPU_AGENT)
		r->position += RING_HEADER + padded(head->size);
	return RECORDING_RECORD;
}

uint64_t recording_offset(const struct recording_reader *r)
{
	return r->at;
}
