/* SPDX-License-Identifier: Apache-2.0 */
/* What an option table says, in four forms. */
#include "cli/option_format.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json_text.h"
#include "conf/scalar.h"

#define VARIABLE_SCHEMA "{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"}"

static const struct {
	const char *name, *schema;
} types[] = {
	[OPTION_BOOL] = { "boolean", "{\"type\":\"boolean\"}" },
	[OPTION_INT] = { "number", "{\"type\":\"integer\"}" },
	[OPTION_SIZE] = { "size",
			  "{\"type\":[\"integer\",\"string\"],\"pattern\":\"^[0-9]+([KMG]i?B|B)?$\"}" },
	[OPTION_DURATION] = { "duration",
			      "{\"type\":[\"integer\",\"string\"],\"pattern\":\"^(0|[0-9]+(ns|us|ms|s|m|h))$\"}" },
	[OPTION_STRING] = { "text", "{\"type\":[\"string\",\"number\",\"boolean\"]}" },
	[OPTION_ENUM] = { "word", NULL },
	[OPTION_STRINGS] = { "list", NULL },
	[OPTION_CHECKED] = { "list", NULL },
	[OPTION_NODE] = { "map or list", NULL },
};

static bool has_range(const struct option *o)
{
	return o->min != 0 || o->max != 0;
}

static void put_number(struct buf *out, const struct option *o, int64_t v)
{
	char text[SCALAR_FORMAT_MAX];

	if (o->type == OPTION_SIZE)
		buf_put_str(out, str_from(scalar_format_size((uint64_t)v, text)));
	else if (o->type == OPTION_DURATION)
		buf_put_str(out, str_from(scalar_format_duration((uint64_t)v, text)));
	else
		buf_put_i64(out, v);
}

/* ", required" or ", default X"; ", from A to B"; ", one of a, b". */
static void put_facts(struct buf *out, const struct option *o, const char *quote)
{
	if (o->names) {
		buf_put_str(out, STR(": "));
		for (size_t i = 0; o->names[i]; i++)
			buf_printf(out, "%s%s%s%s",
				   !i		     ? ""
				   : o->names[i + 1] ? ", "
						     : " or ",
				   quote, o->names[i], quote);
	}
	if (has_range(o)) {
		buf_put_str(out, STR(", from "));
		put_number(out, o, o->min);
		buf_put_str(out, STR(" to "));
		put_number(out, o, o->max);
	}
	if (o->secret)
		buf_put_str(out, STR(", secret"));
}

static void put_default(struct buf *out, const struct option *o, const char *quote)
{
	if (o->required)
		buf_put_str(out, STR("required"));
	else if (o->def)
		buf_printf(out, "%s%s%s", quote, o->def, quote);
	else
		buf_put_str(out, STR("none"));
}

/* Without Markdown's backquotes; each line after the first one as far in as the first. */
static void put_plain(struct buf *out, const char *text, const char *indent)
{
	for (; *text; text++) {
		if (*text != '`')
			buf_put_char(out, *text);
		if (*text == '\n' && text[1] != '\n')
			buf_put_str(out, str_from(indent));
	}
}

void option_format_text(struct buf *out, const struct option *options)
{
	for (const struct option *o = options; o->type != OPTION_END; o++) {
		buf_printf(out, "  %s  (%s", o->name, types[o->type].name);
		put_facts(out, o, "");
		buf_put_str(out, o->required || !o->def ? STR("; ") : STR("; default "));
		put_default(out, o, "");
		buf_put_str(out, STR(")\n      "));
		put_plain(out, o->help, "      ");
		buf_put_char(out, '\n');
	}
}

/* The first paragraph: a cell holds no more. */
static void put_cell(struct buf *out, const char *help)
{
	for (const char *p = help; *p && strncmp(p, "\n\n", 2) != 0; p++) {
		if (*p == '|')
			buf_put_char(out, '\\');
		buf_put_char(out, *p == '\n' ? ' ' : *p);
	}
}

/* What the cells had no room for. */
static void put_rests(struct buf *out, const struct option *options)
{
	for (const struct option *o = options; o->type != OPTION_END; o++) {
		const char *rest = strstr(o->help, "\n\n");

		if (rest)
			buf_printf(out, "\nOf `%s`:%s\n", o->name, rest);
	}
}

