/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of what is known of containers, started as the agent starts them, without an agent:
 * what each looks for, finds and says. Main thread only.
 */
#pragma once

#include "agent/sources.h"
#include "base/buf.h"

struct container_list;

struct source_trial {
	struct source_tried {
		const struct source_kind *kind;
		bool is_wanted; /* by the settings */
		void *self;	/* NULL: it was not started */
		int r;		/* why not */
		struct source_places places;
	} items[SOURCE_KINDS];
};

/*
 * Starts those that the settings name; they tell `list`, which must outlive them. 0 or -ENOMEM;
 * source_trial_done() in every case.
 */
int source_trial_start(struct source_trial *t, const struct agent_settings *settings,
		       struct container_list *list);
void source_trial_done(struct source_trial *t);

/*
 * Until none is still about to find out what there is, and all has been told, or the time is over.
 */
void source_trial_wait(const struct source_trial *t, struct container_list *list,
		       unsigned int seconds);

/* SOURCE_OFF for one that was not started. */
void source_trial_state(const struct source_tried *one, struct source_state *ret);

/* A JSON line of each. */
void source_trial_format(const struct source_trial *t, struct buf *out);
