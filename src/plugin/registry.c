/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins that there are: the only place that names them, from plugins.def. Constant. */
#include "plugin/plugin.h"

#define INPUT(x) extern const struct input input_##x;
#define PROCESSOR(x) extern const struct processor processor_##x;
#define FLUSHER(x) extern const struct flusher flusher_##x;
#include "plugin/plugins.def"
#undef INPUT
#undef PROCESSOR
#undef FLUSHER

#define PROCESSOR(x)
#define FLUSHER(x)
#define INPUT(x) &input_##x,
const struct input *const inputs[] = {
#include "plugin/plugins.def"
	NULL,
};
#undef INPUT
#undef PROCESSOR

#define INPUT(x)
#define PROCESSOR(x) &processor_##x,
const struct processor *const processors[] = {
#include "plugin/plugins.def"
	NULL,
};
#undef PROCESSOR
#undef FLUSHER

#define PROCESSOR(x)
#define FLUSHER(x) &flusher_##x,
const struct flusher *const flushers[] = {
#include "plugin/plugins.def"
	NULL,
};

const struct plugin *plugin_input_at(size_t i)
{
	return inputs[i] ? &inputs[i]->base : NULL;
}

const struct plugin *plugin_processor_at(size_t i)
{
	return processors[i] ? &processors[i]->base : NULL;
}

const struct plugin *plugin_flusher_at(size_t i)
{
	return flushers[i] ? &flushers[i]->base : NULL;
}
