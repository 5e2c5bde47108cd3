/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pipeline is made of, for load.c, which builds it, and pipeline.c, which runs it.
 * Everything lies in struct pipeline: pipelines share nothing but encoders. All of it is the reader
 * thread's but for the outlets' flushers, each of which has a thread of its own.
 *
 *   batch ─► stages (processors) ─► feeds (one per encoding) ─► outlets (flushers)
 */
#pragma once

#include "conf/node.h"
#include "pipeline/chunk.h"
#include "pipeline/encoder.h"
#include "pipeline/outlet.h"
#include "pipeline/part.h"
#include "pipeline/pipeline.h"

/* Records in one encoding, for all outlets that want it so. */
struct feed {
	struct encoding encoding;
	struct encoder *encoder; /* which other pipelines may have, too */
	struct chunk *chunk;	 /* being filled; NULL between batches */
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
	const struct node *node;  /* of the records that are being pushed */
	struct buf scratch;	  /* of struct field_view */
	const char **environment; /* demand.environment's names, ended by NULL; NULL: none */
	uint32_t self_pid;	  /* the agent's, where it makes no records; else 0 */
	bool is_started;
	struct chunk_pool pool;
	struct pipeline_counters counters;
	struct metrics *metrics; /* borrowed; NULL: not shown */
	struct metric_set *metric_set;
};
