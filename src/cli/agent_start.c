/* SPDX-License-Identifier: Apache-2.0 */
/* From a command line to a running agent. */
#include "cli/agent_start.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"

int agent_start_settings(const struct command_line *line, struct agent_settings *ret)
{
	int r = line_settings_load(line, NULL, ret);

	if (r == CLI_OK)
		log_setup((enum log_level)ret->log_level, (enum log_format)ret->log_format);
	return r;
}

int agent_start(const struct command_line *line, struct agent_options *options)
{
	_cleanup_(agent_settings_done) struct agent_settings settings = { 0 };
	int r;

	r = agent_start_settings(line, &settings);
	if (r != CLI_OK)
		return r;
	options->settings = &settings;
	r = agent_run(options);
	options->settings = NULL;
	if (r == -ENOMEM) /* the one error that is not logged where it happens */
		fprintf(stderr, "proctrail %s: out of memory\n", line->command->name);
	return r < 0 ? CLI_FAILED : CLI_OK;
}
