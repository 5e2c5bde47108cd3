/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a journal, as something to write to: batches go behind what counts, and count when
 * the file's header says so, which is one write of 8 bytes. So the rest of the file may hold
 * whatever was there: a file is used again instead of being made anew, since getting its pages from
 * a tmpfs and giving them back costs more than filling them. Reader thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "journal/format.h"

struct journal_file {
	int fd;	       /* -1: there is none */
	uint64_t size; /* up to the last batch that was written */
};

#define JOURNAL_FILE_NONE ((struct journal_file){ .fd = -1 })

/* The pieces of a batch: its header, which is the file's business, then its frames. */
struct slices {
	struct iovec *items;
	size_t n, cap;
};

/* Makes room for the header and `n` pieces, and begins anew. 0 or -ENOMEM. */
int slices_begin(struct slices *s, size_t n);
/* Borrowed until the batch is written; nothing when n is 0. */
void slices_put(struct slices *s, const void *p, size_t n);
void slices_done(struct slices *s);

/* For going on behind `size` bytes of what is there. 0 or a negative errno. */
int journal_file_open(int dir_fd, const char *name, uint64_t size, struct journal_file *ret);

/*
 * A file with a header behind which nothing counts: what *f has already, if `name` is still its
 * name, or a new one in the place of any other. 0 or a negative errno.
 */
int journal_file_begin(int dir_fd, const char *name, const struct format_file *header,
		       struct journal_file *f);

/* Closes; fd becomes -1. */
void journal_file_close(struct journal_file *f);

/*
 * Writes a batch behind what there is, with one write; the slices are used up. 0, or a negative
 * errno: then what was written of it does not count.
 */
int journal_file_write(struct journal_file *f, enum format_kind kind, uint64_t begin, uint64_t end,
		       struct slices *s);

/* From now on all that was written counts. 0 or a negative errno: then it does not. */
int journal_file_commit(struct journal_file *f);
