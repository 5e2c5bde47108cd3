/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/part.h"

#include <stdlib.h>

#define PART(m) .offset = offsetof(struct part_counters, m)

const struct metric part_metrics[] = {
	{ "processor_in_records_total", METRIC_COUNTER, PART(in),
	  .help = "Records that the processor looked at." },
	{ "processor_dropped_records_total", METRIC_COUNTER, PART(dropped),
	  .help = "Records that the processor dropped." },
	{ .type = METRIC_END },
};

int part_start(struct part *part)
{
	struct instance *self = &part->instance;

	part->is_started = true;
	return self->plugin->start ? self->plugin->start(self) : 0;
}

void part_stop(struct part *part)
{
	struct instance *self = &part->instance;

	if (part->is_started && self->plugin->stop)
		self->plugin->stop(self);
	part->is_started = false;
}

void part_done(struct part *part)
{
	struct instance *self = &part->instance;

	part_stop(part);
	if (self->conf)
		options_done(self->plugin->options, self->conf);
	free(self->conf);
	free(self->state);
	free(self->name);
	*part = (struct part){ 0 };
}
