/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline: what one configuration file describes. Owns its plugin instances; built and checked
 * as a whole, then started, fed with batches by the reader, stopped.
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
	uint64_t records;   /* wanted; when no batch is under way: delivered + dropped */
	uint64_t delivered; /* in the custody of every flusher */
	uint64_t dropped; /* that some flusher could not take, or that memory did not suffice for */
	uint64_t bytes;	  /* encoded, all encodings together */
};

/*
 * Builds a pipeline from a file, or from text that is called `name`. Nothing is opened yet. 0;
 * -EINVAL with the findings in diag; -ENOMEM.
 */
int pipeline_load_file(const char *path, struct diag *reterr, struct pipeline **ret);
int pipeline_load_text(const char *name, const char *text, struct diag *reterr,
		       struct pipeline **ret);
struct pipeline *pipeline_free(struct pipeline *p); /* stops what runs */
DEFINE_CLEANUP(struct pipeline *, pipeline_free)

const char *pipeline_name(const struct pipeline *p); /* the file's stem */
bool pipeline_is_enabled(const struct pipeline *p);
/* Borrowed, until the pipeline is freed. */
const struct demand *pipeline_demand(const struct pipeline *p);

/* Starts all instances, flushers first. 0 or a negative errno, after an error was logged. */
int pipeline_start(struct pipeline *p);

/*
 * Encodes and delivers a batch: 0 when it is done with; -EAGAIN when a flusher would block: call
 * pipeline_resume() until it says something else, before the next batch. Until then the batch is
 * borrowed and must stay as it is (events beyond the first slice are not encoded yet). -EPIPE: the
 * batch is done with and no flusher is left, the last one has lost its reader. A flusher that
 * cannot take a record loses it: that is logged and counted here and is no failure of the pipeline.
 */
int pipeline_deliver(struct pipeline *p, const struct batch *batch);
int pipeline_resume(struct pipeline *p);
/* Gives up on the batch under way, if there is one: what is not in custody counts as dropped. */
void pipeline_abandon(struct pipeline *p);

void pipeline_counters(const struct pipeline *p, struct pipeline_counters *ret);
