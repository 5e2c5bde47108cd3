/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containers are called: between the fold, which asks and lets events wait, and the registry
 * of what is known of containers, which answers when it can. How long events may wait is decided
 * here. On the reader thread; it waits for nobody.
 */
#pragma once

#include "agent/facts.h"
#include "base/buf.h"
#include "enrich/container_registry.h"
#include "enrich/container_users.h"
#include "metrics/metrics.h"
#include "proc/fold.h"

struct reader;

struct enrichment_counters {
	metric_value held, overflowed, waiting, holding; /* as struct hold_counters has them */
	metric_value answered;	 /* containers that were known before the time was up */
	metric_value given_up;	 /* containers whose events went out without it */
	metric_value late;	 /* of these, that were told of afterwards */
	metric_value containers; /* that the sources know, now */
};

extern const struct metric enrichment_metrics[];

struct enrichment {
	/* Set by the owner. */
	struct container_registry *registry; /* borrowed; NULL: nobody is asked */
	struct facts *facts;		     /* borrowed */
	struct container_users *users;	     /* borrowed; NULL: nobody wants to know of folders */
	uint64_t wait_ns;		     /* 0: events do not wait */

	struct enrichment_counters counters;
	struct buf record;
	uint64_t overdue_ns; /* since when the journal is to be written anew; 0: it is not */
	uint64_t swept_ns;   /* when control groups were last looked for that have gone */
	size_t cursor;	     /* of those */
	size_t n_slots;	     /* of the table of groups, that are looked at at a time; 0: not yet */
	bool has_stayed;     /* since the table's beginning none was found that has gone */
};

void enrichment_done(struct enrichment *e);

/* A fold_container_fn; ctx is the enrichment. */
size_t enrichment_answer(void *enrichment, const struct container_question *q, void *to,
			 size_t size);

/*
 * Folds what the registry has found out, and ends the waiting of those whose time is up. 0 or as
 * reader_fold().
 */
int enrichment_turn(struct enrichment *e, struct reader *r);
/* Ends all waiting. */
int enrichment_release(struct enrichment *e, struct reader *r);
/* After the journal was folded: asks again for what the last agent was told of. */
int enrichment_resume(struct enrichment *e, struct reader *r);

/* In how many ms enrichment_turn() is to be called again, at most `ms`. */
int enrichment_due_ms(const struct enrichment *e, const struct fold *fold, int ms);
