/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three kinds of plugin. A plugin is one file and ends in one const struct whose symbol is the
 * configuration's `Type:`; plugin/plugins.def lists them. Plugins never include each other. Queues,
 * retries, encoding and counters belong to pipeline/: a flusher only delivers what it is handed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "conf/diag.h"
#include "conf/node.h"
#include "conf/option.h"
#include "event/event.h"
#include "event/field.h"
#include "event/shape.h"

/* One configured use of a plugin. */
struct instance {
	const struct plugin *plugin;
	char *name;  /* "flusher_file" or "flusher_file/2"; in log lines and metric labels */
	void *conf;  /* plugin->conf_size bytes, filled from plugin->options, then frozen */
	void *state; /* plugin->state_size bytes, zeroed */
};

struct plugin {
	const char *name;
	const char *help; /* one full sentence */
	const struct option *options;
	size_t conf_size, state_size;
	/* Optional: rules across options. `map` has the positions. 0 or -EINVAL. */
	int (*check)(const void *conf, const struct conf_node *map, const char *path,
		     struct diag *reterr);
	/* Optional. 0 or a negative errno, after an error was logged. */
	int (*start)(struct instance *self);
	/* Optional; accepts a half-started instance. */
	void (*stop)(struct instance *self);
};

/* What a pipeline asks of the sensor that all pipelines share. */
struct demand {
	uint32_t calls;	   /* bits 1 << enum call */
	uint32_t max_args; /* bytes */
	const struct string_list
		*environment; /* names of variables; borrowed from the configuration */
	bool exclude_self;    /* no records of the agent's own process */
	bool *fields; /* n_fields of them: the wanted ones, for the schema; owned by the demand */
};

struct input {
	struct plugin base;
	/* Fills *ret. 0 or -ENOMEM. */
	int (*demand)(const void *conf, struct demand *ret);
};

enum verdict { VERDICT_KEEP, VERDICT_DROP, _VERDICT_MAX };

struct processor {
	struct plugin base;
	/*
	 * Optional: called once, after the options are filled and before the pipeline runs, in the
	 * order of the pipeline's processors. May change the shape, and prepare self->state from
	 * names that the shape has at this point. `map` and `path` have the positions. 0, -EINVAL
	 * with findings, -ENOMEM; stop() follows in any case.
	 */
	int (*prepare)(struct instance *self, struct shape *shape, const struct conf_node *map,
		       const char *path, struct diag *reterr);
	/*
	 * Optional: keeps or drops a record, whose fields `view` shows as they will be written.
	 * Runs on the reader's thread, for each record: allocates nothing.
	 */
	enum verdict (*process)(struct instance *self, const struct event *ev,
				const struct field_view *view);
};

/* Encoded records, in order. Record i ends before ends[i] and begins where its predecessor ends. */
struct payload {
	struct str bytes;
	const size_t *ends;
	size_t n;
};

/* How a flusher wants its records encoded. */
struct encoding {
	bool time_string;
	bool tags;
};

struct flusher {
	struct plugin base;
	/* Optional: the default is an integer time and no tags. */
	void (*encoding)(const void *conf, struct encoding *ret);
	/*
	 * Takes custody of all of the payload: 0 when it is written where the flusher writes.
	 * -EAGAIN: nothing was taken for good, call again with the rest (`*ret_done` bytes were
	 * taken, a whole number of records or not). Other errors: what is not done is lost; the
	 * pipeline counts and reports it. May block no longer than about 100 ms at a call.
	 */
	int (*flush)(struct instance *self, const struct payload *in, size_t *ret_done);
	/*
	 * Optional: the file or the like that it alone may write to, so that two are found that
	 * write the same: in a form that is the same for both (an absolute path without links). The
	 * caller frees it. NULL: there is none, or memory has run out.
	 */
	char *(*target)(const void *conf);
	/*
	 * Optional: an instance before this one, of the same name, may have ended within a record
	 * that cannot be taken back from a pipe or the like, and comes again as a whole. Called
	 * before the first flush, on the flusher's thread.
	 */
	void (*resume)(struct instance *self);
	/*
	 * Optional: flush() waits for no reader of what it writes, now: most calls take no longer
	 * than copying does. Then it may be called by the agent's reader, while the bytes are in
	 * its cache; never by two at a time. Asked between two flushes.
	 */
	bool (*is_prompt)(struct instance *self);
	/* Optional: SIGHUP came; called between two flushes, on the flusher's thread. */
	void (*reopen)(struct instance *self);
};

/* Registered plugins; NULL-terminated. */
extern const struct input *const inputs[];
extern const struct processor *const processors[];
extern const struct flusher *const flushers[];

/* What all plugins share, of the one at `i`; NULL behind the last of its kind. */
const struct plugin *plugin_input_at(size_t i);
const struct plugin *plugin_processor_at(size_t i);
const struct plugin *plugin_flusher_at(size_t i);
