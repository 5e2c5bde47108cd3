/* SPDX-License-Identifier: Apache-2.0 */
/* The table of subcommands; --help is written from it. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/nearest.h"
#include "base/standard_streams.h"
#include "cli/command.h"

extern const struct command command_run, command_check, command_plugins, command_fields,
	command_record, command_detach, command_status, command_doctor, command_completion,
	command_man, command_version, command_containers;

const struct command *const commands[] = {
	&command_run,
	&command_check,
	&command_status,
	&command_doctor,
	&command_containers,
	&command_plugins,
	&command_fields,
	&command_record,
	&command_detach,
	&command_version,
	&command_completion,
	&command_man,
	NULL,
};

static void print_help(FILE *to)
{
	fputs("Usage: proctrail COMMAND [OPTION]...\n"
	      "\n"
	      "Records what processes do on this machine, as JSON lines.\n"
	      "\n"
	      "Commands:\n",
	      to);
	for (size_t i = 0; commands[i]; i++)
		fprintf(to, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
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
	const char *names[ARRAY_SIZE(commands)] = { NULL };
	const char *nearest;

	for (size_t i = 0; commands[i]; i++)
		names[i] = commands[i]->name;
	nearest = nearest_name(name, names);
	fprintf(stderr, "proctrail: '%s' is no command%s%s%s; see proctrail --help\n", name,
		nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	return CLI_USAGE;
}

static bool is_one_of(const char *text, const char *a, const char *b, const char *c)
{
	return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

int cli_main(int argc, char **argv)
{
	if (standard_streams_complete() < 0)
		return CLI_FAILED; /* and nowhere to say so */
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (is_one_of(argv[1], "--help", "-h", "help")) {
		print_help(stdout);
		return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
	}
	if (is_one_of(argv[1], "--version", "-V", "-v"))
		return command_main(&command_version, 1, argv + 1);
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(argv[1], commands[i]->name) == 0)
			return command_main(commands[i], argc - 1, argv + 1);
	return unknown(argv[1]);
}
