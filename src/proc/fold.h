/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fold: what the log says, record by record, into the process table and into events for the
 * pipelines. A pure function of the records: no clock, no /proc, no look-up. What only user space
 * can know (names of users, paths of control groups that were there before, the wall clock) comes
 * as records too: the live agent answers `need` with a record, which is folded, and stored, before
 * the one that needed it. So a recording replays to the same bytes anywhere.
 *
 * Called by the reader thread only.
 */
#pragma once

#include "abi/event.h"
#include "event/batch.h"
#include "proc/hold.h"
#include "proc/table.h"

enum need {
	NEED_USER,   /* key: uid */
	NEED_CGROUP, /* key: cgroup id; hierarchy beside it */
};

/*
 * Asked at most once per batch and key for something the fold does not know. Writes a record (USER,
 * CGROUP) into `to` and returns its size, or 0 where there is no answer. Must not block.
 */
typedef size_t fold_need_fn(void *ctx, enum need need, uint64_t key, uint32_t hierarchy, void *to,
			    size_t size);

/* What a container is called. */
struct container_question {
	const char *id;	    /* CONTAINER_ID_LEN hex digits */
	struct str pod_uid; /* by the path of its control group; "": it names no pod */
	bool is_anew;	    /* what was known of it holds no longer: it is started again, or
			       another one has its id */
};

/*
 * Asked for each container before its first event. Writes a record CONTAINER and returns its size:
 * what is known, or AWAITED, and then another one follows through fold_record(), soon; 0: nobody
 * will know. Must not block.
 */
typedef size_t fold_container_fn(void *ctx, const struct container_question *q, void *to,
				 size_t size);

#define INNER_USER_PIDS 4

/* Who a user of a container is, and in which processes its files may be looked at. */
struct inner_user_question {
	const char *container; /* CONTAINER_ID_LEN hex digits */
	uint32_t mnt_ns, uid;
	uint32_t pids[INNER_USER_PIDS]; /* the best first */
	uint32_t n_pids;
	/* It was AWAITED, and is, or is but OVERDUE: somebody has been executed there since. */
	bool is_awaited, is_overdue;
};

/*
 * Asked once for each user of a container, before the first event that shows it. Writes a record
 * INNER_USER and returns its size: the name, or AWAITED, and then another one follows through
 * fold_record(), soon; 0: nobody will know. Must not block.
 * Who has no name yet is asked for again where it may be found now, a few times: 0 leaves it as it
 * is; AWAITED has events wait for one who is OVERDUE again.
 */
typedef size_t fold_inner_user_fn(void *ctx, const struct inner_user_question *q, void *to,
				  size_t size);

/* Told of every record before it is folded, answers to `need` included: the recording's tap. */
typedef void fold_tap_fn(void *ctx, const struct event_head *record);

struct fold_hooks {
	fold_need_fn *need;		/* NULL in a replay */
	fold_container_fn *container;	/* the same */
	fold_inner_user_fn *inner_user; /* the same */
	fold_tap_fn *tap;		/* NULL: nobody listens */
	void *ctx;
};

struct fold;

/* NULL: the default limits; no hooks. 0 or -ENOMEM. */
int fold_new(const struct proc_limits *limits, const struct fold_hooks *hooks, struct fold **ret);
/* All batches that it filled were reset before: their events hold images of the table. */
struct fold *fold_free(struct fold *f);
DEFINE_CLEANUP(struct fold *, fold_free)

/*
 * Folds one record that came from outside. `seq` is its position in the ring; of a fact that the
 * agent wrote, that of the record that comes next. Events that it gives rise to are appended to the
 * batch (batch_init() with fold_release). 0; -EBADMSG, -EPROTO: the record was refused, counted and
 * not folded; -ENOMEM: memory ran out, the record had no or part of its effect.
 *
 * An event has its record's number. What a record tells of losses comes before it, an event
 * CALL_LOST for each reason, and has numbers behind those of the record before; so has what comes
 * of a fact. They follow from the log alone, so that whoever reads it again gives the same events
 * the same numbers.
 */
int fold_record(struct fold *f, const void *record, size_t size, uint64_t seq, struct batch *out);

/*
 * Which environment variables are kept of the programs that are executed from here on: names, ended
 * by NULL, borrowed until the next call; NULL: none.
 */
void fold_set_environment(struct fold *f, const char *const *names);

/*
 * Appends an event CALL_SNAPSHOT for every living process, at that boot time. 0 or -ENOMEM. The
 * order is the table's own.
 */
