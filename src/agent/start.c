/* SPDX-License-Identifier: Apache-2.0 */
/* From settings and files to a stream that has begun. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/beginning.h"
#include "agent/life.h"
#include "agent/snapshot.h"
#include "base/log.h"

#define SNAPSHOT_WAIT_MS 1000

#define LOG_UNIT "agent"

#define RECORD_ARGS (32 * 1024) /* of argv, in a recording */

static const char default_config[] = "enable: true\n"
				     "inputs:\n"
				     "  - Type: input_process_security\n"
				     "flushers:\n"
				     "  - Type: flusher_stdout\n"
				     "    OnlyStdout: true\n";

#define RECORD_REST (32 * 1024) /* what a record holds beside argv and environment, at most */

/* Four of the largest records have to fit into the ring, or they would be lost one by one. */
static void fit_into_ring(uint64_t ring_bytes, uint32_t *max_args, uint32_t *max_env)
{
	uint64_t room = ring_bytes / 4 - RECORD_REST;

	if (*max_env > room / 2)
		*max_env = (uint32_t)(room / 2);
	if (*max_args <= room - *max_env)
		return;
	log_warn("RingSize is too small for MaxArgumentBytes %" PRIu32
		 ": arguments are kept up to %" PRIu64 " bytes",
		 *max_args, room - *max_env);
	*max_args = (uint32_t)(room - *max_env);
}

/*
 * What the sensor collects: what the pipelines ask for, or, for a recording, what most of them may.
 */
void life_set_demand(struct agent *a)
{
	struct pipelines_demand demand = { .wants_ext = true, .max_args = RECORD_ARGS };
	uint32_t max_env;

	if (!a->options->record)
		pipelines_demand(&a->pipelines, &demand);
	fold_set_environment(a->reader.fold, demand.environment);
	if (!a->probe)
		return;
	max_env = demand.environment ? EVENT_ENV_MAX : 0;
	fit_into_ring(a->options->settings->ring_bytes, &demand.max_args, &max_env);
	probe_demand(a->probe, demand.wants_ext, demand.max_args, max_env);
}

int life_start_reader(struct agent *a)
{
	struct reader *reader = &a->reader;
	int r;

	reader->probe = a->probe;
	reader->facts = a->facts;
	reader->naming = &a->naming;
	reader->enrichment = a->sources.registry ? &a->enrichment : NULL;
	reader->writer = a->writer;
	reader->store = a->store;
	reader->pipelines = a->options->record ? NULL : &a->pipelines;
	reader->give_up = life_give_up;
	reader->give_up_ctx = a;
	r = reader_init(reader, &a->limits);
	return r < 0 ? log_err_errno(r, "cannot start the reader") : 0;
}

/*
 * The agent's pid as the kernel's records have it; 0: it runs in another pid namespace, and has
 * two.
 */
static uint32_t own_pid(void)
{
	return snapshot_sees_all() ? (uint32_t)getpid() : 0;
}

/* What the table and the queues may take. */
static int share_memory(struct agent *a)
{
	const struct agent_settings *settings = a->options->settings;
	struct memory_plan plan;
	int r;

	r = agent_settings_plan(settings, pipelines_n_flushers(&a->pipelines), &plan, &a->limits);
	if (r < 0)
		return r;
	pipelines_bound_queues(&a->pipelines, plan.queue_bytes);
	memory_watch_init(&a->memory, settings->max_bytes);
	r = metrics_add(a->observer.metrics, memory_metrics, &a->memory.counters, NULL, 0,
			&a->observer.memory_set);
	return r < 0 ? log_err_errno(r, "cannot make the metrics") : 0;
}

void life_share_memory_anew(struct agent *a)
{
	struct memory_plan plan;

	if (agent_settings_plan(a->options->settings, pipelines_n_running_flushers(&a->pipelines),
				&plan, &a->limits) < 0)
		plan = (struct memory_plan){ .table_bytes = MEMORY_TABLE_LEAST,
					     .queue_bytes = MEMORY_QUEUE_LEAST };
	pipelines_bound_queues(&a->pipelines, plan.queue_bytes);
	fold_bound(a->reader.fold, plan.table_bytes);
}

