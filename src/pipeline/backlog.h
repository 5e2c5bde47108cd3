/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunks that one outlet has queued and that the ring need not keep any longer: in a file on a
 * tmpfs, oldest first, so that they outlive the agent. What is delivered is forgotten from the
 * front. As large as the outlet's queue at most, since nothing else is put into it.
 *
 * Belongs to its outlet's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "pipeline/chunk.h"

struct backlog;

#define BACKLOG_BLANK_BYTES 64 /* of a file in which nothing waits */

struct backlog_at {
	const char *folder; /* `folder`/backlog/<pipeline>.<flusher>; both are made if need be */
	const char *pipeline, *flusher;
	const uint8_t *boot_id; /* 16 bytes */
};

/* 0 or a negative errno: then there is none. */
int backlog_open(const struct backlog_at *at, struct backlog **ret);
/* The file stays, if there is anything in it. */
struct backlog *backlog_close(struct backlog *b);
DEFINE_CLEANUP(struct backlog *, backlog_close)

/* Whether a file of such a folder is a backlog that somebody has open. */
bool backlog_is_in_use(int folder_fd, const char *name);

const char *backlog_path(const struct backlog *b);

enum backlog_next {
	BACKLOG_CHUNK, /* *ret is the next one, with a reference of the caller's */
	BACKLOG_END,
	BACKLOG_BAD, /* what follows is damaged, and was cut off */
};

/*
 * What an agent before has left, from the front on, once after it was opened. Positions of another
 * boot come as 0. Returns the bytes that a chunk takes there, 0 when there is none, or a negative
 * errno: then the rest is left for another time.
 */
int64_t backlog_next(struct backlog *b, struct chunk **ret, enum backlog_next *ret_next);

/*
 * Puts records first … of a chunk at the end. Returns the bytes that they take there; on failure a
 * negative errno, and all is as it was.
 */
int64_t backlog_append(struct backlog *b, const struct chunk *c, size_t first);
/* The oldest chunk, which takes so many bytes there, is delivered. */
void backlog_forget(struct backlog *b, uint64_t bytes);
/* Bytes of the file that are in use. */
uint64_t backlog_bytes(const struct backlog *b);
