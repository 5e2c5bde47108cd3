/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail record`: the raw stream in a file. */
#include <getopt.h>
#include <stdio.h>

#include "agent/agent.h"
#include "cli/cli.h"

static const char help[] =
	"Usage: proctrail record FILE\n"
	"\n"
	"Stores the raw stream of this machine's processes, with everything that any field needs, until SIGTERM or\n"
	"Ctrl-C. `proctrail run --replay FILE` folds it again, on any machine and without root, to the records that\n"
	"a running agent would have delivered. The file holds command lines: it is made for its owner only.\n"
	"\n"
	"      --node-name NAME  the node in exec_id (default: the machine's name)\n"
	"  -h, --help\n"
	"\n"
	"Example:\n"
	"  proctrail record /tmp/processes.ptrail\n"
	"\n"
	"Exit codes: 0 ended in order, 1 failed, 2 the command line is wrong\n";

int cli_record(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "node-name", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct agent_options options = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			return CLI_OK;
		}
		if (opt != 'n') {
			fputs("See proctrail record --help\n", stderr);
			return CLI_USAGE;
		}
		options.node_name = optarg;
	}
	if (argc - optind != 1) {
		fputs("proctrail record: one FILE is needed; see proctrail record --help\n",
		      stderr);
		return CLI_USAGE;
	}
	options.record = argv[optind];
	return agent_run(&options) < 0 ? CLI_FAILED : CLI_OK;
}
