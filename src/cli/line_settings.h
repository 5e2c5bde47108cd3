/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's settings, as the file and a command line give them. */
#pragma once

#include "agent/settings.h"
#include "cli/command.h"

/* The row for --agent-config. */
#define AGENT_CONFIG_OPTION                                                                       \
	{                                                                                         \
		.name = "agent-config", .argument = "FILE",                                       \
		.help = "the agent's settings (default: " AGENT_SETTINGS_PATH ", if it is there)" \
	}

/* An option of a command that stands for a setting, as --docker does for DockerSockets. */
struct line_setting {
	const char *option, *setting;
};

/* --instance and --socket of whoever asks an agent. */
extern const struct line_setting line_settings_agent[];

/*
 * Reads the file that --agent-config names, or the one that is there, and has the flags of the line
 * in place of what it says: those that are settings themselves, and those of `options` (ended by a
 * row without an option; may be NULL). CLI_OK, or what is wrong was told: by the flag's name what
 * stands on the line, with its place what is in the file. agent_settings_done() in every case, *ret
 * being zeroed before.
 */
int line_settings_load(const struct command_line *line, const struct line_setting *options,
		       struct agent_settings *ret);
