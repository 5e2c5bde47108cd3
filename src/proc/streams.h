/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the heads of the records tell of losses. Each stream (generation of programs, CPU) numbers
 * its records and counts what it could not deliver, by type, and says both in every record: the
 * difference to its last one was lost between the two. A number that is missing and that no counter
 * explains was a record that could not be read. A stream that is first heard of began with the
 * ring: it has lost what its first record says.
 *
 * Losses gather here, by reason, until they are told of. Reader thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"
#include "base/hash.h"
#include "base/list.h"
#include "event/event.h"

/* Of each reason there may be what was counted, and what nobody counted. */
#define STREAMS_LOSSES (2 * _LOSS_MAX)
#define STREAMS_RECENT 16

struct lost {
	uint64_t exec, exit, fork, other;
};

struct stream {
	struct list lru;
	uint32_t id;	   /* generation, cpu */
	uint32_t head_sum; /* of the counters by type, as the last record had them */
	uint64_t seq;	   /* of the last record */
	uint64_t time_ns;  /* until when its losses are accounted for */
	/* what is accounted for: as the last record had it, or a later look into the map */
	uint32_t exec, exit, fork, other, budget;
	bool is_adopted;    /* what it says next is where it is, not what it lost */
	bool has_no_number; /* the same for the number of its next record */
};

struct untold {
	struct loss loss; /* in boot time */
	bool is_some;
};

struct streams {
	struct hash index;
	struct list lru;		       /* heard of longest ago first */
	struct stream *recent[STREAMS_RECENT]; /* by the CPU's last bits */
	uint64_t ring_begin_ns;		       /* when the ring was made; 0: unknown */
	uint32_t n_adopted; /* streams of generations below it are adopted when first heard of */
	struct lost lost[_LOSS_MAX]; /* ever, by reason */
	struct untold untold[STREAMS_LOSSES];
	unsigned int n_untold;	/* of them that are some */
	bool has_lost_process;	/* forks, execs, exits or what nobody knows, since it was unset */
	bool has_lost_snapshot; /* the same, of the iterator's own records */
};

void streams_init(struct streams *s);
void streams_done(struct streams *s);

/*
 * Accounts for one record; of a STREAM, for the stream that it names, and what was lost since. 0 or
 * -ENOMEM. Other records of the agent itself are not in a stream.
 */
int streams_account(struct streams *s, const struct event_head *head);
/* The same for records that are not there any more. */
int streams_step(struct streams *s, const struct event_stream_step *step);
void streams_gap(struct streams *s, const struct event_gap *gap);
/* Takes what it says for what is accounted for: nothing was lost. 0 or -ENOMEM. */
int streams_restore(struct streams *s, const struct event_stream *e);
/* What streams_restore() needs, but for the head's size, layout and type. */
void streams_store(const struct stream *stream, struct event_stream *ret);

/* The ring is a new one. */
void streams_begin(struct streams *s, uint64_t ring_begin_ns);
/* A pass begins: what it is to repair is asked for no longer. */
void streams_begin_pass(struct streams *s);
