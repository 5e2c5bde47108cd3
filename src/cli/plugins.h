/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in a configuration, as the option tables have it. */
#pragma once

#include "base/buf.h"
#include "plugin/plugin.h"

enum plugins_format {
	PLUGINS_TEXT,
	PLUGINS_JSON,
	PLUGINS_MARKDOWN, /* docs/reference/plugins.md */
	PLUGINS_SCHEMA,	  /* JSON Schema of a pipeline's file, for editors */
};

/* All plugins, or the one. */
void plugins_format(struct buf *out, enum plugins_format format, const struct plugin *only);
/* The same of the agent's own settings; PLUGINS_MARKDOWN is docs/reference/settings.md. */
void settings_format(struct buf *out, enum plugins_format format);
