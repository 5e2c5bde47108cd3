/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail containers`: what the container runtimes of this machine tell, without an agent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/container_list.h"
#include "cli/runtime_sources.h"

#define WAIT_S_DEFAULT 2
#define WAIT_S_MAX 3600
#define LOOK_MS 20
#define QUIET_MS 150 /* without anything new, all has been told */

static bool parse_wait(const char *text, unsigned int *ret_s)
{
	char *end;
	unsigned long s = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || s > WAIT_S_MAX)
		return false;
	*ret_s = (unsigned int)s;
	return true;
}

static uint64_t now_ms(void)
{
	return clock_now_ns(CLOCK_MONOTONIC) / 1000000u;
}

/* Until all are ready or off and have no more to tell, or the time is over. */
static void wait_for_all(const struct runtime_sources *sources, struct container_list *list,
			 unsigned int wait_s)
{
	uint64_t end = now_ms() + (uint64_t)wait_s * 1000;

	while (now_ms() < end &&
	       (!runtime_sources_have_settled(sources) || !container_list_is_quiet(list, QUIET_MS)))
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000 }, NULL);
}

static int run(const struct command_line *line)
{
	const char *wait = command_get(line, "wait");
	unsigned int wait_s = WAIT_S_DEFAULT;
	_cleanup_(container_list_freep) struct container_list *list = NULL;
	_cleanup_(runtime_sources_done) struct runtime_sources sources = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };

	if (wait && !parse_wait(wait, &wait_s)) {
		fprintf(stderr,
			"proctrail containers: --wait: expected 0 to %d seconds, not '%s'\n",
			WAIT_S_MAX, wait);
		return CLI_USAGE;
	}
	list = container_list_new();
	if (!list || runtime_sources_start(&sources, line, list) < 0) {
		fputs("proctrail containers: out of memory or of threads\n", stderr);
		return CLI_FAILED;
	}
	wait_for_all(&sources, list, wait_s);
	container_list_format(list, &out);
	runtime_sources_format(&sources, &out);
	return command_print(line, &out);
}

static const struct command_option options[] = {
	{ .letter = 'd',
	  .name = "docker",
	  .argument = "PATH",
	  .help = "the socket of Docker (default: /run/docker.sock)" },
	{ .letter = 'p',
	  .name = "podman",
	  .argument = "PATH",
	  .help = "the socket of podman (default: /run/podman/podman.sock)" },
	{ .letter = 'c',
	  .name = "cri",
	  .argument = "PATH",
	  .help = "the socket of a runtime of Kubernetes (default: containerd's, CRI-O's or cri-dockerd's)" },
	{ .letter = 'w',
	  .name = "wait",
	  .argument = "SECONDS",
	  .help = "how long runtimes may take to tell all they know (default: 2)" },
	{ 0 },
};

const struct command command_containers = {
	.name = "containers",
	.summary = "List the containers of this machine, as their runtimes tell",
	.text = "Asks the container runtimes of this machine in the way that the agent does: Docker and podman over "
		"the Docker Engine API, containerd and CRI-O over the Container Runtime Interface. Prints one JSON object per line: first the containers, with all that is "
		"known of each and which sources told it, then the sources, with their state: 'off' where there is "
		"nothing to ask, 'connecting' where it does not answer, 'ready'. No agent is needed.\n\n"
		"A source is not asked when its socket is given as 'none'.",
	.example =
		"sudo proctrail containers | jq -r 'select(.id) | [.id[:12], .name, .\"image.name\"] | @tsv'\n"
		"sudo proctrail containers --podman none --docker /srv/docker.sock",
	.failure = "it cannot be written",
	.options = options,
	.run = run,
};
