/* SPDX-License-Identifier: Apache-2.0 */
/* `proctrail status`: what a running agent says of itself. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "cli/client.h"
#include "cli/line_settings.h"
#include "cli/status_page.h"

#define CLEAR "\033[H\033[2J"

static double now_s(void)
{
	return (double)clock_now_ns(CLOCK_MONOTONIC) / CLOCK_SECOND_NS;
}

static int report(const char *socket, int r)
{
	_cleanup_(buf_done) struct buf why = { 0 };

	client_explain(socket, r, &why);
	fprintf(stderr, "proctrail status: %.*s\n", (int)why.len, why.data);
	return CLI_FAILED;
}

static int print_page(const struct command_line *line, const json_t *status, const json_t *before,
		      double seconds)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	bool watches = command_has(line, "watch");

	if (command_has(line, "json")) {
		_cleanup_(freep) char *text = json_dumps(status, JSON_COMPACT);

		if (!text)
			return CLI_FAILED;
		buf_put_str(&out, str_from(text));
		buf_put_char(&out, '\n');
		return command_print(line, &out);
	}
	if (watches && isatty(STDOUT_FILENO))
		buf_put_str(&out, STR(CLEAR));
	else if (before)
		buf_put_char(&out, '\n');
	status_page_format(status, before, seconds, &out);
	return command_print(line, &out);
}

/* Until the agent goes, or nobody reads any more. */
static int watch(const struct command_line *line, const char *socket)
{
	_cleanup_(client_json_unrefp) json_t *before = NULL;
	double before_s = 0;

	for (;;) {
		_cleanup_(client_json_unrefp) json_t *status = NULL;
		int r = client_get_status(socket, &status);
		double s = now_s();

		if (r < 0)
			return report(socket, r);
		if (print_page(line, status, before, s - before_s) != CLI_OK)
			return CLI_FAILED;
		json_decref(before);
		before = TAKE_PTR(status);
		before_s = s;
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	}
}

static int show(const struct command_line *line, const char *socket)
{
	_cleanup_(client_json_unrefp) json_t *status = NULL;
	int r = client_get_status(socket, &status);

	if (r < 0)
		return report(socket, r);
	if (print_page(line, status, NULL, 0) != CLI_OK)
		return CLI_FAILED;
	return status_page_is_healthy(status) ? CLI_OK : CLI_FAILED;
}

static int run(const struct command_line *line)
{
	_cleanup_(agent_settings_done) struct agent_settings settings = { 0 };
	int r = line_settings_load(line, line_settings_agent, &settings);

	if (r != CLI_OK)
		return r;
	if (!settings.control_socket) {
		fputs("proctrail status: the agent cannot be asked: its settings say ControlSocket: none\n",
		      stderr);
		return CLI_FAILED;
	}
	return command_has(line, "watch") ? watch(line, settings.control_socket)
					  : show(line, settings.control_socket);
}

static const struct command_option options[] = {
	{ .letter = 'j', .name = "json", .help = "all that the agent says, as one JSON object" },
	{ .letter = 'w',
	  .name = "watch",
	  .help = "again each second, with the rates of that second" },
	{ .letter = 'i',
	  .name = "instance",
	  .argument = "NAME",
	  .help = "the agent of this name (default: default)" },
	{ .letter = 's',
	  .name = "socket",
	  .argument = "PATH",
	  .help = "the agent that listens on this socket" },
	{ 0 },
};

const struct command command_status = {
	.name = "status",
	.summary = "Show how a running agent does",
	.text = "Asks the agent over its control socket, which only root may do. Prints what it has recorded and lost, "
		"how full its buffers are, what each pipeline took and delivered and how long that took, and what "
		"the agent itself costs. Rates and latencies are those since the start of the agent, or with "
		"--watch those of the last second.",
	.example = "proctrail status --watch\n"
		   "proctrail status --json | jq .health",
	.failure = "the agent is not healthy, or there is none",
	.options = options,
	.run = run,
};
