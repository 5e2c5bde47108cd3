/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flag is put into the tree of the file, so that both are judged by the same rules: the table
 * (settings_table.c), then what it cannot say (settings_rules.c).
 */
#include "agent/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "agent/settings_flags.h"
#include "agent/settings_rules.h"
#include "base/log.h"
#include "base/rooted_path.h"

#define LOG_UNIT "settings"

int agent_control_socket(const char *instance, char **ret)
{
	char *path = NULL;

	if (asprintf(&path, "/run/proctrail/%s.sock", instance) < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
}

static int parse(const char *path, struct diag *reterr, struct conf_node **ret)
{
	bool is_there = path || access(AGENT_SETTINGS_PATH, F_OK) == 0;
	int r;

	if (!is_there)
		return conf_parse_text(AGENT_FLAGS_NAME, "{}", 2, reterr, ret);
	r = conf_parse_file(path ? path : AGENT_SETTINGS_PATH, reterr, ret);
	if (r < 0)
		return r;
	if ((*ret)->kind != CONF_MAP) {
		diag_add(reterr, DIAG_ERROR, (*ret)->at, "",
			 "expected a map of settings such as 'RingSize: 16MiB'");
		return -EINVAL;
	}
	return conf_expand_env(*ret, reterr) == -ENOMEM ? -ENOMEM
							: 0; /* other findings count in the end */
}

int agent_settings_load(const char *path, const struct agent_flag *flags, size_t n_flags,
			struct diag *reterr, struct agent_settings *ret)
{
	_cleanup_(conf_node_freep) struct conf_node *map = NULL;
	size_t n_errors = reterr->n_errors;
	int r;

	r = parse(path, reterr, &map);
	for (size_t i = 0; r == 0 && i < n_flags; i++)
		r = settings_put_flag(map, &flags[i]);
	if (r == 0)
		r = options_apply(agent_settings_options, map, "", NULL, ret, reterr);
	if (r == -ENOMEM || !map)
		return r;
	r = settings_settle(ret, map, reterr);
	return r == 0 && reterr->n_errors > n_errors ? -EINVAL : r;
}

void agent_settings_done(struct agent_settings *s)
{
	options_done(agent_settings_options, s);
}

int agent_settings_host_path(const struct agent_settings *s, const char *path, char **ret)
{
	return rooted_path_resolve(s->host_root, path, ret);
}

static int join(const char *folder, const char *name, char **ret)
{
	char *path = NULL;

	if (folder && asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
}

int agent_settings_folders(const struct agent_settings *s, char **ret_state, char **ret_pins)
{
	_cleanup_(freep) char *state = NULL, *pins = NULL;

	if (join(s->state_directory, s->instance, &state) < 0 ||
	    join(s->pin_directory, s->instance, &pins) < 0)
		return -ENOMEM;
	/* No name on bpffs has a dot (kernel/bpf/inode.c: bpf_lookup), and no instance a plus. */
	for (char *dot = pins ? strrchr(pins, '/') : NULL; dot && (dot = strchr(dot, '.'));)
		*dot = '+';
	*ret_state = TAKE_PTR(state);
	*ret_pins = TAKE_PTR(pins);
	return 0;
}

/* The ring, and the journal with the file that the next one is written over. */
static uint64_t shared_bytes(const struct agent_settings *s)
{
	return s->ring_bytes + (s->state_directory ? 2 * s->journal_bytes : 0);
}

int agent_settings_plan(const struct agent_settings *s, size_t n_flushers, struct memory_plan *ret,
			struct proc_limits *ret_limits)
{
	uint64_t shared = shared_bytes(s), least = memory_plan_least(shared, n_flushers);
	struct memory_plan plan;
	int r;

	r = memory_plan(s->max_bytes, shared, n_flushers, &plan);
	if (r < 0) {
		log_err("MaxMemory is too small: RingSize, JournalSize and %zu flushers take at least %" PRIu64
			" MiB",
			n_flushers, (least + (1 << 20) - 1) >> 20);
		return r;
	}
	if (plan.table_bytes > s->table_bytes)
		plan.table_bytes = s->table_bytes;
	*ret = plan;
	*ret_limits = (struct proc_limits){
		.max_images = (size_t)s->table_images,
		.max_bytes = plan.table_bytes,
		.max_users = (size_t)s->table_users,
		.max_cgroups = (size_t)s->table_cgroups,
		.max_containers = (size_t)s->table_containers,
	};
	return 0;
}
