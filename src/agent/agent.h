/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: everything from the configuration to the last record, on one thread. Ends when it is
 * told to (SIGTERM, SIGINT), when its input ends (a replay), or when nobody is left to deliver to.
 */
#pragma once

#include "probe/probe.h"

struct agent_options {
	const char *config;    /* a pipeline file; NULL: the embedded default */
	const char *node_name; /* NULL: the machine's */
	const char *replay;    /* fold this recording instead of the kernel's stream */
	const char *record;    /* no pipelines: write the stream to this file */
	enum probe_hooks hooks;
};

/* 0 after an orderly end; a negative errno, after an error was logged or printed. */
int agent_run(const struct agent_options *options);
