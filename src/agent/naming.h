/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users in containers: between the fold, which asks and lets events wait, and the threads
 * that read the containers' files. On the reader thread; it waits for nobody.
 */
#pragma once

#include "agent/facts.h"
#include "enrich/container_users.h"
#include "metrics/metrics.h"
#include "proc/fold.h"

struct reader;

struct naming_counters {
	metric_value questions, refused, named, unnamed, unknown, hung, changed, evicted;
	metric_value hanging, files, places; /* as struct container_users_state has them */
};

extern const struct metric naming_metrics[];

struct naming {
	struct container_users *users; /* owned; NULL: nobody is asked */
	struct facts *facts;	       /* borrowed */
	uint32_t host_mnt_ns;	       /* the mount namespace of the host; 0: unknown */
	struct naming_counters counters;
};

int naming_start(struct naming *n, struct facts *facts); /* 0 or a negative errno */
void naming_done(struct naming *n);

/* A fold_inner_user_fn; ctx is the naming. */
size_t naming_answer(void *naming, const struct inner_user_question *q, void *to, size_t size);

/* Folds what has been found out. 0 or as reader_fold(). */
int naming_turn(struct naming *n, struct reader *r);
/* After the journal was folded: asks again for what the last agent was not told. */
void naming_resume(struct naming *n, const struct fold *fold);
void naming_count(struct naming *n); /* the metrics are as of now */
