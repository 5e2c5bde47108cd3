/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail completion`: what a shell has to know, from the same tables as --help. */
#include "cli/completion.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"

static bool is_path(const char *argument)
{
	return argument &&
	       (strstr(argument, "FILE") || strstr(argument, "PATH") || strstr(argument, "DIR"));
}

/* The first line or sentence, without what a shell in single quotes or brackets would trip over. */
static void put_brief(struct buf *out, const char *help)
{
	for (const char *p = help; *p && *p != '\n' && strncmp(p, ". ", 2) != 0; p++)
		if (!strchr("'`[]:\\", *p))
			buf_put_char(out, *p);
}

static void put_words(struct buf *out, const char *const *words, const char *between)
{
	for (size_t i = 0; words[i]; i++)
		buf_printf(out, "%s%s", i ? between : "", words[i]);
}

/* What may follow a flag that takes an argument: a branch of `case "$command $prev"`. */
static void put_bash_argument(struct buf *out, const struct command *command,
			      const struct command_row *row)
{
	if (!row->argument)
		return;
	buf_printf(out, "\t'%s --%s'", command->name, row->name);
	if (row->letter)
		buf_printf(out, " | '%s -%c'", command->name, row->letter);
	buf_put_str(out, STR(")\n\t\t"));
	if (row->words) {
		buf_put_str(out, STR("mapfile -t COMPREPLY < <(compgen -W '"));
		put_words(out, row->words, " ");
		buf_put_str(out, STR("' -- \"$cur\")\n\t\t"));
	} else if (is_path(row->argument)) {
		buf_put_str(out, STR("mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n\t\t"));
	}
	buf_put_str(out, STR("return\n\t\t;;\n"));
}

/* What else may stand behind a command: a branch of `case $command`. */
static void put_bash_command(struct buf *out, const struct command *command)
{
	struct command_row row;

	buf_printf(out, "\t%s)\n\t\tflags='", command->name);
	for (size_t i = 0; command_row(command, i, &row); i++)
		buf_printf(out, "%s--%s", i ? " " : "", row.name);
	buf_put_str(out, STR("'\n"));
	if (command->words) {
		buf_put_str(out, STR("\t\twords='"));
		put_words(out, command->words, " ");
		buf_put_str(out, STR("'\n"));
	}
	if (is_path(command->operands))
		buf_put_str(out, STR("\t\tfiles=1\n"));
	buf_put_str(out, STR("\t\t;;\n"));
}

static void put_bash(struct buf *out)
{
	struct command_row row;

	buf_put_str(out,
		    STR("# bash completion for proctrail\n"
			"_proctrail() {\n"
			"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
			"\tlocal command=${COMP_WORDS[1]} flags='' words='' files=''\n"
			"\tCOMPREPLY=()\n"
			"\tif [[ $COMP_CWORD == 1 ]]; then\n"
			"\t\tmapfile -t COMPREPLY < <(compgen -W '"));
	for (size_t i = 0; commands[i]; i++)
		buf_printf(out, "%s%s", i ? " " : "", commands[i]->name);
	buf_put_str(out, STR("' -- \"$cur\")\n\t\treturn\n\tfi\n\tcase \"$command $prev\" in\n"));
	for (size_t i = 0; commands[i]; i++)
		for (size_t k = 0; command_row(commands[i], k, &row); k++)
			put_bash_argument(out, commands[i], &row);
	buf_put_str(out, STR("\tesac\n\tcase $command in\n"));
	for (size_t i = 0; commands[i]; i++)
		put_bash_command(out, commands[i]);
	buf_put_str(out, STR("\tesac\n"
			     "\tif [[ $cur == -* ]]; then\n"
			     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$cur\")\n"
			     "\telif [[ $files ]]; then\n"
			     "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
			     "\telse\n"
			     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
			     "\tfi\n"
			     "}\n"
			     "complete -o filenames -F _proctrail proctrail\n"));
}

/* ":FILE:_files", ":WORD:(a b)" or ":NAME:" */
static void put_zsh_argument(struct buf *out, const char *argument, const char *const *words)
{
	buf_put_char(out, ':');
	put_brief(out, argument);
	buf_put_char(out, ':');
	if (words) {
		buf_put_char(out, '(');
		put_words(out, words, " ");
		buf_put_char(out, ')');
	} else if (is_path(argument)) {
		buf_put_str(out, STR("_files"));
	}
}

