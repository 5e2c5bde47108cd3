/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail run`: the main job. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "cli/cli.h"

#define NODE_NAME_MAX 64

enum {
	OPT_CONFIG = 'c',
	OPT_HELP = 'h',
	OPT_NODE_NAME = 256,
	OPT_REPLAY,
	OPT_HOOKS,
	OPT_LOG_LEVEL,
	OPT_LOG_FORMAT,
};

static const struct option longs[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "node-name", required_argument, NULL, OPT_NODE_NAME },
	{ "replay", required_argument, NULL, OPT_REPLAY },
	{ "hooks", required_argument, NULL, OPT_HOOKS },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "log-format", required_argument, NULL, OPT_LOG_FORMAT },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

static const char help[] =
	"Usage: proctrail run [OPTION]...\n"
	"\n"
	"Records the processes of this machine and delivers them through a pipeline. Without --config it prints\n"
	"JSON lines on stdout. Needs root. SIGTERM or Ctrl-C end it.\n"
	"\n"
	"  -c, --config FILE     the pipeline, in YAML\n"
	"      --node-name NAME  the node in exec_id (default: the machine's name), at most 64 bytes\n"
	"      --replay FILE     fold a recording again instead of the kernel's stream; needs no root\n"
	"      --hooks KIND      auto, btf or raw: which kind of tracepoint (default: auto)\n"
	"      --log-level L     error, warning, info or debug (default: info)\n"
	"      --log-format F    text or json, on stderr (default: text)\n"
	"  -h, --help\n"
	"\n"
	"Example:\n"
	"  proctrail run --config /etc/proctrail/pipelines/processes.yaml\n"
	"\n"
	"Exit codes: 0 ended in order, 1 failed, 2 the command line is wrong\n";

struct run_line {
	struct agent_options agent;
	int level, format, hooks;
	bool wants_help;
};

static const char *const hooks_names[] = { "auto", "btf", "raw", NULL };
static const char *const level_names[] = { "error", "warning", "info", "debug", NULL };
static const char *const format_names[] = { "text", "json", NULL };

/* The index of a word, or -EINVAL after saying which words there are. */
static int choose(const char *option, const char *const *names, const char *word)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], word) == 0)
			return i;
	fprintf(stderr, "proctrail run: --%s is one of", option);
	for (int i = 0; names[i]; i++)
		fprintf(stderr, "%s %s", i ? "," : "", names[i]);
	fprintf(stderr, ", not '%s'\n", word);
	return -EINVAL;
}

static bool set(struct run_line *line, int opt, const char *arg)
{
	switch (opt) {
	case OPT_CONFIG:
		line->agent.config = arg;
		return true;
	case OPT_NODE_NAME:
		line->agent.node_name = arg;
		if (*arg && strlen(arg) <= NODE_NAME_MAX)
			return true;
		fprintf(stderr, "proctrail run: --node-name takes 1 to %d bytes\n", NODE_NAME_MAX);
		return false;
	case OPT_REPLAY:
		line->agent.replay = arg;
		return true;
	case OPT_HOOKS:
		return (line->hooks = choose("hooks", hooks_names, arg)) >= 0;
	case OPT_LOG_LEVEL:
		return (line->level = choose("log-level", level_names, arg)) >= 0;
	case OPT_LOG_FORMAT:
		return (line->format = choose("log-format", format_names, arg)) >= 0;
	case OPT_HELP:
		return line->wants_help = true;
	default:
		return false; /* getopt has said why */
	}
}

static bool parse(int argc, char **argv, struct run_line *line)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "c:h", longs, NULL)) != -1)
		if (!set(line, opt, optarg))
			return false;
	if (optind < argc)
		fprintf(stderr,
			"proctrail run: '%s' is not expected; a pipeline is given by --config\n",
			argv[optind]);
	return optind >= argc;
}

int cli_run(int argc, char **argv)
{
	struct run_line line = { .level = LOG_LEVEL_INFO };

	if (!parse(argc, argv, &line)) {
		fputs("See proctrail run --help\n", stderr);
		return CLI_USAGE;
	}
	if (line.wants_help) {
		fputs(help, stdout);
		return CLI_OK;
	}
	log_setup((enum log_level)line.level, (enum log_format)line.format);
	line.agent.hooks = (enum probe_hooks)line.hooks;
	return agent_run(&line.agent) < 0 ? CLI_FAILED : CLI_OK;
}
