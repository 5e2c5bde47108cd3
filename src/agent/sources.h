/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of what is known of containers, as the settings want them, and the metrics that each
 * shows. Set up by the main thread; the metrics are filled in on the reader thread.
 */
#pragma once

#include "agent/settings.h"
#include "enrich/container_registry.h"
#include "metrics/metrics.h"

struct source_metrics {
	metric_value status; /* enum source_status */
	metric_value questions, answers, failures, reconnects, items;
	struct metric_set *set;
};

extern const struct metric source_metrics_table[];

struct sources {
	struct container_registry *registry; /* NULL: no source is wanted */
	struct source_metrics metrics[REGISTRY_SOURCES];
	size_t n;
};

/*
 * Starts those that are wanted. One that cannot be started is logged and left out. 0 or a negative
 * errno; sources_done() in every case.
 */
int sources_start(struct sources *s, const struct agent_settings *settings, const char *node_name);
void sources_done(struct sources *s);

int sources_show_metrics(struct sources *s, struct metrics *m); /* 0 or -ENOMEM */
void sources_count(struct sources *s);				/* the metrics are as of now */