/* Pipelines first: what is wrong with a configuration shows before anything is touched. */
int life_load_pipelines(struct agent *a)
{
	int r;

	r = observer_init(&a->observer, &a->reader);
	if (r < 0)
		return log_err_errno(r, "cannot make the metrics");
	pipelines_init(&a->pipelines, a->options->configs, a->options->n_configs,
		       a->observer.metrics);
	a->pipelines.self_pid = a->options->replay ? 0 : own_pid();
	r = a->options->record ? 0 : pipelines_load(&a->pipelines, default_config);
	return r < 0 ? r : share_memory(a);
}

int life_start_pipelines(struct agent *a)
{
	int r;

	store_pipeline_state(a->store, &a->pipelines.state);
	if (a->options->record)
		return 0;
	r = pipelines_start(&a->pipelines);
	if (r == 0)
		store_tell_leftovers(a->store);
	return r;
}

static bool wants_snapshots(const struct agent *a)
{
	for (size_t i = 0; i < a->pipelines.n; i++) {
		const struct running *one = &a->pipelines.items[i];

		if (one->is_new && pipeline_demand(one->pipeline)->calls & 1U << CALL_SNAPSHOT)
			return true;
	}
	return false;
}

/* A snapshot shows containers by their names: as long as an event would wait, it does. */
static int wait_for_containers(struct agent *a)
{
	struct pollfd answers[] = { { .fd = -1, .events = POLLIN },
				    { .fd = container_users_fd(a->naming.users),
				      .events = POLLIN } };
	const struct fold *fold = a->reader.fold;
	char id[CONTAINER_ID_LEN];
	uint64_t since;
	int r = 0;

	if (a->sources.registry)
		answers[0].fd = container_registry_fd(a->sources.registry);
	while (r == 0 && fold_waits_longest(fold, id, &since)) {
		(void)poll(answers, ARRAY_SIZE(answers),
			   enrichment_due_ms(&a->enrichment, fold, SNAPSHOT_WAIT_MS));
		r = naming_turn(&a->naming, &a->reader);
		if (r == 0)
			r = enrichment_turn(&a->enrichment, &a->reader);
	}
	return r < 0 ? r : reader_deliver(&a->reader);
}

/* The living processes for the pipelines that have just begun and ask for them. */
int life_deliver_snapshots(struct agent *a)
{
	uint64_t now = clock_now_ns(CLOCK_BOOTTIME);
	int r = wants_snapshots(a) ? wait_for_containers(a) : 0;

	for (size_t i = 0; i < a->pipelines.n && r == 0; i++) {
		struct running *one = &a->pipelines.items[i];

		if (one->is_new && pipeline_demand(one->pipeline)->calls & 1U << CALL_SNAPSHOT)
			r = reader_snapshot(&a->reader, one->pipeline, now);
		one->is_new = false;
	}
	return r;
}

static int open_recording(struct agent *a)
{
	int r;

	if (!a->options->record)
		return 0;
	r = recording_writer_new(a->options->record, &a->writer);
	return r < 0 ? log_err_errno(r, "cannot write '%s'", a->options->record) : 0;
}

/*
 * The folders that outlive the agent, then the programs. A recording shares nothing with an agent:
 * it has a ring of its own and leaves nothing.
 */
static int open_probe(struct agent *a)
{
	const struct agent_settings *settings = a->options->settings;
	_cleanup_(freep) char *state = NULL, *pins = NULL;
	struct probe_options options = { .hooks = (enum probe_hooks)settings->hooks,
					 .ring_bytes = settings->ring_bytes,
					 .budget = (uint32_t)settings->cgroup_budget };
	int r;

	r = agent_settings_folders(settings, &state, &pins);
	if (r < 0)
		return log_err_errno(r, "cannot begin");
	if (!a->options->record)
		options.pins = pins;
	if (!a->options->record && state) {
		r = store_open(state, settings->journal_bytes, &a->store);
		if (r < 0)
			return r;
	}
	return probe_new(&options, &a->probe);
}

