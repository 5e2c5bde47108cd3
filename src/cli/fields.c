/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail fields`. The reference page is its output too. */
#include "cli/fields.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/json_text.h"
#include "cli/command.h"
#include "event/field.h"

static int name_width(void)
{
	size_t i, width = 0;

	for (i = 0; i < n_fields; i++) {
		size_t n = strlen(fields[i].name);

		width = n > width ? n : width;
	}
	return (int)width;
}

static void format_text(struct buf *out)
{
	int width = name_width();
	size_t i;

	for (i = 0; i < n_fields; i++)
		buf_printf(out, "%-*s  %-7s  %s\n", width, fields[i].name,
			   field_type_to_string(fields[i].type), fields[i].doc);
}

static void put_member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	json_text_put(out, str_from(value));
}

static void format_json(struct buf *out)
{
	size_t i;

	for (i = 0; i < n_fields; i++) {
		buf_put_str(out, i ? STR(",\n{") : STR("[\n{"));
		put_member(out, "name", fields[i].name);
		buf_put_char(out, ',');
		put_member(out, "type", field_type_to_string(fields[i].type));
		buf_put_char(out, ',');
		put_member(out, "set", field_set_to_string(fields[i].set));
		buf_put_char(out, ',');
		put_member(out, "doc", fields[i].doc);
		buf_put_char(out, '}');
	}
	buf_put_str(out, STR("\n]\n"));
}

static void format_table(struct buf *out, enum field_set set)
{
	size_t i;

	buf_put_str(out, STR("| Field | Type | Meaning |\n| --- | --- | --- |\n"));
	for (i = 0; i < n_fields; i++) {
		if (fields[i].set == set)
			buf_printf(out, "| `%s` | %s | %s |\n", fields[i].name,
				   field_type_to_string(fields[i].type), fields[i].doc);
	}
}

static void format_markdown(struct buf *out)
{
	buf_put_str(out, STR("<!-- Made by `proctrail fields --markdown`. -->\n"
			     "# Fields\n\n"
			     "A record is one JSON object. Its keys stand in the order of "
			     "`proctrail fields`, which is the order below, with `__time__` last. "
			     "A key that does not apply is missing; a value that is not known is "
			     "empty.\n\n"
			     "All values but lists and times are strings. A *number* is "
			     "a string of decimal digits; a *boolean* is `\"true\"`, or its key is "
			     "missing; a *list* is an array of strings; a *time* is an integer or "
			     "a string, as the flusher has it.\n\n"
			     "## Always\n\n"));
	format_table(out, FIELD_SET_SPEC);
	buf_put_str(out,
		    STR("\n## Extended\n\n"
			"These are collected when `Fields` of the input asks for them: "
			"`extended` for all, or a list of names. In a record they stand before "
			"`__time__`.\n\n"));
	format_table(out, FIELD_SET_EXTENDED);
}

void fields_format(struct buf *out, enum fields_format format)
{
	switch (format) {
	case FIELDS_TEXT:
		format_text(out);
		break;
	case FIELDS_JSON:
		format_json(out);
		break;
	case FIELDS_MARKDOWN:
		format_markdown(out);
		break;
	}
}

static enum fields_format format_of(const struct command_line *line)
{
	if (command_has(line, "json"))
		return FIELDS_JSON;
	return command_has(line, "markdown") ? FIELDS_MARKDOWN : FIELDS_TEXT;
}

static int run(const struct command_line *line)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	fields_format(&out, format_of(line));
	return command_print(line, &out);
}

static const struct command_option options[] = {
	{ .name = "json", .help = "an array of objects: name, type, set, doc" },
	{ .name = "markdown", .help = "the reference page" },
	{ 0 },
};

const struct command command_fields = {
	.name = "fields",
	.summary = "List all fields of a record",
	.text = "Lists the fields that a record may hold, in the order of its keys.",
	.example = "proctrail fields --json | jq -r '.[] | select(.set == \"extended\").name'",
	.failure = "the list could not be written",
	.options = options,
	.run = run,
};
