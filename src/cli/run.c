/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail run`: the main job. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/agent_start.h"

static int run(const struct command_line *line)
{
	_cleanup_(freep) const char **configs = calloc(line->n_values + 1, sizeof(*configs));
	struct agent_options options = { .configs = configs,
					 .replay = command_get(line, "replay") };

	if (!configs) {
		fputs("proctrail run: out of memory\n", stderr);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < line->n_values; i++) {
		const struct command_value *value = &line->values[i];

		if (value->option && strcmp(value->option->name, "config") == 0)
			configs[options.n_configs++] = value->text;
	}
	return agent_start(line, &options);
}

static const struct command_option options[] = {
	{ .letter = 'c',
	  .name = "config",
	  .argument = "PATH",
	  .help = "a pipeline, in YAML or JSON, or a folder of which every *.yaml, *.yml and *.json is one; may "
		  "be given again",
	  .is_repeatable = true },
	AGENT_CONFIG_OPTION,
	{ .name = "replay",
	  .argument = "FILE",
	  .help = "fold a recording again instead of the kernel's stream; needs no root" },
	{ 0 },
};

const struct command command_run = {
	.name = "run",
	.summary = "Run the agent: record processes, deliver them through pipelines",
	.text = "Records the processes of this machine and delivers them through pipelines. Without --config it "
		"prints JSON lines on stdout. Needs root. SIGTERM or Ctrl-C end it.",
	.example = "proctrail run --config /etc/proctrail/pipelines",
	.failure = "the configuration is wrong, or the agent could not go on",
	.options = options,
	.settings = agent_settings_options,
	.run = run,
};
