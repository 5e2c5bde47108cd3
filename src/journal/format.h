/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log in a file, as recordings and the journal have it. A file header, then batches; a batch is
 * a stretch of the ring, byte for byte, with the agent's own facts in their places:
 *
 *   header  64 bytes  struct format_file
 *   batch   40 bytes  struct format_batch: what it is, its length, the ring's positions at its
 *                     begin and end, CRC32C of what follows and of itself
 *   frames            as in a ring: 8 bytes (length, with bits as below; 4 bytes that mean
 *                     nothing), the record, zeros up to a multiple of 8
 *
 * In a journal a record TRANSIENTS may stand for some of the ring's bytes.
 *
 * A frame may hold what is no record: then it is stepped over.
 *
 * A recording ends where the file ends. A journal is written over what was there before, and its
 * header says how far it goes. It begins with a state: the process table and all that belongs to
 * it, as facts, in batches that stand for nothing in the ring (begin = end); only all of them
 * together mean something.
 *
 * Integers are in the byte order of the machine; the header says which, others are refused. Pure;
 * any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"

#define FORMAT_VERSION 2
#define FORMAT_BOOT_ID 16

#define FRAME_HEADER 8
#define FRAME_BUSY 0x80000000u /* the kernel was still writing: never in a file */
#define FRAME_DISCARDED 0x40000000u
#define FRAME_FACT 0x20000000u /* written by the agent: it has no place in the ring */
#define FRAME_LENGTH 0x1fffffffu

struct format_file {
	char magic[8];
	uint32_t byte_order;
	uint32_t version;
	uint32_t layout;		 /* EVENT_LAYOUT */
	uint32_t ring_id;		 /* of the map; 0: a recording */
	uint64_t created_ns;		 /* since the epoch */
	uint8_t boot_id[FORMAT_BOOT_ID]; /* of the kernel; zeros in a recording */
	uint32_t reserved;
	uint32_t own_crc; /* of this header up to here */
	uint64_t tail;	  /* a journal: how much of the file counts, see format_tail(); else 0 */
};
_Static_assert(sizeof(struct format_file) == 64, "format_file is file format");

enum format_kind {
	FORMAT_LOG = 1,	  /* a stretch of the ring */
	FORMAT_STATE,	  /* a part of the state; more of it follows */
	FORMAT_STATE_END, /* the last part of the state */
};

struct format_batch {
	uint32_t magic;
	uint32_t kind;	 /* enum format_kind */
	uint64_t length; /* of the frames */
	uint64_t begin, end;
	uint32_t crc;	  /* of the frames */
	uint32_t own_crc; /* of this header up to here */
};
_Static_assert(sizeof(struct format_batch) == 40, "format_batch is file format");

/* boot_id NULL: a recording's. */
void format_file_make(struct format_file *ret, const uint8_t *boot_id, uint32_t ring_id);

/* What stands in a journal's header for `size` bytes, a multiple of 8. 0: it is too large. */
uint64_t format_tail(uint64_t size);
/* The other way round. 0: that is no tail. */
uint64_t format_tail_size(uint64_t tail);

/*
 * Of what a file begins with, all `size` bytes of it. 0, or with a sentence (static text) in
 * *reterr: -EINVAL it is no such file, -EPROTO another version or byte order, -EBADMSG damaged.
 */
int format_file_check(const void *data, size_t size, const char **reterr);

/* `crc` and `length` are those of all frames. */
void format_batch_make(struct format_batch *ret, enum format_kind kind, uint64_t begin,
		       uint64_t end, uint64_t length, uint32_t crc);

/* Whether the 40 bytes at `data`, 8-byte aligned, are a batch's header. */
bool format_batch_header_is_good(const void *data);

enum format_verdict {
	FORMAT_WHOLE,
	FORMAT_NOTHING, /* the file ends here */
	FORMAT_TORN,	/* the file ends within the batch; its header, if it is there, is good */
	FORMAT_BAD_HEADER,
	FORMAT_BAD_FRAMES, /* the header is good */
};

/* Of the batch at `data`, with `left` bytes to the end of what counts. 8-byte aligned. */
enum format_verdict format_batch_check(const void *data, size_t left);

struct frame {
	const void *data; /* what may be a record */
	size_t length;	  /* of it */
	size_t size;	  /* of the frame: how far to the next one */
	bool is_fact;
	bool is_discarded;
};

/* The frame at `data`, all of it within `left` bytes. False: there is none. */
bool format_frame(const void *data, size_t left, struct frame *ret);

/* The record in a frame; NULL if there is none that record_check() accepts. */
const struct event_head *format_record(const struct frame *frame);

/* How many bytes of the ring a frame with that record, or NULL, stands for. */
uint64_t format_span(const struct frame *frame, const struct event_head *record);

/* How large the frame of a record is. */
size_t format_frame_size(const struct event_head *record);

/* Writes it to `to`, where there is room. */
void format_frame_make(char *to, const struct event_head *record, bool is_fact);

/* Whether a record is the agent's own, and has no place in the ring. */
bool format_is_fact(const struct event_head *record);

/* A file that is mapped as it was; of size 0 when it is empty or no regular file. */
struct format_map {
	const char *data;
	size_t size;
};

/* Below `dir_fd` (AT_FDCWD). 0 or a negative errno. */
int format_map(int dir_fd, const char *path, struct format_map *ret);
void format_unmap(struct format_map *m);
