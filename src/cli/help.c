/* SPDX-License-Identifier: Apache-2.0 */
/* What --help prints: a command's table as text of 100 columns. Pure. */
#include <string.h>

#include "cli/command.h"

#define COLUMNS 100
#define FLAG_COLUMN 28

static size_t word_length(const char *p)
{
	return strcspn(p, " \n");
}

/*
 * Text from column `at` on, broken between words, further lines `indent` spaces in. A line break
 * stays one; Markdown's backquotes go.
 */
static void put_wrapped(struct buf *out, const char *text, size_t at, size_t indent)
{
	while (*text) {
		size_t n = word_length(text);

		if (at > indent && at + 1 + n > COLUMNS) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			buf_put_char(out, ' ');
			at++;
		}
		for (size_t i = 0; i < n; i++)
			if (text[i] != '`')
				buf_put_char(out, text[i]);
		at += n;
		text += n;
		if (*text == '\n') {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		}
		text += *text != '\0';
	}
	buf_put_char(out, '\n');
}

static size_t put_flag(struct buf *out, const struct command_row *row)
{
	size_t before = out->len;

	if (row->letter)
		buf_printf(out, "  -%c, --%s", row->letter, row->name);
	else
		buf_printf(out, "      --%s", row->name);
	if (row->argument)
		buf_printf(out, " %s", row->argument);
	return out->len - before;
}

static void put_words(struct buf *help, const struct command_row *row)
{
	if (!row->words)
		return;
	buf_put_str(help, row->help[strlen(row->help) - 1] == '.' ? STR(" One of ") : STR(": "));
	for (size_t i = 0; row->words[i]; i++)
		buf_printf(help, "%s%s",
			   !i		       ? ""
			   : row->words[i + 1] ? ", "
					       : " or ",
			   row->words[i]);
	if (row->help[strlen(row->help) - 1] == '.')
		buf_put_char(help, '.');
}

/* A blank behind each comma of a list, so that lines can end there. */
static void put_default(struct buf *help, const char *def)
{
	if (!def)
		return;
	buf_put_str(help, STR(" (default: "));
	for (const char *p = def; *p; p++) {
		buf_put_char(help, *p);
		if (*p == ',')
			buf_put_char(help, ' ');
	}
	buf_put_char(help, ')');
}

static void put_row(struct buf *out, const struct command_row *row)
{
	_cleanup_(buf_done) struct buf help = { 0 };
	size_t at = put_flag(out, row);

	buf_put_str(&help, str_from(row->help));
	put_words(&help, row);
	put_default(&help, row->def);
	buf_put_char(&help, '\0');
	if (at + 2 > FLAG_COLUMN) {
		buf_put_char(out, '\n');
		at = 0;
	}
	buf_printf(out, "%*s", (int)(FLAG_COLUMN - at), "");
	put_wrapped(out, buf_failed(&help) ? "" : help.data, FLAG_COLUMN, FLAG_COLUMN);
}

static void put_rows(struct buf *out, const struct command *command)
{
	struct command_row row;

	buf_put_str(out, STR("\nOptions:\n"));
	for (size_t i = 0; command_row(command, i, &row); i++)
		if (!row.setting)
			put_row(out, &row);
	if (!command->settings)
		return;
	buf_put_str(out, STR("\nSettings of the agent, which agent.yaml may have as well:\n"));
	for (size_t i = 0; command_row(command, i, &row); i++)
		if (row.setting)
			put_row(out, &row);
}

static void put_example(struct buf *out, const char *example)
{
	buf_put_str(out, STR("\nExample:\n"));
	for (const char *p = example; *p;) {
		size_t n = strcspn(p, "\n");

		buf_printf(out, "  %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

void command_format_help(const struct command *command, struct buf *out)
{
	buf_printf(out, "Usage: proctrail %s%s%s%s\n\n", command->name,
		   command->options || command->settings ? " [OPTION]..." : "",
		   command->operands ? " " : "", command->operands ? command->operands : "");
	put_wrapped(out, command->text, 0, 0);
	put_rows(out, command);
	if (command->example)
		put_example(out, command->example);
	buf_printf(out, "\nExit codes: 0 done, 1 %s, 2 the command line is wrong\n",
		   command->failure ? command->failure : "failed");
}
