/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail version`. */
#include "base/cleanup.h"
#include "cli/command.h"

static int version_run(const struct command_line *line)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	buf_put_str(&out, STR("proctrail " PROCTRAIL_VERSION "\n"));
	return command_print(line, &out);
}

const struct command command_version = {
	.name = "version",
	.summary = "Print the version",
	.text = "Prints the version on one line.",
	.example = "proctrail version",
	.failure = "it could not be written",
	.run = version_run,
};
