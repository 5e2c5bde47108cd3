/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pipeline is made of, for load.c, which builds it, and pipeline.c, which runs it.
 * Everything lies in struct pipeline: pipelines share nothing, and each is used by one thread at a
 * time.
 *
 *   batch ─► stages (processors) ─► feeds (one per encoding) ─► outlets (flushers)
 */
#pragma once

#include "codec/json.h"
#include "conf/node.h"
#include "pipeline/pipeline.h"

/* A plugin in use. */
struct part {
	struct instance instance;
	bool is_started; /* or half started: stop() is due */
};

/* Records in one encoding, for all outlets that want it so. */
struct feed {
	struct encoding encoding;
	struct json_schema *schema;
	struct buf bytes;
	size_t *ends;
	size_t n, cap; /* of ends */
};

struct outlet {
	struct part part;
	const struct flusher *flusher;
	size_t feed;	     /* index in pipeline.feeds */
	size_t done;	     /* bytes of the feed that are in custody */
	bool is_settled;     /* nothing more is tried with what the feeds hold now */
	bool is_gone;	     /* for good */
	uint64_t n_unsaid;   /* records dropped since the last log line about it */
	uint64_t said_at_ns; /* 0: never; CLOCK_MONOTONIC */
	int reason;	     /* negative errno of the last drop */
};

struct pipeline {
	char *name;
	struct conf_node *tree; /* positions point into it */
	bool is_enabled;
	struct part *inputs, *stages;
	size_t n_inputs, n_stages;
	struct outlet *outlets;
	size_t n_outlets;
	struct feed *feeds;
	size_t n_feeds;
	struct demand demand;
	struct buf scratch; /* of struct field_view */
	size_t *rest_ends;  /* of a payload that was taken in part; as many as a feed's */
	size_t rest_cap;
	const struct batch *batch; /* borrowed while it is being delivered */
	size_t next; /* its first event that is not in the feeds yet, nor behind them */
	struct pipeline_counters counters;
};

/* Calls plugin->start, if there is one. */
int part_start(struct part *part);
/* Stops what was started, frees what it owns. */
void part_done(struct part *part);
