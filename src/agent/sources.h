/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of what is known of containers, as the settings want them, and the metrics that each
 * shows. Set up by the main thread; the metrics are filled in on the reader thread.
 */
#pragma once

#include "agent/settings.h"
#include "base/cleanup.h"
#include "enrich/container_registry.h"
#include "metrics/metrics.h"

struct source_metrics {
	metric_value status; /* enum source_status */
	metric_value questions, answers, failures, reconnects, items;
	struct metric_set *set;
};

extern const struct metric source_metrics_table[];

/* Where a source looks: a path as the agent finds it, or the address of a server. */
struct source_place {
	char *text;
	bool is_there; /* of a server nobody knows before he asks: true */
};

struct source_places {
	struct source_place *items;
	size_t n;
};

void source_places_done(struct source_places *places);

struct source_start {
	const struct source_kind *kind; /* which one */
	const struct agent_settings *settings;
	const char *node_name;
	struct container_sink sink;
};

#define SOURCE_LISTS 4

/* One that can be asked. */
struct source_kind {
	const struct container_source *source;
	const char *title; /* for people */
	enum source_stage stage;
	int (*start)(const struct source_start *s, void **ret); /* 0 or a negative errno */
	/* Where it looks: the offsets of struct agent_settings' lists of paths, ended by 0 ... */
	size_t lists[SOURCE_LISTS];
	/* ... and what else there is, or NULL. Adds to the places: 0 or -ENOMEM. */
	int (*look)(const struct agent_settings *settings, struct source_places *places);
};

#define SOURCE_FILES 0
#define SOURCE_KINDS 5
extern const struct source_kind source_kinds[SOURCE_KINDS];

/* Whether the settings name it. */
bool source_is_wanted(const struct source_kind *kind, const struct agent_settings *settings);
/* Adds the places that it looks into, in their order. 0 or -ENOMEM. */
int source_look(const struct source_kind *kind, const struct agent_settings *settings,
		struct source_places *places);

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
