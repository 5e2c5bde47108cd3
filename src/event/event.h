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
	CALL_SNAPSHOT,	/* not asked for by CallNames, but by the input's Snapshot */
	CALL_LOST,	/* in every pipeline, whatever it asks for; has no image */
	CALL_CONTAINER, /* the same: what was learned of a container after its events went out */
	_CALL_MAX,
};

enum loss_reason {
	LOSS_RING_FULL,	  /* the ring had no room */
	LOSS_BUDGET,	  /* a control group was over its budget */
	LOSS_SKIPPED,	  /* the kernel did not run the program */
	LOSS_NOT_RUNNING, /* nothing or not everything was attached: not counted */
	LOSS_UNREADABLE,  /* records were there and cannot be read any more: not counted */
	LOSS_QUEUE,	  /* the flusher was too slow for its queue */
	LOSS_WRITE,	  /* the flusher could not write */
	_LOSS_MAX,
};

/* The values of lost.reason. */
const char *loss_reason_to_string(enum loss_reason reason);

/* Records that are missing. Not counted: the numbers are unknown, and not shown. */
struct loss {
	enum loss_reason reason;
	bool is_counted;
	uint64_t exec, exit, fork, other;
	int64_t since_ns, until_ns; /* wall clock: the last record before, the first one after */
};

/* The names of call_name's values: CallNames, and the records themselves. */
const char *call_to_string(enum call call);
/* 0, or -EINVAL. */
int call_from_string(struct str s, enum call *ret);

/* What holds for all records of a log. Program lifetime; changed by the fold, between batches. */
struct node {
	uint64_t stamp;	    /* another one with each change */
	struct str name;    /* in exec_id */
	struct str address; /* __host_ip__ */
};

struct event {
	enum call call;
	const struct image *image; /* NULL: see call_has_image() */
	const struct node *node;
	const struct event_exit *exit;	   /* CALL_EXIT only; NULL: inferred, nobody saw it */
	const struct loss *loss;	   /* CALL_LOST only */
	const struct container *container; /* CALL_CONTAINER only; others have their image's */
	uint32_t tid;			   /* of the thread that did it */
	uint64_t boot_ns;		   /* when, boot time */
	uint64_t seq;	     /* position of the record in the ring: the order of the log */
	uint64_t held_until; /* where in the log it is told, if it was held back; else 0 */
	int64_t time_ns;     /* wall clock, since the epoch */
};

/* What is told of no process goes past every filter, into every pipeline. */
static inline bool call_has_image(enum call call)
{
	return call != CALL_LOST && call != CALL_CONTAINER;
}

/* Where in the log it is told: never falls within a batch. */
static inline uint64_t event_position(const struct event *ev)
{
	return ev->held_until ? ev->held_until : ev->seq;
}

/* Whole seconds of time_ns since the epoch, downwards. */
static inline int64_t event_second(const struct event *ev)
{
	return ev->time_ns / 1000000000 - (ev->time_ns % 1000000000 < 0);
}
