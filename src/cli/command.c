/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines by their tables. Not getopt_long(): mistakes are to be told with the nearest name,
 * and its struct option is not ours.
 */
#include "cli/command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/nearest.h"

#define ROWS_MAX 64

const char *command_flag(const char *setting, char to[COMMAND_FLAG_MAX])
{
	size_t n = 0;

	for (const char *p = setting; *p && n + 2 < COMMAND_FLAG_MAX; p++) {
		if (isupper((unsigned char)*p) && p > setting)
			to[n++] = '-';
		to[n++] = (char)tolower((unsigned char)*p);
	}
	to[n] = '\0';
	return to;
}

static const char *const bool_words[] = { "true", "false", NULL };

static const char *setting_argument(const struct option *o)
{
	switch (o->type) {
	case OPTION_BOOL:
	case OPTION_ENUM:
		return "WORD";
	case OPTION_INT:
		return "NUMBER";
	case OPTION_SIZE:
		return "SIZE";
	case OPTION_DURATION:
		return "TIME";
	default:
		return "TEXT";
	}
}

static void row_of_option(const struct command_option *o, struct command_row *ret)
{
	*ret = (struct command_row){ .letter = o->letter,
				     .argument = o->argument,
				     .help = o->help,
				     .words = o->words,
				     .option = o };
	snprintf(ret->name, sizeof(ret->name), "%s", o->name);
}

static void row_of_setting(const struct option *o, struct command_row *ret)
{
	*ret = (struct command_row){ .argument = setting_argument(o),
				     .help = o->help,
				     .def = o->def,
				     .words = o->type == OPTION_BOOL ? bool_words : o->names,
				     .setting = o };
	command_flag(o->name, ret->name);
}

bool command_row(const struct command *command, size_t i, struct command_row *ret)
{
	static const struct command_option help = { .letter = 'h',
						    .name = "help",
						    .help = "this text" };

	for (const struct command_option *o = command->options; o && o->name; o++) {
		if (i-- == 0) {
			row_of_option(o, ret);
			return true;
		}
	}
	for (const struct option *o = command->settings; o && o->type != OPTION_END; o++) {
		if (i-- == 0) {
			row_of_setting(o, ret);
			return true;
		}
	}
	if (i == 0)
		row_of_option(&help, ret);
	return i == 0;
}

const char *command_get(const struct command_line *line, const char *name)
{
	const char *text = NULL;

	for (size_t i = 0; i < line->n_values; i++)
		if (line->values[i].option && strcmp(line->values[i].option->name, name) == 0)
			text = line->values[i].text ? line->values[i].text : "";
	return text;
}

bool command_has(const struct command_line *line, const char *name)
{
	return command_get(line, name) != NULL;
}

/* Tells about a mistake, and where help is. */
static int __attribute__((format(printf, 2, 3)))
usage(const struct command *command, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "proctrail %s: ", command->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nSee proctrail %s --help\n", command->name);
	return -EINVAL;
}

static int report_unknown(const struct command *command, struct str name)
{
	struct command_row rows[ROWS_MAX];
	const char *names[ROWS_MAX + 1] = { NULL };
	_cleanup_(freep) char *text = strndup(name.p, name.n);
	const char *near;

	for (size_t i = 0; i < ROWS_MAX && command_row(command, i, &rows[i]); i++)
		names[i] = rows[i].name;
	near = text ? nearest_name(text, names) : NULL;
	if (near)
		return usage(command, "unknown option '--%s'; did you mean '--%s'?", text, near);
	return usage(command, "unknown option '--%.*s'", (int)name.n, name.p);
}

static bool find_long(const struct command *command, struct str name, struct command_row *ret)
{
	for (size_t i = 0; command_row(command, i, ret); i++)
		if (str_eq(str_from(ret->name), name))
			return true;
	return false;
}

static bool find_letter(const struct command *command, char letter, struct command_row *ret)
{
	for (size_t i = 0; command_row(command, i, ret); i++)
		if (ret->letter && ret->letter == letter)
			return true;
	return false;
}

/* What is being parsed. */
struct cursor {
	struct command_line *line;
	char **argv;
	int argc, at;
	bool wants_help;
};

static bool is_word(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, text) == 0)
			return true;
	return false;
}

