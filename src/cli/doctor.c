/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `proctrail doctor`: whether this host has what the agent needs, and how the agent does that runs
 * on it.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <string.h>

#include "cli/client.h"
#include "cli/line_settings.h"
#include "cli/status_page.h"

static void check_health(struct diagnosis *d, const json_t *status)
{
	const json_t *reasons = json_object_get(json_object_get(status, "health"), "reasons");

	if (status_page_is_healthy(status))
		diagnosis_add(d, FINDING_OK, "agent", NULL,
			      "runs as pid %" JSON_INTEGER_FORMAT ", healthy",
			      json_integer_value(json_object_get(status, "pid")));
	for (size_t i = 0; i < json_array_size(reasons); i++)
		diagnosis_add(d, FINDING_FAILURE, "agent",
			      "see proctrail status, and the agent's log", "%s",
			      json_string_value(json_array_get(reasons, i)));
}

static void check_version(struct diagnosis *d, const json_t *status)
{
	const char *version = json_string_value(json_object_get(status, "version"));

	if (version && strcmp(version, PROCTRAIL_VERSION) != 0)
		diagnosis_add(d, FINDING_WARNING, "version", "restart the agent",
			      "the agent that runs is %s, this is " PROCTRAIL_VERSION, version);
}

static void check_agent(struct diagnosis *d, const char *socket)
{
	_cleanup_(client_json_unrefp) json_t *status = NULL;
	_cleanup_(buf_done) struct buf why = { 0 };
	int r = socket ? client_get_status(socket, &status) : 0;

	if (!socket) {
		diagnosis_add(d, FINDING_OK, "agent", NULL,
			      "cannot be asked: its settings say ControlSocket: none");
	} else if (r == -ENOENT || r == -ECONNREFUSED) {
		diagnosis_add(d, FINDING_OK, "agent", NULL, "none runs that listens on '%s'",
			      socket);
	} else if (r < 0) {
		client_explain(socket, r, &why);
		diagnosis_add(d, r == -EACCES ? FINDING_WARNING : FINDING_FAILURE, "agent",
			      r == -EACCES ? "run this as root" : "restart the agent", "%.*s",
			      (int)why.len, why.data ? why.data : "");
	} else {
		check_health(d, status);
		check_version(d, status);
	}
}

static int run(const struct command_line *line)
{
	_cleanup_(agent_settings_done) struct agent_settings settings = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	static struct diagnosis d;
	int r = line_settings_load(line, line_settings_agent, &settings);

	if (r != CLI_OK)
		return r;
	doctor_host(&d, settings.host_root);
	doctor_bpf(&d, settings.ring_bytes);
	doctor_sources(&d, &settings);
	check_agent(&d, settings.control_socket);
	if (command_has(line, "json"))
		diagnosis_format_json(&d, &out);
	else
		diagnosis_format_text(&d, &out);
	if (command_print(line, &out) != CLI_OK)
		return CLI_FAILED;
	return diagnosis_count(&d, FINDING_FAILURE) ? CLI_FAILED : CLI_OK;
}

static const struct command_option options[] = {
	{ .letter = 'j', .name = "json", .help = "as one JSON object" },
	{ .letter = 'i',
	  .name = "instance",
	  .argument = "NAME",
	  .help = "look at the agent of this name (default: default)" },
	{ .letter = 's',
	  .name = "socket",
	  .argument = "PATH",
	  .help = "look at the agent that listens on this socket" },
	AGENT_CONFIG_OPTION,
	{ 0 },
};

const struct command command_doctor = {
	.name = "doctor",
	.summary = "Examine whether this machine has what the agent needs",
	.text = "Looks at the kernel, at privileges and mounts, loads each BPF program and lets it go again, asks who "
		"may know of containers as the settings say, and the agent that runs. A line for each, and for what is not right what to do about it. Nothing is "
		"changed, and nothing recorded.",
	.example = "sudo proctrail doctor",
	.failure = "there is a failure; warnings alone are 0",
	.options = options,
	.run = run,
};