void option_format_markdown(struct buf *out, const struct option *options)
{
	buf_put_str(out, STR("| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n"));
	for (const struct option *o = options; o->type != OPTION_END; o++) {
		buf_printf(out, "| `%s` | %s", o->name, types[o->type].name);
		put_facts(out, o, "`");
		buf_put_str(out, STR(" | "));
		put_default(out, o, o->required || !o->def ? "" : "`");
		buf_put_str(out, STR(" | "));
		put_cell(out, o->help);
		buf_put_str(out, STR(" |\n"));
	}
	put_rests(out, options);
}

static void put_names(struct buf *out, const char *const *names)
{
	buf_put_char(out, '[');
	for (size_t i = 0; names[i]; i++) {
		if (i)
			buf_put_char(out, ',');
		json_text_put(out, str_from(names[i]));
	}
	buf_put_char(out, ']');
}

static void put_json(struct buf *out, const struct option *o)
{
	buf_put_str(out, STR("{\"name\":"));
	json_text_put(out, str_from(o->name));
	buf_printf(out, ",\"type\":\"%s\"", types[o->type].name);
	if (o->def) {
		buf_put_str(out, STR(",\"default\":"));
		json_text_put(out, str_from(o->def));
	}
	buf_printf(out, ",\"required\":%s,\"secret\":%s", o->required ? "true" : "false",
		   o->secret ? "true" : "false");
	if (has_range(o))
		buf_printf(out, ",\"min\":%" PRIi64 ",\"max\":%" PRIi64, o->min, o->max);
	if (o->names) {
		buf_put_str(out, STR(",\"values\":"));
		put_names(out, o->names);
	}
	buf_put_str(out, STR(",\"help\":"));
	json_text_put(out, str_from(o->help));
	buf_put_char(out, '}');
}

void option_format_json(struct buf *out, const struct option *options)
{
	buf_put_char(out, '[');
	for (const struct option *o = options; o->type != OPTION_END; o++) {
		if (o != options)
			buf_put_char(out, ',');
		put_json(out, o);
	}
	buf_put_char(out, ']');
}

static void put_type_schema(struct buf *out, const struct option *o)
{
	switch (o->type) {
	case OPTION_ENUM:
		buf_put_str(out, STR("{\"enum\":"));
		put_names(out, o->names);
		buf_put_char(out, '}');
		break;
	case OPTION_STRINGS:
	case OPTION_CHECKED:
		buf_printf(out, "%s,{\"type\":\"array\",\"items\":%s}", types[OPTION_STRING].schema,
			   types[OPTION_STRING].schema);
		break;
	case OPTION_NODE:
		buf_put_str(out, str_from(o->schema ? o->schema : "{}"));
		break;
	case OPTION_INT:
		if (has_range(o)) {
			buf_printf(out,
				   "{\"type\":\"integer\",\"minimum\":%" PRIi64
				   ",\"maximum\":%" PRIi64 "}",
				   o->min, o->max);
			break;
		}
		buf_put_str(out, str_from(types[o->type].schema));
		break;
	default:
		buf_put_str(out, str_from(types[o->type].schema));
		break;
	}
}

void option_format_schema(struct buf *out, const struct option *options)
{
	for (const struct option *o = options; o->type != OPTION_END; o++) {
		if (o != options)
			buf_put_char(out, ',');
		json_text_put(out, str_from(o->name));
		buf_put_str(out, STR(":{\"anyOf\":["));
		put_type_schema(out, o);
		buf_put_str(out, STR("," VARIABLE_SCHEMA "],\"description\":"));
		json_text_put(out, str_from(o->help));
		if (o->def) {
			buf_put_str(out, STR(",\"default\":"));
			json_text_put(out, str_from(o->def));
		}
		buf_put_char(out, '}');
	}
}

void option_format_required(struct buf *out, const struct option *options)
{
	for (const struct option *o = options; o->type != OPTION_END; o++) {
		if (!o->required)
			continue;
		buf_put_char(out, ',');
		json_text_put(out, str_from(o->name));
	}
}