static void put_zsh_row(struct buf *out, const struct command_row *row)
{
	bool is_repeatable = row->setting || (row->option && row->option->is_repeatable);

	buf_put_str(out, STR(" \\\n\t\t\t"));
	if (is_repeatable)
		buf_put_str(out, STR("'*'"));
	if (row->letter)
		buf_printf(out, "{-%c,--%s}", row->letter, row->name);
	else
		buf_printf(out, "--%s", row->name);
	buf_put_str(out, STR("'["));
	put_brief(out, row->help);
	buf_put_char(out, ']');
	if (row->argument)
		put_zsh_argument(out, row->argument, row->words);
	buf_put_char(out, '\'');
}

static void put_zsh_command(struct buf *out, const struct command *command)
{
	struct command_row row;

	buf_printf(out, "\t%s)\n\t\t_arguments", command->name);
	for (size_t i = 0; command_row(command, i, &row); i++)
		put_zsh_row(out, &row);
	if (command->operands) {
		buf_put_str(out, STR(" \\\n\t\t\t'*"));
		put_zsh_argument(out, command->operands, command->words);
		buf_put_char(out, '\'');
	}
	buf_put_str(out, STR("\n\t\t;;\n"));
}

static void put_zsh(struct buf *out)
{
	buf_put_str(out, STR("#compdef proctrail\n"
			     "_proctrail() {\n"
			     "\tlocal -a commands\n"
			     "\tlocal command=$words[2]\n"
			     "\tcommands=("));
	for (size_t i = 0; commands[i]; i++) {
		buf_printf(out, "\n\t\t'%s:", commands[i]->name);
		put_brief(out, commands[i]->summary);
		buf_put_char(out, '\'');
	}
	buf_put_str(out, STR("\n\t)\n"
			     "\tif (( CURRENT == 2 )); then\n"
			     "\t\t_describe command commands\n"
			     "\t\treturn\n"
			     "\tfi\n"
			     "\tshift words\n"
			     "\t(( CURRENT-- ))\n"
			     "\tcase $command in\n"));
	for (size_t i = 0; commands[i]; i++)
		put_zsh_command(out, commands[i]);
	buf_put_str(out, STR("\tesac\n}\n_proctrail \"$@\"\n"));
}

static void put_fish_row(struct buf *out, const struct command *command,
			 const struct command_row *row)
{
	buf_printf(out, "complete -c proctrail -n '__fish_seen_subcommand_from %s' -l %s",
		   command->name, row->name);
	if (row->letter)
		buf_printf(out, " -s %c", row->letter);
	if (row->argument)
		buf_put_str(out, is_path(row->argument) ? STR(" -r -F") : STR(" -x"));
	if (row->words) {
		buf_put_str(out, STR(" -a '"));
		put_words(out, row->words, " ");
		buf_put_char(out, '\'');
	}
	buf_put_str(out, STR(" -d '"));
	put_brief(out, row->help);
	buf_put_str(out, STR("'\n"));
}

static void put_fish_command(struct buf *out, const struct command *command)
{
	struct command_row row;

	buf_printf(out, "complete -c proctrail -n __fish_use_subcommand -a %s -d '", command->name);
	put_brief(out, command->summary);
	buf_put_str(out, STR("'\n"));
	for (size_t i = 0; command_row(command, i, &row); i++)
		put_fish_row(out, command, &row);
	if (!is_path(command->operands) && !command->words)
		return;
	buf_printf(out, "complete -c proctrail -n '__fish_seen_subcommand_from %s' ",
		   command->name);
	if (command->words) {
		buf_put_str(out, STR("-a '"));
		put_words(out, command->words, " ");
		buf_put_str(out, STR("'\n"));
	} else {
		buf_put_str(out, STR("-F\n"));
	}
}

static void put_fish(struct buf *out)
{
	buf_put_str(out, STR("# fish completion for proctrail\ncomplete -c proctrail -f\n"));
	for (size_t i = 0; commands[i]; i++)
		put_fish_command(out, commands[i]);
}

void completion_format(struct buf *out, enum shell shell)
{
	switch (shell) {
	case SHELL_BASH:
		put_bash(out);
		break;
	case SHELL_ZSH:
		put_zsh(out);
		break;
	case SHELL_FISH:
		put_fish(out);
		break;
	}
}

static const char *const shells[] = { "bash", "zsh", "fish", NULL };

static int completion_run(const struct command_line *line)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	int shell = 0;

	while (strcmp(shells[shell], line->operands[0]) != 0)
		shell++; /* one of them it is: the table has seen to it */
	completion_format(&out, (enum shell)shell);
	return command_print(line, &out);
}

const struct command command_completion = {
	.name = "completion",
	.operands = "SHELL",
	.words = shells,
	.summary = "Print a completion script for a shell",
	.text = "Prints a script that teaches a shell to complete proctrail's commands, options and words: for "
		"bash, zsh or fish.",
	.example = "source <(proctrail completion bash)",
	.failure = "the script could not be written",
	.run = completion_run,
};
