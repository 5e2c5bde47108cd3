/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent shows of itself: metrics, health, the control sockets. Fed by the reader thread,
 * asked by the sockets' own.
 */
#pragma once

#include "agent/agent.h"
#include "agent/counters.h"
#include "agent/delivery.h"
#include "agent/naming.h"
#include "agent/reader.h"
#include "agent/sources.h"
#include "control/control.h"
#include "metrics/process.h"

struct observer {
	struct metrics *metrics;
	struct health health;
	bool has_health;
	struct agent_counters counters;
	struct process_metrics process;
	struct metric_set *agent_set, *reader_set, *memory_set, *enrichment_set, *naming_set;
	struct sources *sources; /* borrowed; NULL: none */
	struct naming *naming;	 /* the same */
	struct control *control;
	struct delivery delivery;
	uint64_t updated_ns; /* CLOCK_MONOTONIC */
};

/* Makes the metrics; nothing listens yet. 0 or a negative errno. */
int observer_init(struct observer *o, struct reader *r);
void observer_done(struct observer *o);

/* Opens the sockets. 0 or a negative errno, logged. */
int observer_listen(struct observer *o, const struct agent_settings *settings);

/* At each turn of the reader, once it is ready. What is costly is done once in a second. */
void observer_turn(struct observer *o, const struct reader *r);

/* The pipelines have changed, or the agent has begun: what /status says of them. */
void observer_describe(struct observer *o, const struct reader *r, const char *node);
