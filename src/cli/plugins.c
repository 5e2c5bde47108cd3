/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail plugins`. The reference pages and the JSON Schema are its output too. */
#include "cli/plugins.h"

#include <stdio.h>
#include <string.h>

#include "agent/settings.h"
#include "base/cleanup.h"
#include "base/json_text.h"
#include "base/nearest.h"
#include "cli/command.h"
#include "cli/option_format.h"
#include "pipeline/foreign.h"
#include "pipeline/set.h"

#define PLUGINS_MAX 128
#define SCHEMA_HEAD "{\"$schema\":\"http://json-schema.org/draft-07/schema#\","

struct kind {
	const char *key, *title;
	const char *bounds; /* of the list, as JSON Schema */
	const struct plugin *(*plugin_at)(size_t i);
};

static const struct kind kinds[] = {
	{ "inputs", "Inputs", ",\"minItems\":1,\"maxItems\":1", plugin_input_at },
	{ "processors", "Processors", "", plugin_processor_at },
	{ "flushers", "Flushers", ",\"minItems\":1", plugin_flusher_at },
};

typedef void put_fn(struct buf *out, const struct plugin *plugin);

/* Every plugin of a kind, or the one if it is of the kind. Returns how many. */
static size_t put_each(struct buf *out, const struct kind *kind, const struct plugin *only,
		       const char *between, put_fn *put)
{
	const struct plugin *plugin;
	size_t n = 0;

	for (size_t i = 0; (plugin = kind->plugin_at(i)); i++) {
		if (only && only != plugin)
			continue;
		if (n++)
			buf_put_str(out, str_from(between));
		put(out, plugin);
	}
	return n;
}

static void put_line(struct buf *out, const struct plugin *plugin)
{
	const char *end = strstr(plugin->help, ". ");
	int n = end ? (int)(end - plugin->help) + 1 : (int)strlen(plugin->help);

	buf_printf(out, "%-29s %.*s\n", plugin->name, n, plugin->help);
}

static void format_text(struct buf *out, const struct plugin *only)
{
	if (only) {
		buf_printf(out, "%s: %s\n", only->name, only->help);
		option_format_text(out, only->options);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		put_each(out, &kinds[i], NULL, "", put_line);
}

static void put_json(struct buf *out, const struct plugin *plugin)
{
	buf_printf(out, "{\"name\":\"%s\",\"help\":", plugin->name);
	json_text_put(out, str_from(plugin->help));
	buf_put_str(out, STR(",\"options\":"));
	option_format_json(out, plugin->options);
	buf_put_char(out, '}');
}

static void format_json(struct buf *out, const struct plugin *only)
{
	size_t n = 0;

	buf_put_str(out, STR("[\n"));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (n && !only && kinds[i].plugin_at(0))
			buf_put_str(out, STR(",\n"));
		n += put_each(out, &kinds[i], only, ",\n", put_json);
	}
	buf_put_str(out, STR("\n]\n"));
}

static void put_markdown(struct buf *out, const struct plugin *plugin)
{
	buf_printf(out, "\n### %s\n\n%s\n\n", plugin->name, plugin->help);
	if (plugin->options->type == OPTION_END)
		buf_put_str(out, STR("It has no options.\n"));
	else
		option_format_markdown(out, plugin->options);
}

static void put_foreign(struct buf *out)
{
	buf_put_str(
		out,
		STR("\n## Keys without a meaning\n\n"
		    "A configuration that was written for LoongCollector may have these. They are passed over, "
		    "with a warning that says so.\n\n"
		    "| Key | Why |\n| --- | --- |\n"));
	for (const struct foreign_key *k = foreign_keys; k->key; k++) {
		bool is_list = strcmp(k->scope, "inputs") == 0 || strcmp(k->scope, "flushers") == 0;

		buf_printf(out, "| `%s%s%s%s` | %s |\n", k->scope, is_list ? "[]" : "",
			   *k->scope ? "." : "", k->key, k->why);
	}
}

static void format_markdown(struct buf *out, const struct plugin *only)
{
	if (only) {
		put_markdown(out, only);
		return;
	}
	buf_put_str(
		out,
		STR("<!-- Made by `proctrail plugins --markdown`. -->\n"
		    "# What a pipeline may have\n\n"
		    "The keys of a pipeline's file. A *size* is a number of bytes, or has a unit: `512KiB`, "
		    "`10MiB`, `1GiB` (KB, MB and GB mean the same). A *duration* has one: `500ms`, `10s`, `2m`, "
		    "`1h`. A *list* may be a single text. How to write a file is told by "
		    "[configuration](../configuration.md).\n\n"
		    "## At the top\n\n"));
	option_format_markdown(out, pipeline_options);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!kinds[i].plugin_at(0))
			continue;
		buf_printf(out, "\n## %s\n", kinds[i].title);
		put_each(out, &kinds[i], NULL, "", put_markdown);
	}
	put_foreign(out);
}

/* Members for the keys of one scope that have no meaning, each with a comma before it. */
static void put_foreign_schema(struct buf *out, const char *scope, const char *comma)
{
	for (const struct foreign_key *k = foreign_keys; k->key; k++) {
		if (strcmp(k->scope, scope) != 0)
			continue;
		buf_printf(out, "%s\"%s\":{\"description\":\"Has no meaning here: ", comma, k->key);
		buf_put_str(out, str_from(k->why)); /* which has no quotes */
		buf_put_str(out, STR(".\"}"));
		comma = ",";
	}
}

static void put_plugin_schema(struct buf *out, const struct plugin *plugin, const char *scope)
{
	buf_printf(out, "{\"type\":\"object\",\"description\":");
	json_text_put(out, str_from(plugin->help));
	buf_printf(out, ",\"additionalProperties\":false,\"required\":[\"Type\"");
	option_format_required(out, plugin->options);
	buf_printf(out, "],\"properties\":{\"Type\":{\"const\":\"%s\"}", plugin->name);
	if (plugin->options->type != OPTION_END)
		buf_put_char(out, ',');
	option_format_schema(out, plugin->options);
	if (*scope)
		put_foreign_schema(out, scope, ",");
	buf_put_str(out, STR("}}"));
}

static void put_kind_schema(struct buf *out, const struct kind *kind)
{
	const struct plugin *plugin;

	buf_printf(out, ",\"%s\":{\"type\":\"array\"%s,\"items\":{\"anyOf\":[", kind->key,
		   kind->bounds);
	for (size_t i = 0; (plugin = kind->plugin_at(i)); i++) {
		if (i)
			buf_put_char(out, ',');
		put_plugin_schema(out, plugin, kind->key);
	}
	if (!kind->plugin_at(0))
		buf_put_str(out, STR("false"));
	buf_put_str(out, STR("]}}"));
}

static void format_schema(struct buf *out, const struct plugin *only)
{
	buf_put_str(out, STR(SCHEMA_HEAD));
	if (only) {
		buf_put_str(out, STR("\"allOf\":["));
		put_plugin_schema(out, only, "");
		buf_put_str(out, STR("]}\n"));
		return;
	}
	buf_put_str(
		out,
		STR("\"title\":\"A pipeline of proctrail\",\"type\":\"object\","
		    "\"additionalProperties\":false,\"required\":[\"inputs\",\"flushers\"],\"properties\":{"));
	option_format_schema(out, pipeline_options);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		put_kind_schema(out, &kinds[i]);
	put_foreign_schema(out, "", ",");
	buf_put_str(
		out,
		STR(",\"global\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"));
	put_foreign_schema(out, "global", "");
	buf_put_str(out, STR("}}}}\n"));
}

void plugins_format(struct buf *out, enum plugins_format format, const struct plugin *only)
{
	switch (format) {
	case PLUGINS_TEXT:
		format_text(out, only);
		break;
	case PLUGINS_JSON:
		format_json(out, only);
		break;
	case PLUGINS_MARKDOWN:
		format_markdown(out, only);
		break;
	case PLUGINS_SCHEMA:
		format_schema(out, only);
		break;
	}
}

static void put_flags(struct buf *out)
{
	char flag[COMMAND_FLAG_MAX];

	buf_put_str(out, STR("\n## Flags\n\n| Key | Flag |\n| --- | --- |\n"));
	for (const struct option *o = agent_settings_options; o->type != OPTION_END; o++)
		buf_printf(out, "| `%s` | `--%s` |\n", o->name, command_flag(o->name, flag));
}

void settings_format(struct buf *out, enum plugins_format format)
{
	switch (format) {
	case PLUGINS_TEXT:
		option_format_text(out, agent_settings_options);
		break;
	case PLUGINS_JSON:
		option_format_json(out, agent_settings_options);
		buf_put_char(out, '\n');
		break;
	case PLUGINS_MARKDOWN:
		buf_put_str(
			out,
			STR("<!-- Made by `proctrail plugins --settings --markdown`. -->\n"
			    "# Settings of the agent\n\n"
			    "The keys of `agent.yaml`, which `--agent-config` names; without it "
			    "`" AGENT_SETTINGS_PATH "` is read when it is there. Each is a flag of "
			    "`proctrail run` and `proctrail record` as well; a flag wins over the file.\n\n"));
		option_format_markdown(out, agent_settings_options);
		put_flags(out);
		break;
	case PLUGINS_SCHEMA:
		buf_put_str(out,
			    STR(SCHEMA_HEAD
				"\"title\":\"Settings of proctrail's agent\",\"type\":\"object\","
				"\"additionalProperties\":false,\"properties\":{"));
		option_format_schema(out, agent_settings_options);
		buf_put_str(out, STR("}}\n"));
		break;
	}
}

static const struct plugin *find_plugin(const char *name, const char **ret_near)
{
	const char *names[PLUGINS_MAX + 1] = { NULL };
	size_t n = 0;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		const struct plugin *plugin;

		for (size_t i = 0; n < PLUGINS_MAX && (plugin = kinds[k].plugin_at(i)); i++) {
			names[n++] = plugin->name;
			if (strcmp(plugin->name, name) == 0)
				return plugin;
		}
	}
	*ret_near = nearest_name(name, names);
	return NULL;
}

static const struct command_option options[] = {
	{ .name = "json", .help = "a JSON array, with every option" },
	{ .name = "markdown", .help = "the reference page" },
	{ .name = "json-schema", .help = "a JSON Schema of the file, for editors" },
	{ .name = "settings", .help = "the agent's own settings instead of the plugins" },
	{ 0 },
};

static enum plugins_format format_of(const struct command_line *line)
{
	if (command_has(line, "json"))
		return PLUGINS_JSON;
	if (command_has(line, "markdown"))
		return PLUGINS_MARKDOWN;
	return command_has(line, "json-schema") ? PLUGINS_SCHEMA : PLUGINS_TEXT;
}

static int plugins_run(const struct command_line *line)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	const char *name = line->n_operands ? line->operands[0] : NULL, *near = NULL;
	const struct plugin *only = name ? find_plugin(name, &near) : NULL;

	if (name && !only) {
		fprintf(stderr, "proctrail plugins: there is no plugin '%s'%s%s%s\n", name,
			near ? "; did you mean '" : "; proctrail plugins lists them",
			near ? near : "", near ? "'?" : "");
		return CLI_USAGE;
	}
	if (command_has(line, "settings"))
		settings_format(&out, format_of(line));
	else
		plugins_format(&out, format_of(line), only);
	return command_print(line, &out);
}

const struct command command_plugins = {
	.name = "plugins",
	.operands = "[NAME]",
	.summary = "List the plugins that pipelines are made of, and their options",
	.text = "Lists the plugins, one a line; with NAME the options of that one.",
	.example = "proctrail plugins flusher_file\n"
		   "proctrail plugins --json-schema > pipeline.schema.json",
	.failure = "the list could not be written",
	.options = options,
	.run = plugins_run,
};
