/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources that ask container runtimes, as the command line names them. Main thread only.
 */
#pragma once

#include "base/buf.h"
#include "cli/command.h"
#include "enrich/container_source.h"

#define RUNTIME_SOURCES_MAX 3

struct container_list;

struct runtime_sources {
	struct runtime_source {
		const struct container_source *source;
		void *self;
	} items[RUNTIME_SOURCES_MAX];
	size_t n;
};

/*
 * Starts those that the options --docker, --podman and --cri do not switch off; they tell `list`,
 * which must outlive them. 0 or a negative errno; runtime_sources_done() in every case.
 */
int runtime_sources_start(struct runtime_sources *s, const struct command_line *line,
			  struct container_list *list);
void runtime_sources_done(struct runtime_sources *s);

/* None is still about to find out what there is. */
bool runtime_sources_have_settled(const struct runtime_sources *s);

/* A JSON line of each. */
void runtime_sources_format(const struct runtime_sources *s, struct buf *out);
