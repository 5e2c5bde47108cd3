/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flusher_blackhole: takes everything and keeps nothing. For measuring what comes before a flusher:
 * collecting, folding, filters and encoding are done as for any other.
 */
#include "plugin/plugin.h"

static const struct option options[] = {
	{ .type = OPTION_END },
};

static int blackhole_flush(struct instance *self __attribute__((unused)), const struct payload *in,
			   size_t *ret_done)
{
	*ret_done = in->bytes.n;
	return 0;
}

static bool blackhole_is_prompt(struct instance *self __attribute__((unused)))
{
	return true;
}

const struct flusher flusher_blackhole = {
	.base = {
		.name = "flusher_blackhole",
		.help = "Take all records and discard them. They are filtered, encoded and counted as for any other flusher, "
			"so it shows what a pipeline costs without its output, and how many records a configuration would deliver.",
		.options = options,
	},
	.flush = blackhole_flush,
	.is_prompt = blackhole_is_prompt,
};
