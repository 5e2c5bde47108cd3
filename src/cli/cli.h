/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as a whole. */
#pragma once

/* Runs the subcommand that argv[1] names. Returns an exit code (cli/command.h). */
int cli_main(int argc, char **argv);
