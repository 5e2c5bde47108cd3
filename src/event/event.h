/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record as the pipelines see it: views into the process table and into the raw record, valid
 * as long as the batch that holds it. Nothing here is owned.
 */
#pragma once

#include "abi/event.h"
#include "event/image.h"

enum call {
	CALL_EXECVE,
	CALL_EXIT,
	CALL_CLONE,
	CALL_SNAPSHOT, /* not asked for by CallNames, but by the input's Snapshot */
	_CALL_MAX,
};

/* The names of call_name's values: CallNames, and the records themselves. */
const char *call_to_string(enum call call);
/* 0, or -EINVAL. */
int call_from_string(struct str s, enum call *ret);

/* What holds for all records of a log. Program lifetime; changed by the fold, between batches. */
struct node {
	struct str name;    /* in exec_id */
	struct str address; /* __host_ip__ */
};

struct event {
	enum call call;
	const struct image *image;
	const struct node *node;
	const struct event_exit *exit; /* CALL_EXIT only */
	uint32_t tid;		       /* of the thread that did it */
	uint64_t boot_ns;	       /* when, boot time */
	uint64_t seq;	 /* position of the record in the ring: the order of the log */
	int64_t time_ns; /* wall clock, since the epoch */
};
