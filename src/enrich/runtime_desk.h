/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sources that ask a container runtime have in common: where its socket is looked for,
 * the questions that wait, the containers that it has, the state that is reported, and the one who
 * is told. The threads of a source share it; it locks itself, and never while it calls the sink.
 */
#pragma once

#include <pthread.h>

#include "base/str.h"
#include "enrich/ask_queue.h"
#include "enrich/container_set.h"
#include "enrich/container_source.h"

#define RUNTIME_MAX_CONTAINERS \
	10000 /* that are known to be there; of others nobody says that they go */
#define RUNTIME_PATIENCE_MS 2000u
#define RUNTIME_MAX_ASKS 4096 /* further ones are answered at once, by nothing, and failures */

struct runtime_desk {
	const char *name; /* for the log */
	struct container_sink sink;
	char **sockets; /* looked for in this order; ended by NULL */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: */
	bool is_ending;
	bool was_ready;
	unsigned int chance; /* of the back-off */
	struct source_state state;
	struct ask_queue asks;
	struct container_set known;
};

/*
 * How long a runtime may take to say something of one container, where somebody waits so long for
 * it: as long, but 2 seconds at least, as it is news afterwards.
 */
static inline unsigned int runtime_desk_patience_ms(unsigned int wait_ms)
{
	return wait_ms > RUNTIME_PATIENCE_MS ? wait_ms : RUNTIME_PATIENCE_MS;
}

/*
 * 0 or -ENOMEM; what is given is copied, `name` is borrowed. Its state is SOURCE_CONNECTING until
 * somebody has looked.
 */
int runtime_desk_init(struct runtime_desk *d, const char *name, const char *const *sockets,
		      const struct container_sink *sink);
void runtime_desk_done(struct runtime_desk *d);

/*
 * As struct container_source has them. What is known already is answered at once, on the caller's
 * thread, as a runtime may take long to say it once more; whatever may be missing is wanted then.
 */
void runtime_desk_ask(struct runtime_desk *d, const char id[CONTAINER_ID_LEN]);
void runtime_desk_get_state(struct runtime_desk *d, struct source_state *ret);

/* From now on all that waits returns. */
void runtime_desk_end(struct runtime_desk *d);
bool runtime_desk_is_ending(struct runtime_desk *d);

/*
 * The first socket that is there, or the first one behind `last`, which was found before; borrowed;
 * NULL: none.
 */
const char *runtime_desk_find_socket(const struct runtime_desk *d, const char *last);

/* Something is wanted of a container for which nobody waits yet. */
void runtime_desk_want(struct runtime_desk *d, const char id[CONTAINER_ID_LEN]);
/*
 * A container was started, at that time: whether more may be known of it now. Not so where all is
 * known but for the start, which is known by its first process, or the start itself; one of which
 * an earlier start is known is asked for.
 */
bool runtime_desk_wants_start(struct runtime_desk *d, const char id[CONTAINER_ID_LEN],
			      int64_t at_ns);

/* Waits for a question, at most so long; 0: as long as it takes. */
enum runtime_question {
	RUNTIME_QUESTION,
	RUNTIME_NO_QUESTION, /* the time is over */
	RUNTIME_ENDING,
};
enum runtime_question runtime_desk_wait(struct runtime_desk *d, unsigned int ms,
					char ret_id[CONTAINER_ID_LEN], bool *ret_is_waited_for);

/* Waits, and lets those who ask meanwhile know that nothing is known. false: it is to end. */
bool runtime_desk_pause(struct runtime_desk *d, unsigned int ms);
/* The same, without waiting. */
void runtime_desk_dismiss(struct runtime_desk *d);

/* What is told goes on to the sink. */
void runtime_desk_tell(struct runtime_desk *d, const struct container_facts *facts);
void runtime_desk_gone(struct runtime_desk *d, const char id[CONTAINER_ID_LEN]);
/* The end of an answer; `knew` says whether something was told. */
void runtime_desk_answered(struct runtime_desk *d, const char id[CONTAINER_ID_LEN], bool knew);

/* Around a listing that tells of all: who is not in it has gone. */
void runtime_desk_begin_listing(struct runtime_desk *d);
void runtime_desk_end_listing(struct runtime_desk *d);

void runtime_desk_set_off(struct runtime_desk *d);
void runtime_desk_set_ready(struct runtime_desk *d);
/*
 * It is lost, after it was ready, or cannot be reached: r is why. Returns how long to wait:
 * doubled with each failure in a row, which are counted in n_failures, bounded, and by chance.
 */
unsigned int runtime_desk_lost(struct runtime_desk *d, int r, bool was_ready,
			       unsigned int *n_failures);
/* One request failed, no more. */
void runtime_desk_count_failure(struct runtime_desk *d, int r);
