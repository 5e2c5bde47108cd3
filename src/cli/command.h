/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subcommands, declared once: name, operands, options and texts. Parsing, --help, the man page and
 * the shell completions come from it. A subcommand is one file that ends in one `const struct
 * command`; cli.c lists them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "conf/option.h"

/* Exit codes, in every --help. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the configuration is wrong, or the job could not be done */
	CLI_USAGE = 2,	/* the command line is wrong */
};

struct command_option {
	char letter;	      /* 0: it has a long name only */
	const char *name;     /* without the dashes */
	const char *argument; /* FILE, DIR and PATH are completed as such; NULL: it takes none */
	const char *help;     /* one line, or more with \n between; no full stop */
	const char *const *words; /* the arguments that there are; ended by NULL; NULL: any */
	bool is_repeatable;
};

struct command_line;

struct command {
	const char *name;
	const char *operands;	  /* "PATH..."; [NAME] is optional; NULL: none */
	const char *const *words; /* the operands that there are; ended by NULL; NULL: any */
	const char *summary;	  /* one line: for the list of commands */
	const char *text;    /* paragraphs with an empty line between; without line breaks within */
	const char *example; /* a command line, or more with \n between */
	const char *failure; /* what exit code 1 means here */
	const struct command_option
		*options; /* ended by a row without a name; --help is added; may be NULL */
	/* Rows that are flags as well: NodeName is --node-name; may be NULL. */
	const struct option *settings;
	int (*run)(const struct command_line *line); /* returns an enum cli_exit */
};

/* A command line that agrees with its command. All borrowed from argv. */
struct command_value {
	const struct command_option *option; /* or */
	const struct option *setting;
	const char *text; /* NULL: it takes none */
};

struct command_line {
	const struct command *command;
	struct command_value *values; /* in the order of the line */
	size_t n_values;
	char **operands;
	size_t n_operands;
};

/* The last one wins. NULL where the option was not given; "" where it takes no argument. */
const char *command_get(const struct command_line *line, const char *name);
bool command_has(const struct command_line *line, const char *name);

#define COMMAND_FLAG_MAX 64
/* The flag of a setting: "NodeName" is "node-name". */
const char *command_flag(const char *setting, char to[COMMAND_FLAG_MAX]);

/* A flag as parsing, help, man page and completion see it: an option, a setting, or --help. */
struct command_row {
	char letter;
	char name[COMMAND_FLAG_MAX];
	const char *argument;
	const char *help; /* an option's: without a full stop; a setting's: Markdown, sentences */
	const char *def;
	const char *const *words;
	const struct command_option *option;
	const struct option *setting;
};

/* The flag at i, --help being the last; false behind it. */
bool command_row(const struct command *command, size_t i, struct command_row *ret);

/*
 * Parses, does --help, runs. argv[0] is the command's name. Returns an exit code, after telling
 * about mistakes.
 */
int command_main(const struct command *command, int argc, char **argv);

/* What --help prints. */
void command_format_help(const struct command *command, struct buf *out);

/* Writes a buffer to stdout: CLI_OK, or CLI_FAILED after saying that it does not work. */
int command_print(const struct command_line *line, const struct buf *out);

/* All of them, ended by NULL: cli.c. */
extern const struct command *const commands[];