/* Below HostRoot are the files of the processes that are seen, or names would be made up. */
static int open_facts(struct agent *a)
{
	const struct agent_settings *settings = a->options->settings;
	_cleanup_(freep) char *passwd = NULL;
	int r;

	if (*settings->host_root && !snapshot_sees_all()) {
		log_err("HostRoot '%s' is for the host's pid namespace, and this is another one: run it with --pid=host, hostPID: true",
			settings->host_root);
		return -EINVAL;
	}
	r = agent_settings_host_path(settings, "/etc/passwd", &passwd);
	if (r == 0)
		r = facts_new(settings->node_name, passwd, &a->facts);
	return r < 0 ? log_err_errno(r, "cannot read what the system says of itself") : 0;
}

/* Who is asked about containers: as early as can be, so that they have begun when the log does. */
static int start_sources(struct agent *a)
{
	const struct agent_settings *settings = a->options->settings;
	int r = sources_start(&a->sources, settings, facts_node_name(a->facts));

	if (r < 0)
		return log_err_errno(r, "cannot ask anybody about containers");
	a->enrichment.registry = a->sources.registry;
	a->enrichment.facts = a->facts;
	a->enrichment.wait_ns = settings->container_wait_ns;
	r = naming_start(&a->naming, a->facts);
	if (r < 0)
		return log_err_errno(r, "cannot look up users of containers");
	a->enrichment.users = a->naming.users;
	return 0;
}

static int show_sources(struct agent *a)
{
	int r = metrics_add(a->observer.metrics, enrichment_metrics, &a->enrichment.counters, NULL,
			    0, &a->observer.enrichment_set);

	if (r == 0)
		r = sources_show_metrics(&a->sources, a->observer.metrics);
	if (r == 0)
		r = metrics_add(a->observer.metrics, naming_metrics, &a->naming.counters, NULL, 0,
				&a->observer.naming_set);
	a->observer.sources = &a->sources;
	a->observer.naming = &a->naming;
	return r < 0 ? log_err_errno(r, "cannot make the metrics") : 0;
}

/* Everything that is opened before the stream begins. */
static int open_all(struct agent *a)
{
	const struct agent_settings *settings = a->options->settings;
	int r;

	r = open_facts(a);
	if (r < 0)
		return r;
	r = start_sources(a);
	if (r < 0)
		return r;
	config_watch_init(&a->config_watch, a->options->configs, a->options->n_configs);
	config_watch_renew(&a->config_watch); /* what it cannot watch it says; SIGHUP is left */
	r = life_load_pipelines(a);
	if (r < 0)
		return r;
	r = show_sources(a);
	if (r < 0)
		return r;
	r = open_probe(a);
	if (r < 0)
		return r;
	r = life_start_pipelines(a);
	if (r < 0)
		return r;
	r = open_recording(a);
	if (r < 0)
		return r;
	metric_set(&a->observer.counters.ring_bytes, settings->ring_bytes);
	return a->options->record ? 0 : observer_listen(&a->observer, settings);
}

int life_start(struct agent *a)
{
	int r;

	r = open_all(a);
	if (r < 0)
		return r;
	r = life_start_reader(a);
	if (r < 0)
		return r;
	life_set_demand(a);
	r = beginning_run(&a->reader, &a->enrichment);
	if (r < 0)
		return r;
	naming_resume(&a->naming, a->reader.fold);
	r = enrichment_resume(&a->enrichment, &a->reader);
	if (r == 0)
		r = life_deliver_snapshots(a);
	if (r < 0)
		return log_err_errno(r, "cannot deliver the snapshot");
	a->is_live = true;
	observer_describe(&a->observer, &a->reader, facts_node_name(a->facts));
	return 0;
}
