/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail detach`: removes what an agent that is no more has left running. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/settings.h"
#include "agent/store.h"
#include "base/cleanup.h"
#include "cli/agent_start.h"
#include "probe/pins.h"

static int detach_pins(const char *folder)
{
	int n = folder ? pins_remove(folder) : 0;

	if (n < 0)
		return n;
	if (!n)
		printf("nothing is attached by this instance\n");
	else
		printf("detached the probe, and let go of what was in its ring\n");
	return 0;
}

static int remove_state(const struct command_line *line, const char *folder)
{
	size_t n_backlogs = 0;
	int r;

	if (!folder)
		return 0;
	r = store_remove(folder, command_has(line, "drop-backlog"), &n_backlogs);
	if (r == -ENOTEMPTY)
		printf("records of %zu flushers wait in '%s/backlog' for the next start; --drop-backlog drops them\n",
		       n_backlogs, folder);
	else if (r < 0)
		fprintf(stderr, "proctrail detach: cannot remove '%s': %s\n", folder, strerror(-r));
	return r == -ENOTEMPTY ? 0 : r;
}

static int detach(const struct command_line *line)
{
	_cleanup_(agent_settings_done) struct agent_settings settings = { 0 };
	_cleanup_(freep) char *state = NULL, *pins = NULL;
	int r;

	r = agent_start_settings(line, &settings);
	if (r != CLI_OK)
		return r;
	r = agent_settings_folders(&settings, &state, &pins);
	if (r == 0)
		r = detach_pins(pins);
	if (r == 0)
		r = remove_state(line, state);
	return r < 0 ? CLI_FAILED : CLI_OK;
}

static const struct command_option options[] = {
	AGENT_CONFIG_OPTION,
	{ .name = "drop-backlog",
	  .help = "also drop the records that wait for flushers which could not take them" },
	{ 0 },
};

const struct command command_detach = {
	.name = "detach",
	.summary = "Remove what an agent that is no more has left running",
	.text = "An agent that dies, or is stopped with KeepOnStop, leaves the probe attached, so that the next one "
		"goes on where it stopped. This detaches it, and forgets what has waited in the ring and what was known "
		"of the processes. It refuses while an agent of the instance runs.",
	.example = "proctrail detach --instance default",
	.failure = "an agent of this instance runs, or something could not be removed",
	.options = options,
	.settings = agent_settings_options,
	.run = detach,
};
