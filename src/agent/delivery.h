/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what is recorded gets where it is to go: a check of the agent's health for each flusher
 * of each pipeline, "flusher:PIPELINE/NAME". Reader thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/pipelines.h"
#include "control/health.h"

struct delivery_check {
	struct health_check *health;
	uint64_t n_dropped; /* when it was judged last */
};

struct delivery {
	struct health *health; /* lives longer */
	struct delivery_check *checks;
	size_t n;
};

void delivery_init(struct delivery *d, struct health *health);
void delivery_done(struct delivery *d);

/*
 * The pipelines have changed: checks that were there begin anew. 0 or -ENOMEM: then there are none.
 */
int delivery_follow(struct delivery *d, const struct pipelines *pipelines);

/* Fails: a flusher whose last attempt failed, or one for which records were dropped since. */
void delivery_judge(struct delivery *d, const struct pipelines *pipelines, uint64_t now_ns);
