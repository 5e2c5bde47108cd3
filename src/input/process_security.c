/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_process_security: which records of processes a pipeline wants, and which fields of them.
 * The sensor itself is shared by all pipelines; this says what one of them asks of it. Has no state
 * and no thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/nearest.h"
#include "plugin/plugin.h"

struct process_security_conf {
	struct string_list call_names;
	struct string_list fields;
	uint64_t max_args;
	bool snapshot;
	struct string_list environment;
	bool exclude_self;
};

static const char *check_call(const char *item)
{
	const char *names[_CALL_MAX + 1] = { NULL };
	const char *near;
	enum call call;

	if (call_from_string(str_from(item), &call) == 0 && call < CALL_SNAPSHOT)
		return NULL;
	if (strcmp(item, call_to_string(CALL_SNAPSHOT)) == 0)
		return "execve, exit or clone (the processes found at start come by Snapshot: true)";
	if (strcmp(item, call_to_string(CALL_LOST)) == 0 ||
	    strcmp(item, call_to_string(CALL_CONTAINER)) == 0)
		return "execve, exit or clone (lost and container come in any case)";
	for (int i = 0; i < CALL_SNAPSHOT; i++)
		names[i] = call_to_string((enum call)i);
	near = nearest_name(item, names);
	return near ? near : "execve, exit or clone";
}

static const char *check_field(const char *item)
{
	static const char *const sets[] = { "spec", "extended", NULL };
	struct str name = str_from(item);
	const struct field *near;
	const char *near_set;

	if (strcmp(item, sets[FIELD_SET_SPEC]) == 0 || strcmp(item, sets[FIELD_SET_EXTENDED]) == 0)
		return NULL;
	if (field_lookup(name))
		return NULL;
	near_set = nearest_name(item, sets);
	if (near_set)
		return near_set;
	near = field_nearest(name);
	return near ? near->name : "spec, extended or the name of a field";
}

static const char *check_variable(const char *item)
{
	return *item && !strchr(item, '=') ? NULL : "the name of an environment variable";
}

static const struct option options[] = {
	OPT_CHECKED(
		struct process_security_conf, "CallNames", call_names, .def = "execve,exit",
		.check_item = check_call,
		.help = "Which records to make: `execve` for a program that begins, `exit` for a process that "
			"ends, `clone` for a process (not a thread) that is created."),
	OPT_CHECKED(
		struct process_security_conf, "Fields", fields, .def = "spec",
		.check_item = check_field,
		.help = "Which fields a record has: `spec`, `extended` for all there are, or names of fields, "
			"which are added to `spec`."),
	OPT_SIZE(struct process_security_conf, "MaxArgumentBytes", max_args, .def = "32KiB",
		 .min = 1, .max = EVENT_ARGS_MAX,
		 .help = "How much of an argument list is kept. One that is longer is cut, and its record has "
			 "`arguments.truncated`."),
	OPT_BOOL(struct process_security_conf, "Snapshot", snapshot, .def = "false",
		 .help = "Whether the processes that are there when the pipeline starts are records too, with "
			 "`call_name` `snapshot`."),
	OPT_CHECKED(
		struct process_security_conf, "Environment", environment,
		.check_item = check_variable,
		.help = "Environment variables whose values at exec are added to the records, in the field "
			"`environment`; for example `LD_PRELOAD` and `SSH_CONNECTION`. The first 256 KiB of an "
			"environment are looked through."),
	OPT_BOOL(struct process_security_conf, "ExcludeSelf", exclude_self, .def = "true",
		 .help = "Whether the agent's own process makes no records."),
	{ .type = OPTION_END },
};

static int process_security_check(const void *data, const struct conf_node *map, const char *path,
				  struct diag *reterr)
{
	const struct process_security_conf *conf = data;

	if (conf->call_names.n)
		return 0;
	diag_add(reterr, DIAG_ERROR, conf_node_lookup(map, "CallNames")->at, path,
		 "CallNames is empty; leave it out for the default");
	return -EINVAL;
}

static void choose_field(bool *wanted, const char *item)
{
	const struct field *named = field_lookup(str_from(item));
	bool is_all = strcmp(item, "extended") == 0;

	for (size_t i = 0; i < n_fields; i++)
		wanted[i] |= is_all || &fields[i] == named;
}

static int process_security_demand(const void *data, struct demand *ret)
{
	const struct process_security_conf *conf = data;
	_cleanup_(freep) bool *wanted = NULL;
	uint32_t calls = 0;

	wanted = calloc(n_fields, sizeof(*wanted));
	if (!wanted)
		return -ENOMEM;
	for (size_t i = 0; i < n_fields; i++)
		wanted[i] = fields[i].set == FIELD_SET_SPEC;
	for (size_t i = 0; i < conf->fields.n; i++)
		choose_field(wanted, conf->fields.items[i]);
	for (size_t i = 0; conf->environment.n && i < n_fields; i++)
		wanted[i] |= strcmp(fields[i].name, "environment") == 0;
	if (conf->snapshot)
		calls |= 1U << CALL_SNAPSHOT;
	for (size_t i = 0; i < conf->call_names.n; i++) {
		enum call call = CALL_EXECVE;

		if (call_from_string(str_from(conf->call_names.items[i]), &call) == 0)
			calls |= 1U << call;
	}
	*ret = (struct demand){
		.calls = calls,
		.max_args = (uint32_t)conf->max_args,
		.environment = &conf->environment,
		.exclude_self = conf->exclude_self,
		.fields = TAKE_PTR(wanted),
	};
	return 0;
}

const struct input input_process_security = {
	.base = {
		.name = "input_process_security",
		.help = "Records of processes: who ran what, as whom, from where, and how it ended.",
		.options = options,
		.conf_size = sizeof(struct process_security_conf),
		.check = process_security_check,
	},
	.demand = process_security_demand,
};
