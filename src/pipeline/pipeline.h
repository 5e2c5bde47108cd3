/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline: what one configuration file describes. Owns its plugin instances; built and checked as a
 * whole, then started, fed with batches by the reader, stopped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "conf/diag.h"
#include "event/batch.h"
#include "plugin/plugin.h"

struct pipeline;

struct pipeline_counters {
	uint64_t records;   /* handed to the flushers, encoded */
	uint64_t delivered; /* records in the custody of every flusher */
	uint64_t dropped;   /* records that a flusher could not take */
	uint64_t bytes;	    /* encoded */
};

/*
 * Builds a pipeline from a file, or from text that is called `name`. Nothing is opened yet. 0; -EINVAL with
 * the findings in diag; -ENOMEM.
 */
int pipeline_load_file(const char *path, struct diag *reterr, struct pipeline **ret);
int pipeline_load_text(const char *name, const char *text, struct diag *reterr, struct pipeline **ret);
struct pipeline *pipeline_free(struct pipeline *p); /* stops what runs */
DEFINE_CLEANUP(struct pipeline *, pipeline_free)

const char *pipeline_name(const struct pipeline *p); /* the file's stem */
bool pipeline_is_enabled(const struct pipeline *p);
/* Borrowed, until the pipeline is freed. */
const struct demand *pipeline_demand(const struct pipeline *p);

/* Starts all instances, flushers first. 0 or a negative errno, after an error was logged. */
int pipeline_start(struct pipeline *p);

/*
 * Encodes and delivers a batch: 0 when every flusher has it in custody; -EAGAIN when one would block:
 * call pipeline_resume() until it says 0, before the next batch; other errors: that flusher is gone for
 * good (a closed pipe), its records are counted as dropped.
 */
int pipeline_deliver(struct pipeline *p, const struct batch *batch);
int pipeline_resume(struct pipeline *p);

void pipeline_counters(const struct pipeline *p, struct pipeline_counters *ret);
