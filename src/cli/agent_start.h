/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` and `record` have in common. */
#pragma once

#include "agent/agent.h"
#include "cli/line_settings.h"

/* As line_settings_load(), and sets up the log by them. */
int agent_start_settings(const struct command_line *line, struct agent_settings *ret);

/* The same, and runs the agent; fills `options->settings` itself. Returns an exit code. */
int agent_start(const struct command_line *line, struct agent_options *options);