int fold_each_living(struct fold *f, uint64_t boot_ns, uint64_t seq, struct batch *out);

/* What the table may take from the next trim on, as proc_limits.max_bytes. */
void fold_bound(struct fold *f, size_t max_bytes);

/* After the batch was delivered and reset: bounds are enforced. */
void fold_trim(struct fold *f);

/* The same, and gives up n bytes of the table beyond that, or what may go; counted as eviction. */
void fold_squeeze(struct fold *f, size_t n);

void fold_release(void *fold, struct image *image); /* an image_release_fn */

const struct node *fold_node(const struct fold *f);
void fold_counters(const struct fold *f, struct proc_counters *ret);

/* All events so far have smaller numbers, all that come have not. */
uint64_t fold_next_seq(const struct fold *f);
/*
 * All events with smaller numbers were given out, or are held and in a journal: who reads the log
 * again from the journal's end owes none of them. Where events of the last records are held, that
 * is less than fold_next_seq(): whether they are held the next time depends on answers that no
 * journal has, so that their numbers say nothing.
 */
uint64_t fold_next_owed(const struct fold *f);
/* What is held of what came before that position is in a journal from now on. */
void fold_is_journaled(struct fold *f, uint64_t position);

/* Nobody knows which numbers were used before that position: what comes gets others. */
void fold_forget_seq(struct fold *f, uint64_t position);

/* Losses that the records told of, all streams together. */
struct fold_losses {
	uint64_t exec, exit, fork, other;
	uint64_t by_reason[_LOSS_MAX]; /* of all types */
};
void fold_losses(const struct fold *f, struct fold_losses *ret);

/*
 * Whether a pass of the task iterator would know better: forks, execs or exits were lost since the
 * last one began, or it left somebody who was on his way out, or has lost records of its own.
 */
bool fold_wants_pass(const struct fold *f);

/*
 * Within a pass, when the iterator has seen everything: the current images of the processes that
 * it did not show, and that the mark at its end declares ended. The callback may not fold. No
 * order.
 */
typedef void fold_unseen_fn(void *ctx, const struct image_key *key);
void fold_each_unseen(const struct fold *f, fold_unseen_fn *fn, void *ctx);

/* The container whose events have waited longest, and since when (boot time); false: none waits. */
bool fold_waits_longest(const struct fold *f, char ret_id[CONTAINER_ID_LEN],
			uint64_t *ret_since_ns);
/* Whether events of this one wait. */
bool fold_waits_for(struct fold *f, const char id[CONTAINER_ID_LEN]);
bool fold_knows_container(struct fold *f, const char id[CONTAINER_ID_LEN]);
/* All containers that it knows. The callback may not fold. */
typedef void fold_each_container_fn(void *ctx, const struct container *container);
void fold_each_container(const struct fold *f, fold_each_container_fn *fn, void *ctx);
/*
 * The control groups of containers, from slot *cursor on, at most n slots of the table; *cursor is
 * 0 again at its end. The callback may not fold. A group that has gone is told of by a record
 * CGROUP of the agent without a path: then its container goes, too, with its last one.
 */
typedef void fold_each_group_fn(void *ctx, const struct cgroup *cgroup);
void fold_each_container_group(const struct fold *f, size_t *cursor, size_t n,
			       fold_each_group_fn *fn, void *ctx);

/*
 * Behind the last record of a log that nobody goes on with: what waits is appended to the batch as
 * it is, container after container, those that waited longest first. 0 or -ENOMEM.
 */
int fold_end_waiting(struct fold *f, struct batch *out);

/* Whether there are events that wait: a state lacks them. */
bool fold_holds(const struct fold *f);
void fold_hold_counters(const struct fold *f, struct hold_counters *ret);

/*
 * Whether records that were folded may be left out of a journal where nothing is left of their
 * process: not while events wait, which show anybody, nor while a pass runs, which may tell of
 * somebody late.
 */
bool fold_is_steady(const struct fold *f);
/*
 * Whether anything is left of a process that has ended, by its exit record: somebody's parent, or
 * the beginning of a container. `first` is the exec counter that it was forked with.
 */
bool fold_has_trace(const struct fold *f, const struct event_exit *e, uint64_t first);

/*
 * Living processes that show a user whose name is still to come: whoever takes up a journal asks
 * for them again. The callback may not fold.
 */
typedef void fold_each_awaited_fn(void *ctx, const struct inner_user_question *q);
void fold_each_awaited(const struct fold *f, fold_each_awaited_fn *fn, void *ctx);
