/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail man`: the manual page proctrail(1), from the same tables as --help. */
#include "cli/man.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"

/* Text for roff: what would be a request or an escape is made harmless, backquotes become bold. */
static void put_text(struct buf *out, const char *text)
{
	bool is_bold = false, is_line_start = true;

	for (const char *p = text; *p; p++) {
		if (is_line_start && (*p == '.' || *p == '\''))
			buf_put_str(out, STR("\\&"));
		is_line_start = *p == '\n';
		if (*p == '`') {
			is_bold = !is_bold;
			buf_put_str(out, is_bold ? STR("\\fB") : STR("\\fR"));
		} else if (*p == '\\') {
			buf_put_str(out, STR("\\e"));
		} else if (*p == '-') {
			buf_put_str(out, STR("\\-"));
		} else {
			buf_put_char(out, *p);
		}
	}
}

/* An empty line between paragraphs is a request of its own. */
static void put_paragraphs(struct buf *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		_cleanup_(freep) char *one = end ? strndup(text, (size_t)(end - text))
						 : strdup(text);

		put_text(out, one ? one : "");
		buf_put_char(out, '\n');
		if (!end)
			return;
		buf_put_str(out, STR(".PP\n"));
		text = end + 2;
	}
}

static void put_row(struct buf *out, const struct command_row *row)
{
	buf_put_str(out, STR(".TP\n"));
	if (row->letter)
		buf_printf(out, "\\fB\\-%c\\fR, ", row->letter);
	buf_put_str(out, STR("\\fB\\-\\-"));
	put_text(out, row->name);
	buf_put_str(out, STR("\\fR"));
	if (row->argument)
		buf_printf(out, " \\fI%s\\fR", row->argument);
	buf_put_char(out, '\n');
	put_text(out, row->help);
	for (size_t i = 0; row->words && row->words[i]; i++) {
		buf_put_str(out, !i		     ? STR("\n(\\fB")
				 : row->words[i + 1] ? STR("\\fR, \\fB")
						     : STR("\\fR or \\fB"));
		put_text(out, row->words[i]);
	}
	if (row->words)
		buf_put_str(out, STR("\\fR)"));
	if (row->def) {
		buf_put_str(out, STR("\nDefault: \\fB"));
		put_text(out, row->def);
		buf_put_str(out, STR("\\fR."));
	}
	buf_put_char(out, '\n');
}

static void put_rows(struct buf *out, const struct command *command, bool of_settings)
{
	struct command_row row;

	for (size_t i = 0; command_row(command, i, &row); i++)
		if ((row.setting != NULL) == of_settings && strcmp(row.name, "help") != 0)
			put_row(out, &row);
}

static void put_command(struct buf *out, const struct command *command)
{
	buf_put_str(out, STR(".SS \"proctrail "));
	put_text(out, command->name);
	if (command->options || command->settings)
		buf_put_str(out, STR(" [OPTION]..."));
	if (command->operands)
		buf_printf(out, " %s", command->operands);
	buf_put_str(out, STR("\"\n"));
	put_paragraphs(out, command->text);
	put_rows(out, command, false);
	if (command->failure) {
		buf_put_str(out, STR(".PP\nExit code 1: "));
		put_text(out, command->failure);
		buf_put_str(out, STR(".\n"));
	}
	if (command->example) {
		buf_put_str(out, STR(".PP\nExample:\n.PP\n.nf\n.RS\n"));
		put_text(out, command->example);
		buf_put_str(out, STR("\n.RE\n.fi\n"));
	}
}

/* The settings stand once, whichever commands take them. */
static void put_settings(struct buf *out)
{
	const struct command *with = NULL;

	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->settings && (!with || commands[i]->settings == with->settings))
			with = commands[i];
	if (!with)
		return;
	buf_put_str(
		out,
		STR(".SH SETTINGS\n"
		    "These concern the agent as a whole. The commands that start it take them as options; "
		    "agent.yaml has them under the names that docs/reference/settings.md lists. An option "
		    "wins over the file.\n"));
	put_rows(out, with, true);
}

void man_format(struct buf *out)
{
	buf_put_str(
		out,
		STR(".TH PROCTRAIL 1 \"\" \"proctrail " PROCTRAIL_VERSION "\" \"User Commands\"\n"
		    ".SH NAME\nproctrail \\- record what processes do, as JSON lines\n"
		    ".SH SYNOPSIS\n.B proctrail\n.I COMMAND\n[\\fIOPTION\\fR]...\n"
		    ".SH DESCRIPTION\n"
		    "Records which programs are executed on this machine, by whom, from where, and how they "
		    "end, by eBPF. Pipelines say which records go where, and with which fields.\n"
		    ".SH COMMANDS\n"));
	for (size_t i = 0; commands[i]; i++)
		put_command(out, commands[i]);
	put_settings(out);
	buf_put_str(
		out,
		STR(".SH EXIT STATUS\n.TP\n0\nDone.\n.TP\n1\n"
		    "The configuration is wrong, or the job could not be done.\n.TP\n2\n"
		    "The command line is wrong.\n"
		    ".SH FILES\n.TP\n.I /etc/proctrail/agent.yaml\nThe settings of the agent.\n"));
}

static int man_run(const struct command_line *line)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	man_format(&out);
	return command_print(line, &out);
}

const struct command command_man = {
	.name = "man",
	.summary = "Print the manual page, proctrail(1)",
	.text = "Prints the manual page in roff, made from the same tables as every --help.",
	.example = "proctrail man | man -l -",
	.failure = "the page could not be written",
	.run = man_run,
};
