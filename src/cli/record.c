/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail record`: the raw stream in a file. */
#include "cli/agent_start.h"

static int record_run(const struct command_line *line)
{
	struct agent_options options = { .record = line->operands[0] };

	return agent_start(line, &options);
}

static const struct command_option options[] = { AGENT_CONFIG_OPTION, { 0 } };

const struct command command_record = {
	.name = "record",
	.operands = "FILE",
	.summary = "Store the raw stream in a file, for run --replay",
	.text = "Stores the raw stream of this machine's processes, with everything that any field needs, until "
		"SIGTERM or Ctrl-C. `proctrail run --replay FILE` folds it again, on any machine and without root, to "
		"the records that a running agent would have delivered. The file holds command lines: it is made for "
		"its owner only.",
	.example = "proctrail record /tmp/processes.ptrail",
	.failure = "it could not go on",
	.options = options,
	.settings = agent_settings_options,
	.run = record_run,
};
