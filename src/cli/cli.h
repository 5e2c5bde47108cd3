/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands, and what they share. */
#pragma once

/* Exit codes, documented by every --help. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the configuration is wrong, or the job could not be done */
	CLI_USAGE = 2,	/* the command line is wrong */
};

/* argv[0] is the subcommand's name. Returns an exit code. */
int cli_run(int argc, char **argv);
int cli_record(int argc, char **argv);
int cli_version(int argc, char **argv);

/* Runs the subcommand that argv[1] names. Returns an exit code. */
int cli_main(int argc, char **argv);
