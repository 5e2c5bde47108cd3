/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin in use: made while the configuration is loaded, started, stopped, freed. */
#pragma once

#include "metrics/metrics.h"
#include "plugin/plugin.h"

/* Of a processor; a flusher counts in struct outlet_counters. */
struct part_counters {
	metric_value in, dropped; /* records */
};

extern const struct metric part_metrics[];

struct part {
	struct instance instance;
	size_t index;	 /* in its list of the configuration */
	bool is_filled;	 /* its options are right */
	bool is_started; /* or half started: stop() is due */
	struct part_counters counters;
	struct metric_set *metric_set; /* the pipeline's */
};

/* Calls plugin->start, if there is one. 0 or a negative errno, after an error was logged. */
int part_start(struct part *part);
void part_stop(struct part *part);
/* Stops what was started, frees what it owns. */
void part_done(struct part *part);
