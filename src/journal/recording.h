/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log in a file that a user keeps: what `proctrail record` writes and `run --replay` folds
 * again, as journal/format.h has it. Its batches are what was folded between two drains of the
 * ring. A journal can be read as a recording, too.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"
#include "base/cleanup.h"

struct recording_writer;

/* Creates or truncates `path`, mode 0600. 0 or a negative errno. */
int recording_writer_new(const char *path, struct recording_writer **ret);
/* Closes; what was not committed is not in the file. Returns NULL. */
struct recording_writer *recording_writer_free(struct recording_writer *w);
DEFINE_CLEANUP(struct recording_writer *, recording_writer_free)

/* Adds a record to the batch that is being made. 0 or -ENOMEM. */
int recording_append(struct recording_writer *w, const struct event_head *record);
/*
 * Writes the batch; positions are the ring's before its first and after its last record. Nothing
 * when empty. 0, or what write(2) says: then the file ends with the batch before, and this one is
 * kept and may be committed again.
 */
int recording_commit(struct recording_writer *w, uint64_t begin, uint64_t end);

struct recording_reader;

/*
 * Maps the file. 0, or with a sentence for the user in *reterr (static text):
 *   -EINVAL   not a recording, or one that was cut before its first batch, or its header is damaged
 *   -EPROTO   written by another version, or on a machine with another byte order
 *   or what open(2) and mmap(2) say
 */
int recording_reader_new(const char *path, struct recording_reader **ret, const char **reterr);
struct recording_reader *recording_reader_free(struct recording_reader *r);
DEFINE_CLEANUP(struct recording_reader *, recording_reader_free)

enum recording_next {
	/* *ret is a record that record_check() accepted; borrowed until the reader is freed */
	RECORDING_RECORD,
	RECORDING_BATCH, /* a batch ends here */
	RECORDING_END,	 /* the file ends after a whole batch */
	/* the file ends within a batch: all whole records before the tear were given */
	RECORDING_TORN,
	/*
	 * the bytes are damaged here (checksum, lengths): the records of this batch were not given
	 */
	RECORDING_BAD,
};

/*
 * *ret_seq is the record's position in the ring; facts of the agent have that of the record after
 * them. Frames without a record that record_check() accepts are stepped over. After RECORDING_BAD
 * the next batch that is whole follows, or the end; RECORDING_TORN and RECORDING_END stay what they
 * are.
 */
enum recording_next recording_next(struct recording_reader *r, const struct event_head **ret,
				   uint64_t *ret_seq);
/* Where in the file the reader is, for messages. */
uint64_t recording_offset(const struct recording_reader *r);
