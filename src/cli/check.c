/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail check`: what the agent would say of a configuration, without starting anything. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/settings.h"
#include "base/cleanup.h"
#include "cli/command.h"
#include "pipeline/set.h"

static void settings_done(struct agent_settings *s)
{
	agent_settings_done(s);
}

static int dump_settings(const char *path, const struct agent_settings *s, struct buf *out)
{
	buf_printf(out, "# %s\n", path);
	options_dump(agent_settings_options, s, 0, OPTION_SECRETS_MASKED, out);
	return buf_failed(out) ? -ENOMEM : 0;
}

static int check_settings(const struct command_line *line, struct diag *reterr, struct buf *out)
{
	_cleanup_(settings_done) struct agent_settings settings = { 0 };
	const char *path = command_get(line, "agent-config");
	int r;

	if (!path)
		return 0;
	r = agent_settings_load(path, NULL, 0, reterr, &settings);
	if (r < 0)
		return r;
	return command_has(line, "dump") ? dump_settings(path, &settings, out) : 0;
}

/* One after the other, as documents of one stream. */
static int dump_pipelines(const struct pipeline_files *files, struct buf *out)
{
	int r = 0;

	for (size_t i = 0; i < files->n && r == 0; i++) {
		buf_printf(out, "%s# %s\n", out->len ? "---\n" : "",
			   pipeline_path(files->items[i]));
		r = pipeline_dump(files->items[i], OPTION_SECRETS_MASKED, out);
	}
	return r;
}

static int check_pipelines(const struct command_line *line, struct diag *reterr, struct buf *out)
{
	_cleanup_(pipeline_files_done) struct pipeline_files files = { 0 };
	bool is_right;
	int r;

	if (!line->n_operands)
		return 0;
	r = pipeline_set_load((const char *const *)line->operands, line->n_operands, reterr,
			      &files);
	if (r == -ENOMEM)
		return r;
	is_right = r == 0 && pipeline_files_n_enabled(&files) > 0;
	r = command_has(line, "dump") ? dump_pipelines(&files, out) : 0;
	if (!command_has(line, "dump"))
		buf_printf(out, "%zu pipeline%s right, %zu wrong\n", files.n,
			   files.n == 1 ? "" : "s", files.n_failed);
	return r < 0 ? r : is_right ? 0 : -EINVAL;
}

static int check_run(const struct command_line *line)
{
	_cleanup_(diag_done) struct diag diag = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	int r, settings;

	if (!line->n_operands && !command_has(line, "agent-config")) {
		fputs("proctrail check: PATH is missing\nSee proctrail check --help\n", stderr);
		return CLI_USAGE;
	}
	settings = check_settings(line, &diag, &out);
	r = check_pipelines(line, &diag, &out);
	diag_print(&diag, stderr);
	if (r == -ENOMEM || settings == -ENOMEM)
		fputs("proctrail check: out of memory\n", stderr);
	if (command_print(line, &out) != CLI_OK)
		return CLI_FAILED;
	return r < 0 || settings < 0 ? CLI_FAILED : CLI_OK;
}

static const struct command_option options[] = {
	{ .name = "dump",
	  .help = "print the effective configuration, defaults included and secrets masked" },
	{ .name = "agent-config",
	  .argument = "FILE",
	  .help = "check the agent's own settings as well" },
	{ 0 },
};

const struct command command_check = {
	.name = "check",
	.operands = "[PATH]...",
	.summary = "Check a configuration without starting anything",
	.text = "Loads pipelines as `run --config` would: each PATH is a file, or a folder of which every *.yaml, "
		"*.yml and *.json is a pipeline. Tells every mistake in every file, with file, line and column, on "
		"stderr. Nothing is opened, written or started.",
	.example = "proctrail check /etc/proctrail/pipelines\n"
		   "proctrail check --dump pipeline.yaml",
	.failure = "something is wrong, or no pipeline is enabled",
	.options = options,
	.run = check_run,
};
