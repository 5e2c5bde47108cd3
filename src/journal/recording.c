/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "journal/format.h"

struct recording_writer {
	int fd;
	uint64_t size;	  /* of the file up to the last whole batch */
	struct buf batch; /* room for its header, the frames */
};

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
	struct format_file h;
	int r;

	format_file_make(&h, NULL, 0);
	r = write_all(w->fd, &h, sizeof(h));
	if (r < 0)
		return r;
	w->size = sizeof(h);
	return 0;
}

/* The batch's header is filled in when it is written. */
static int batch_begin(struct recording_writer *w)
{
	static const struct format_batch blank = { 0 };

	buf_clear(&w->batch);
	buf_put(&w->batch, &blank, sizeof(blank));
	return buf_failed(&w->batch) ? -ENOMEM : 0;
}

/* A pipe without a reader is an error at once; to one that has a reader every write is whole. */
static int open_for_writing(const char *path)
{
	_cleanup_(closep) int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

	if (fd < 0 || fcntl(fd, F_SETFL, 0) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int recording_writer_new(const char *path, struct recording_writer **ret)
{
	_cleanup_(recording_writer_freep) struct recording_writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->fd = open_for_writing(path);
	if (w->fd < 0)
		return w->fd;
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
	size_t n = format_frame_size(record);
	char *to = buf_room(&w->batch, n);

	if (!to) {
		w->batch.failed = false; /* what was there before is whole */
		return -ENOMEM;
	}
	format_frame_make(to, record, format_is_fact(record));
	buf_advance(&w->batch, n);
	return 0;
}

int recording_commit(struct recording_writer *w, uint64_t begin, uint64_t end)
{
	size_t length = w->batch.len - sizeof(struct format_batch);
	const char *frames = w->batch.data + sizeof(struct format_batch);
	struct format_batch h;
	int r;

	if (!length)
		return 0;
	format_batch_make(&h, FORMAT_LOG, begin, end, length, crc32c(0, frames, length));
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
	struct format_map map;
	size_t size;	   /* of what counts */
	size_t at;	   /* the next frame or batch header */
	size_t batch_end;  /* 0: between batches */
	uint64_t position; /* of the next frame in the ring */
	bool is_torn;	   /* the batch goes beyond the file */
};

/* A journal's file may go on behind what counts. */
static void find_end(struct recording_reader *r)
{
	uint64_t size = format_tail_size(((const struct format_file *)r->map.data)->tail);

	r->size = size && size < r->map.size ? size : r->map.size;
}

static int check_file(struct recording_reader *r, const char **reterr)
{
	int ret = format_file_check(r->map.data, r->map.size, reterr);

	if (ret < 0)
		return ret == -EBADMSG ? -EINVAL : ret;
	find_end(r);
	if (r->size < sizeof(struct format_file) + sizeof(struct format_batch)) {
		*reterr = "it was cut before its first batch";
		return -EINVAL;
	}
	return 0;
}

int recording_reader_new(const char *path, struct recording_reader **ret, const char **reterr)
{
	_cleanup_(recording_reader_freep) struct recording_reader *reader =
		calloc(1, sizeof(*reader));
	int r = reader ? format_map(AT_FDCWD, path, &reader->map) : -ENOMEM;

	if (r < 0) {
		*reterr = strerrordesc_np(-r);
		return r;
	}
	r = check_file(reader, reterr);
	if (r < 0)
		return r;
	reader->at = sizeof(struct format_file);

	*ret = TAKE_PTR(reader);
	return 0;
}

struct recording_reader *recording_reader_free(struct recording_reader *r)
{
	if (!r)
		return NULL;
	format_unmap(&r->map);
	free(r);
	return NULL;
}

static size_t left(const struct recording_reader *r)
{
	return r->size - r->at;
}

static enum format_verdict check_here(const struct recording_reader *r)
{
	return format_batch_check(r->map.data + r->at, left(r));
}

/* Steps to the next place where a batch header is that is good, or to the end. */
static void resync(struct recording_reader *r)
{
	do {
		if (left(r) < 8 + sizeof(struct format_batch)) {
			r->at = r->size;
			return;
		}
		r->at += 8;
	} while (!format_batch_header_is_good(r->map.data + r->at));
}

static void enter_batch(struct recording_reader *r, bool is_torn)
{
	const struct format_batch *h = (const struct format_batch *)(r->map.data + r->at);

	r->at += sizeof(*h);
	r->position = h->begin;
	r->is_torn = is_torn;
	r->batch_end = is_torn ? r->size : r->at + h->length;
}

/* RECORDING_RECORD: there are frames to look at. */
static enum recording_next open_batch(struct recording_reader *r)
{
	const struct format_batch *h = (const struct format_batch *)(r->map.data + r->at);

	switch (check_here(r)) {
	case FORMAT_NOTHING:
		return RECORDING_END;
	case FORMAT_TORN:
		if (left(r) < sizeof(*h))
			return RECORDING_TORN;
		enter_batch(r, true);
		return RECORDING_RECORD;
	case FORMAT_BAD_HEADER:
		resync(r);
		return RECORDING_BAD;
	case FORMAT_BAD_FRAMES:
		r->at += sizeof(*h) + h->length;
		return RECORDING_BAD;
	case FORMAT_WHOLE:
		enter_batch(r, false);
		return RECORDING_RECORD;
	}
	return RECORDING_BAD;
}

enum recording_next recording_next(struct recording_reader *r, const struct event_head **ret,
				   uint64_t *ret_seq)
{
	const struct event_head *record = NULL;
	struct frame frame;

	if (!r->batch_end) {
		enum recording_next next = open_batch(r);

		if (next != RECORDING_RECORD)
			return next;
	}
	while (!record) {
		if (r->at == r->batch_end && !r->is_torn) {
			r->batch_end = 0;
			return RECORDING_BATCH;
		}
		if (!format_frame(r->map.data + r->at, r->batch_end - r->at, &frame))
			return RECORDING_TORN;
		record = format_record(&frame);
		*ret_seq = r->position;
		r->at += frame.size;
		r->position += format_span(&frame, record);
	}
	*ret = record;
	return RECORDING_RECORD;
}

uint64_t recording_offset(const struct recording_reader *r)
{
	return r->at;
}
