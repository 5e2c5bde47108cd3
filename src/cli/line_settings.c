/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/line_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

const struct line_setting line_settings_agent[] = {
	{ "instance", "Instance" },
	{ "socket", "ControlSocket" },
	{ 0 },
};

/* The setting that a value of the line is for; NULL: it is none. */
static const char *setting_of(const struct command_value *value, const struct line_setting *options)
{
	if (value->setting)
		return value->setting->name;
	for (; options && options->option; options++)
		if (strcmp(value->option->name, options->option) == 0)
			return options->setting;
	return NULL;
}

/* The flag that gave the setting which a finding is about: `path` is its name, or an item of it. */
static const char *flag_of(const char *path, const struct line_setting *options,
			   char to[COMMAND_FLAG_MAX])
{
	size_t n = strcspn(path, "[");

	for (; options && options->option; options++)
		if (strlen(options->setting) == n && strncmp(options->setting, path, n) == 0)
			return options->option;
	return command_flag(path, to);
}

static int report(const struct command_line *line, const struct line_setting *options,
		  const struct diag *diag)
{
	bool is_usage = false;

	for (size_t i = 0; i < diag->n; i++) {
		const struct diag_entry *e = &diag->entries[i];
		char flag[COMMAND_FLAG_MAX];

		if (strcmp(e->file, AGENT_FLAGS_NAME) != 0)
			continue;
		fprintf(stderr, "proctrail %s: --%s: %s\n", line->command->name,
			flag_of(e->path, options, flag), e->message);
		is_usage = true;
	}
	if (!is_usage) {
		diag_print(diag, stderr);
		return CLI_FAILED;
	}
	fprintf(stderr, "See proctrail %s --help\n", line->command->name);
	return CLI_USAGE;
}

static int load(const struct command_line *line, const struct line_setting *options,
		struct diag *reterr, struct agent_settings *ret)
{
	_cleanup_(freep) struct agent_flag *flags = calloc(line->n_values + 1, sizeof(*flags));
	size_t n = 0;

	if (!flags)
		return -ENOMEM;
	for (size_t i = 0; i < line->n_values; i++) {
		const char *setting = setting_of(&line->values[i], options);

		if (setting)
			flags[n++] = (struct agent_flag){ setting, line->values[i].text };
	}
	return agent_settings_load(command_get(line, "agent-config"), flags, n, reterr, ret);
}

int line_settings_load(const struct command_line *line, const struct line_setting *options,
		       struct agent_settings *ret)
{
	_cleanup_(diag_done) struct diag diag = { 0 };
	int r;

	r = load(line, options, &diag, ret);
	if (r == -ENOMEM) {
		fprintf(stderr, "proctrail %s: out of memory\n", line->command->name);
		return CLI_FAILED;
	}
	if (r < 0)
		return report(line, options, &diag);
	diag_print(&diag, stderr);
	return CLI_OK;
}
