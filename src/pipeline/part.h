/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin in use: made while the configuration is loaded, started, stopped, freed. */
#pragma once

#include "plugin/plugin.h"

struct part {
	struct instance instance;
	size_t index;	 /* in its list of the configuration */
	bool is_filled;	 /* its options are right */
	bool is_started; /* or half started: stop() is due */
};

/* Calls plugin->start, if there is one. 0 or a negative errno, after an error was logged. */
int part_start(struct part *part);
void part_stop(struct part *part);
/* Stops what was started, frees what it owns. */
void part_done(struct part *part);
