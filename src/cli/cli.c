/* SPDX-License-Identifier: Apache-2.0 */
/* The table of subcommands; --help is written from it. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "cli/fields.h"

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct subcommand subcommands[] = {
	{ "run", cli_run, "Run the agent: record processes, deliver them through a pipeline" },
	{ "record", cli_record, "Store the raw stream in a file, for run --replay" },
	{ "fields", cli_fields, "List all fields of a record" },
	{ "version", cli_version, "Print the version" },
};

static void print_help(FILE *to)
{
	fputs("Usage: proctrail COMMAND [OPTION]...\n"
	      "\n"
	      "Records what processes do on this machine, as JSON lines.\n"
	      "\n"
	      "Commands:\n",
	      to);
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
		fprintf(to, "  %-10s %s\n", subcommands[i].name, subcommands[i].help);
	fputs("\n"
	      "proctrail COMMAND --help says more.\n"
	      "\n"
	      "Example, every program that is executed, until Ctrl-C:\n"
	      "  sudo proctrail run | jq -r 'select(.call_name == \"execve\") | [.user, .binary, .arguments] | @tsv'\n"
	      "\n"
	      "Exit codes: 0 done, 1 failed, 2 the command line is wrong\n",
	      to);
}

static int unknown(const char *name)
{
	const char *names[ARRAY_SIZE(subcommands) + 1] = { NULL };
	const char *nearest;

	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
		names[i] = subcommands[i].name;
	nearest = nearest_name(name, names);
	fprintf(stderr, "proctrail: '%s' is no command%s%s%s; see proctrail --help\n", name,
		nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	return CLI_USAGE;
}

int cli_main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0)
		return cli_version(argc - 1, argv + 1);
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].run(argc - 1, argv + 1);
	return unknown(argv[1]);
}
