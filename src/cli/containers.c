/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail containers`: what the container runtimes of this machine tell, without an agent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/container_list.h"
#include "cli/line_settings.h"
#include "cli/source_trial.h"

#define WAIT_S_DEFAULT 2
#define WAIT_S_MAX 3600

static bool parse_wait(const char *text, unsigned int *ret_s)
{
	char *end;
	unsigned long s = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || s > WAIT_S_MAX)
		return false;
	*ret_s = (unsigned int)s;
	return true;
}

/* The options that say where a source, which has the same name, is asked; "none": it is not. */
static const struct line_setting options_of_sources[] = {
	{ "docker", "DockerSockets" },
	{ "podman", "PodmanSockets" },
	{ "cri", "CriSockets" },
};

static void leave_out(struct string_list *names, const char *name)
{
	for (size_t i = names->n; i--;) {
		if (strcmp(names->items[i], name) != 0)
			continue;
		freep(&names->items[i]);
		names->items[i] = names->items[--names->n];
	}
}

static int load_settings(const struct command_line *line, struct agent_settings *ret)
{
	struct line_setting given[ARRAY_SIZE(options_of_sources) + 2] = {
		{ "sources", "ContainerSources" },
	};
	const char *left_out[ARRAY_SIZE(options_of_sources)];
	size_t n = 1, n_left_out = 0;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(options_of_sources); i++) {
		const struct line_setting *row = &options_of_sources[i];
		const char *socket = command_get(line, row->option);

		if (socket && strcmp(socket, "none") == 0)
			left_out[n_left_out++] = row->option;
		else
			given[n++] = *row;
	}
	r = line_settings_load(line, given, ret);
	while (r == CLI_OK && n_left_out)
		leave_out(&ret->container_sources, left_out[--n_left_out]);
	return r;
}

static int run(const struct command_line *line)
{
	const char *wait = command_get(line, "wait");
	unsigned int wait_s = WAIT_S_DEFAULT;
	_cleanup_(container_list_freep) struct container_list *list = NULL;
	_cleanup_(agent_settings_done) struct agent_settings settings = { 0 };
	_cleanup_(source_trial_done) struct source_trial trial = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	int r;

	if (wait && !parse_wait(wait, &wait_s)) {
		fprintf(stderr,
			"proctrail containers: --wait: expected 0 to %d seconds, not '%s'\n",
			WAIT_S_MAX, wait);
		return CLI_USAGE;
	}
	r = load_settings(line, &settings);
	if (r != CLI_OK)
		return r;
	list = container_list_new();
	if (!list || source_trial_start(&trial, &settings, list) < 0) {
		fputs("proctrail containers: out of memory or of threads\n", stderr);
		return CLI_FAILED;
	}
	source_trial_wait(&trial, list, wait_s);
	container_list_format(list, &out);
	source_trial_format(&trial, &out);
	return command_print(line, &out);
}

static const struct command_option options[] = {
	{ .letter = 'd',
	  .name = "docker",
	  .argument = "PATH",
	  .help = "the socket of Docker (default: as the settings say)" },
	{ .letter = 'p', .name = "podman", .argument = "PATH", .help = "the socket of podman" },
	{ .letter = 'c',
	  .name = "cri",
	  .argument = "PATH",
	  .help = "the socket of a runtime that serves CRI" },
	{ .letter = 's',
	  .name = "sources",
	  .argument = "LIST",
	  .help = "who is asked: files, docker, podman, cri, kubernetes (default: as the settings say)" },
	AGENT_CONFIG_OPTION,
	{ .letter = 'w',
	  .name = "wait",
	  .argument = "SECONDS",
	  .help = "how long runtimes may take to tell all they know (default: 2)" },
	{ 0 },
};

const struct command command_containers = {
	.name = "containers",
	.summary = "List the containers of this machine, as their runtimes tell",
	.text = "Asks whoever may know of containers in the way that the agent does, as its settings say: Docker and "
		"podman over the Docker Engine API, containerd and CRI-O over the Container Runtime Interface, Kubernetes. Prints one JSON object per line: first the containers, with all that is "
		"known of each and which sources told it, then the sources: what each looked for and found, and its "
		"state, 'off' where there is nothing to ask, 'connecting' where it does not answer, 'ready'. Files "
		"are only looked into for a container that runs, so they list none. No agent is needed.\n\n"
		"A source is not asked when its socket is given as 'none'.",
	.example =
		"sudo proctrail containers | jq -r 'select(.id) | [.id[:12], .name, .\"image.name\"] | @tsv'\n"
		"sudo proctrail containers --podman none --docker /srv/docker.sock",
	.failure = "it cannot be written",
	.options = options,
	.run = run,
};