static int check_word(const struct command *command, const char *what, const char *text,
		      const char *const *words)
{
	_cleanup_(buf_done) struct buf known = { 0 };

	if (!words || is_word(text, words))
		return 0;
	for (size_t i = 0; words[i]; i++)
		buf_printf(&known, "%s%s", !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
	return usage(command, "%s: expected %.*s, not '%s'", what, (int)known.len, known.data,
		     text);
}

static int add_value(struct cursor *c, const struct command_row *row, const char *text)
{
	struct command_line *line = c->line;
	char what[COMMAND_FLAG_MAX + 2];

	if (!row->option && !row->setting)
		return 0;
	snprintf(what, sizeof(what), "--%s", row->name);
	if (text && check_word(line->command, what, text, row->words) < 0)
		return -EINVAL;
	line->values[line->n_values++] = (struct command_value){ .option = row->option,
								 .setting = row->setting,
								 .text = text };
	c->wants_help |= strcmp(row->name, "help") == 0;
	return 0;
}

/* `text` is what was written with the flag itself, or NULL. */
static int take_flag(struct cursor *c, const struct command_row *row, const char *text)
{
	if (!row->argument && text)
		return usage(c->line->command, "--%s takes no argument", row->name);
	if (row->argument && !text && c->at >= c->argc)
		return usage(c->line->command, "--%s needs an argument: %s", row->name,
			     row->argument);
	if (row->argument && !text)
		text = c->argv[c->at++];
	return add_value(c, row, text);
}

static int take_long(struct cursor *c, const char *text)
{
	const char *equals = strchr(text, '=');
	struct str name = { .p = text, .n = equals ? (size_t)(equals - text) : strlen(text) };
	struct command_row row;

	if (!find_long(c->line->command, name, &row))
		return report_unknown(c->line->command, name);
	return take_flag(c, &row, equals ? equals + 1 : NULL);
}

/* One letter, with its argument if it takes one; letters without may be joined. */
static int take_letters(struct cursor *c, const char *text)
{
	struct command_row row;
	int r = 0;

	for (; *text && r == 0; text++) {
		if (!find_letter(c->line->command, *text, &row))
			return usage(c->line->command, "unknown option '-%c'", *text);
		if (row.argument)
			return take_flag(c, &row, text[1] ? text + 1 : NULL);
		r = take_flag(c, &row, NULL);
	}
	return r;
}

static int parse(struct cursor *c)
{
	struct command_line *line = c->line;
	bool has_ended = false;

	for (c->at = 1; c->at < c->argc;) {
		char *text = c->argv[c->at++];
		int r = 0;

		if (!has_ended && strcmp(text, "--") == 0)
			has_ended = true;
		else if (!has_ended && strncmp(text, "--", 2) == 0)
			r = take_long(c, text + 2);
		else if (!has_ended && text[0] == '-' && text[1])
			r = take_letters(c, text + 1);
		else
			line->operands[line->n_operands++] = text;
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_repeats(const struct command_line *line)
{
	for (size_t i = 0; i < line->n_values; i++) {
		const struct command_value *a = &line->values[i];

		for (size_t j = 0; a->option && !a->option->is_repeatable && j < i; j++)
			if (line->values[j].option == a->option)
				return usage(line->command, "--%s is there twice", a->option->name);
	}
	return 0;
}

/* "FILE" is one, "[NAME]" at most one, "PATH..." one or more. */
static int check_operands(const struct command_line *line)
{
	const struct command *command = line->command;
	const char *operands = command->operands;
	bool is_list = operands && str_ends_with(str_from(operands), STR("..."));
	bool is_optional = operands && *operands == '[';

	if (!operands && line->n_operands)
		return usage(command, "'%s' is not expected", line->operands[0]);
	if (operands && !is_list && line->n_operands > 1)
		return usage(command, "'%s' is not expected: one %s is enough", line->operands[1],
			     operands);
	if (operands && !is_optional && !line->n_operands)
		return usage(command, "%s is missing", operands);
	if (line->n_operands)
		return check_word(command, operands, line->operands[0], command->words);
	return 0;
}

static void line_done(struct command_line *line)
{
	free(line->values);
	free(line->operands);
}

int command_print(const struct command_line *line, const struct buf *out)
{
	struct str text = buf_str(out);

	if (!buf_failed(out) && fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0)
		return CLI_OK;
	fprintf(stderr, "proctrail %s: cannot write to the standard output\n", line->command->name);
	return CLI_FAILED;
}

static int print_help(const struct command_line *line)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	command_format_help(line->command, &out);
	return command_print(line, &out);
}

/* Letters may be joined, so an argument makes no more values than it has characters. */
static size_t n_values_max(int argc, char **argv)
{
	size_t n = 1;

	for (int i = 1; i < argc; i++)
		n += strlen(argv[i]);
	return n;
}

int command_main(const struct command *command, int argc, char **argv)
{
	_cleanup_(line_done) struct command_line line = { .command = command };
	struct cursor c = { .line = &line, .argv = argv, .argc = argc };

	line.operands = calloc((size_t)argc + 1, sizeof(*line.operands));
	line.values = calloc(n_values_max(argc, argv), sizeof(*line.values));
	if (!line.operands || !line.values) {
		fputs("proctrail: out of memory\n", stderr);
		return CLI_FAILED;
	}
	if (parse(&c) < 0)
		return CLI_USAGE;
	if (c.wants_help)
		return print_help(&line);
	if (check_repeats(&line) < 0 || check_operands(&line) < 0)
		return CLI_USAGE;
	return command->run(&line);
}
