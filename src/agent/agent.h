/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: everything from the configuration to the last record. Ends when it is told to
 * (SIGTERM, SIGINT), when its input ends (a replay), or when nobody is left to deliver to. SIGHUP:
 * files are opened anew, and the pipelines loaded anew.
 */
#pragma once

#include "agent/settings.h"

struct agent_options {
	const struct agent_settings *settings;
	const char *const *configs; /* files and folders of pipelines; none: the embedded default */
	size_t n_configs;
	const char *replay; /* fold this recording instead of the kernel's stream */
	const char *record; /* no pipelines: write the stream to this file */
};

/* 0 after an orderly end; a negative errno, after an error was logged or printed. */
int agent_run(const struct agent_options *options);
