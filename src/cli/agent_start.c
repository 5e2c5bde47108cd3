/* SPDX-License-Identifier: Apache-2.0 */
/* From a command line to a running agent. */
#include "cli/agent_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"

/*
 * Mistakes on the command line are told with the flag's name, those of the file with their place.
 */
static int report(const struct command_line *line, const struct diag *diag)
{
	bool is_usage = false;

	for (size_t i = 0; i < diag->n; i++) {
		const struct diag_entry *e = &diag->entries[i];
		char flag[COMMAND_FLAG_MAX];

		if (strcmp(e->file, AGENT_FLAGS_NAME) != 0)
			continue;
		fprintf(stderr, "proctrail %s: --%s: %s\n", line->command->name,
			command_flag(e->path, flag), e->message);
		is_usage = true;
	}
	if (!is_usage) {
		diag_print(diag, stderr);
		return CLI_FAILED;
	}
	fprintf(stderr, "See proctrail %s --help\n", line->command->name);
	return CLI_USAGE;
}

static int load(const struct command_line *line, struct diag *reterr, struct agent_settings *ret)
{
	_cleanup_(freep) struct agent_flag *flags = calloc(line->n_values + 1, sizeof(*flags));
	size_t n = 0;

	if (!flags)
		return -ENOMEM;
	for (size_t i = 0; i < line->n_values; i++)
		if (line->values[i].setting)
			flags[n++] = (struct agent_flag){ .name = line->values[i].setting->name,
							  .value = line->values[i].text };
	return agent_settings_load(command_get(line, "agent-config"), flags, n, reterr, ret);
}

int agent_start_settings(const struct command_line *line, struct agent_settings *ret)
{
	_cleanup_(diag_done) struct diag diag = { 0 };
	int r;

	r = load(line, &diag, ret);
	if (r == -ENOMEM) {
		fprintf(stderr, "proctrail %s: out of memory\n", line->command->name);
		return CLI_FAILED;
	}
	if (r < 0)
		return report(line, &diag);
	diag_print(&diag, stderr);
	log_setup((enum log_level)ret->log_level, (enum log_format)ret->log_format);
	return CLI_OK;
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
