/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipelines that run: started from files and folders, and kept in step with them. A file that
 * changes replaces its pipeline between two batches, so that each record goes through the one or
 * the other; a file that is wrong leaves what runs. On the reader thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/metrics.h"
#include "pipeline/pipeline.h"
#include "pipeline/set.h"

struct running {
	struct pipeline *pipeline;
	uint64_t fingerprint;
	bool is_new; /* its snapshot is due, if it asks for one */
	enum fate { FATE_STAYS, FATE_CHANGES, FATE_ENDS } fate; /* during a reload */
};

struct pipelines {
	const char *const *paths; /* files and folders; borrowed */
	size_t n_paths;
	struct metrics *metrics;      /* borrowed; NULL: none */
	uint32_t self_pid;	      /* the agent's own, for ExcludeSelf; 0: in a replay */
	size_t queue_bytes;	      /* of each flusher; 0: as much as any may have */
	struct pipeline_state state;  /* what they leave for the next agent; zeros: nothing */
	struct pipeline_files loaded; /* and not started yet */
	struct running *items;
	size_t n;
	struct pipeline_totals retired; /* of those that run no more */
	char **environment; /* the variables that any of them asks for, ended by NULL; NULL: none */
};

/* What all of them together ask of the sensor. */
struct pipelines_demand {
	bool wants_ext;
	uint32_t max_args;
	const char *const *environment; /* borrowed until the next change; NULL: none */
};

void pipelines_init(struct pipelines *p, const char *const *paths, size_t n_paths,
		    struct metrics *m);
void pipelines_done(struct pipelines *p); /* stops what runs, at once */

/*
 * Loads them: from the paths, or, without any, from text. Nothing is opened yet. Findings are
 * printed on stderr. A pipeline that is wrong is left out; -EINVAL when none is left that is
 * enabled. Other errors are logged.
 */
int pipelines_load(struct pipelines *p, const char *text);
/* Of those that were loaded and will be started. */
size_t pipelines_n_flushers(const struct pipelines *p);
/* Starts those that were loaded. One that cannot start is left out, unless it is the last. */
int pipelines_start(struct pipelines *p);

/* Of those that run. */
size_t pipelines_n_running_flushers(const struct pipelines *p);
/* What the queue of each flusher may hold, of those that run and of those that are to come. */
void pipelines_bound_queues(struct pipelines *p, size_t bytes);

enum pipelines_reload { RELOAD_APPLIED, RELOAD_PARTLY };

/*
 * Loads the paths anew and changes what has changed. RELOAD_PARTLY: something was wrong, and left
 * as it was.
 */
enum pipelines_reload pipelines_reload(struct pipelines *p);

void pipelines_demand(const struct pipelines *p, struct pipelines_demand *ret);

/*
 * To all, as pipeline_take() and pipeline_push(). Those that leave nothing out are first: for them
 * all that an encoder writes is in one piece, which they show without a copy (pipeline/sheet.h).
 */
void pipelines_take(const struct pipelines *p, const struct batch *stride, uint64_t begin,
		    uint64_t bound);
void pipelines_push(const struct pipelines *p, uint64_t bound);
/* After all were pushed to: as pipeline_serve(). */
void pipelines_serve(const struct pipelines *p, const struct post *post);

/* Some flusher of some pipeline has room; all of all have. */
bool pipelines_any_room(const struct pipelines *p);
bool pipelines_all_room(const struct pipelines *p);
/* No flusher of any is left that could take something. */
bool pipelines_are_gone(const struct pipelines *p);
/* Where the oldest batch begins that is not in everybody's custody; UINT64_MAX: all are. */
uint64_t pipelines_pending(const struct pipelines *p);
/* What was queued from before this is written to backlogs, where the flushers are behind. */
void pipelines_secure(struct pipelines *p, uint64_t before);
void pipelines_reopen(struct pipelines *p);
/* Lets them finish until then, and stops them; counters stay. */
void pipelines_stop(struct pipelines *p, uint64_t deadline_ns);
void pipelines_totals(const struct pipelines *p, struct pipeline_totals *ret);
