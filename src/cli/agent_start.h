/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` and `record` have in common. */
#pragma once

#include "agent/agent.h"
#include "cli/command.h"

/* The row for --agent-config. */
#define AGENT_CONFIG_OPTION                                                                       \
	{                                                                                         \
		.name = "agent-config", .argument = "FILE",                                       \
		.help = "the agent's settings (default: " AGENT_SETTINGS_PATH ", if it is there)" \
	}

/*
 * Reads the settings, from the file and the flags of the line, and sets up the log by them. CLI_OK,
 * or what is wrong was told. agent_settings_done() in every case, *ret being zeroed before.
 */
int agent_start_settings(const struct command_line *line, struct agent_settings *ret);

/* The same, and runs the agent; fills `options->settings` itself. Returns an exit code. */
int agent_start(const struct command_line *line, struct agent_options *options);
