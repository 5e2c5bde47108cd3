/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of the agent: load and check the pipeline, load the programs, start the pipeline, take the
 * snapshot, say that it is ready, read until told to stop, let go of the kernel, drain what is
 * left.
 *
 * How often the ring is looked at decides what the agent costs. While records come, a timer drains
 * it: after 2 ms at first, then in twice the time, up to 50 ms; a full ring wakes the reader
 * earlier. When a drain finds nothing, the next record is asked to wake it, and it sleeps.
 */
#include "agent/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "agent/config_watch.h"
#include "agent/observer.h"
#include "agent/pipelines.h"
#include "agent/reader.h"
#include "agent/snapshot.h"
#include "base/log.h"

#define LOG_UNIT "agent"

#define PERIOD_MIN_MS 2
#define PERIOD_MAX_MS 50
#define IDLE_MS 1000	      /* then clock and users are looked at, though nothing happens */
#define STOP_NS 4000000000ULL /* what is not delivered this long after the signal is given up */
#define MMAP_BYTES (128 * 1024)
#define RELOAD_MS 100		/* of silence after the last change of a file */
#define RELOAD_MAX_MS 500	/* after the first, though there is no silence */
#define RECORD_ARGS (32 * 1024) /* of argv, in a recording */

static const char default_config[] = "enable: true\n"
				     "inputs:\n"
				     "  - Type: input_process_security\n"
				     "flushers:\n"
				     "  - Type: flusher_stdout\n"
				     "    OnlyStdout: true\n";

struct agent {
	const struct agent_options *options;
	struct pipelines pipelines;
	struct config_watch config_watch;
	struct probe *probe;
	struct facts *facts;
	struct recording_writer *writer;
	struct recording_reader *recording;
	struct reader reader;
	struct observer observer;
	int epoll_fd, signal_fd;
	uint64_t started_ns;
	uint64_t stop_ns;	  /* when the signal came; 0: it has not */
	bool wants_reload;	  /* SIGHUP came */
	uint64_t change_ns;	  /* when a file last changed; 0: all changes are taken */
	uint64_t first_change_ns; /* of those that are not taken */
	bool owes_snapshots;	  /* to pipelines that have begun */
	bool is_live;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* In this order: the sockets show the pipelines, which show their metrics. */
static void agent_done(struct agent *a)
{
	a->observer.control = control_free(a->observer.control);
	reader_done(&a->reader);
	config_watch_done(&a->config_watch);
	pipelines_done(&a->pipelines);
	observer_done(&a->observer);
	recording_writer_free(a->writer);
	recording_reader_free(a->recording);
	probe_free(a->probe);
	facts_free(a->facts);
	closep(&a->epoll_fd);
	closep(&a->signal_fd);
}

/* Takes the signals that have come; true once one was to stop. */
static bool is_told_to_stop(struct agent *a)
{
	struct signalfd_siginfo info;

	while (read(a->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			a->wants_reload = true;
		else if (!a->stop_ns)
			a->stop_ns = now_ns();
	}
	return a->stop_ns != 0;
}

static int watch(struct agent *a, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/*
 * Signals are taken from a descriptor; a closed pipe and a file at its size limit are errors of
 * write, not the end. Threads that are started from here on inherit the mask.
 */
static int take_signals(struct agent *a)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a->signal_fd < 0)
		return -errno;
	a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll_fd < 0)
		return -errno;
	return watch(a, a->signal_fd, EPOLLIN);
}

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
static void set_demand(struct agent *a)
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

/* Looks whether files have changed. They are taken when nothing more seems to come. */
static bool is_reload_due(struct agent *a)
{
	uint64_t now = now_ns();

	if (config_watch_read(&a->config_watch)) {
		a->first_change_ns = a->change_ns ? a->first_change_ns : now;
		a->change_ns = now;
	}
	if (a->wants_reload)
		return true;
	return a->change_ns && (now - a->change_ns >= RELOAD_MS * 1000000ULL ||
				now - a->first_change_ns >= RELOAD_MAX_MS * 1000000ULL);
}

/*
 * The pipelines become what their files say. A batch that is in hand has gone to none of them yet.
 * The watch comes first, so that no change falls between the two.
 */
static void reload(struct agent *a)
{
	struct agent_counters *c = &a->observer.counters;

	a->change_ns = 0;
	if (TAKE(a->wants_reload, false))
		pipelines_reopen(&a->pipelines);
	config_watch_renew(&a->config_watch);
	if (pipelines_reload(&a->pipelines) == RELOAD_APPLIED)
		metric_add(&c->reloads, 1);
	else
		metric_add(&c->reloads_failed, 1);
	set_demand(a);
	observer_describe(&a->observer, &a->reader, facts_node_name(a->facts));
	a->owes_snapshots = true;
}

/*
 * While no flusher has room. Files may change meanwhile: that is the way out when one will never
 * have any.
 */
static bool give_up(void *ctx)
{
	struct agent *a = ctx;

	if (a->is_live)
		observer_turn(&a->observer, &a->reader);
	if (is_told_to_stop(a))
		return now_ns() - a->stop_ns > STOP_NS;
	if (a->is_live && is_reload_due(a))
		reload(a);
	return false;
}

static int start_reader(struct agent *a)
{
	struct reader *reader = &a->reader;
	struct proc_limits limits;
	int r;

	agent_settings_limits(a->options->settings, &limits);
	reader->probe = a->probe;
	reader->facts = a->facts;
	reader->writer = a->writer;
	reader->pipelines = a->options->record ? NULL : &a->pipelines;
	reader->give_up = give_up;
	reader->give_up_ctx = a;
	r = reader_init(reader, &limits);
	return r < 0 ? log_err_errno(r, "cannot start the reader") : 0;
}

#define HOST_PID_NS 4026531836 /* include/linux/proc_ns.h: PROC_PID_INIT_INO */

/*
 * The agent's pid as the kernel's records have it; 0: it runs in another pid namespace, and has
 * two.
 */
static uint32_t own_pid(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino != HOST_PID_NS)
		return 0;
	return (uint32_t)getpid();
}

/* Pipelines first: what is wrong with a configuration shows before anything is touched. */
static int start_pipelines(struct agent *a)
{
	int r;

	r = observer_init(&a->observer, &a->reader);
	if (r < 0)
		return log_err_errno(r, "cannot make the metrics");
	pipelines_init(&a->pipelines, a->options->configs, a->options->n_configs,
		       a->observer.metrics);
	a->pipelines.self_pid = a->options->replay ? 0 : own_pid();
	return a->options->record ? 0 : pipelines_start(&a->pipelines, default_config);
}

/* The facts that every log begins with. */
static int fold_beginning(struct agent *a)
{
	_Alignas(8) char record[1024];
	size_t n = facts_node(a->facts, record, sizeof(record));
	int r = reader_fold(&a->reader, record, n, 0);

	n = facts_clock(a->facts, record, sizeof(record));
	return r < 0 ? r : reader_fold(&a->reader, record, n, 0);
}

/* The living processes for the pipelines that have just begun and ask for them. */
static int deliver_snapshots(struct agent *a)
{
	uint64_t now = clock_ns(CLOCK_BOOTTIME);
	int r = 0;

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

/* Everything that is opened before the stream begins. */
static int open_all(struct agent *a)
{
	const struct agent_settings *settings = a->options->settings;
	const struct probe_options options = { .hooks = (enum probe_hooks)settings->hooks,
					       .ring_bytes = settings->ring_bytes };
	int r;

	r = facts_new(settings->node_name, &a->facts);
	if (r < 0)
		return log_err_errno(r, "cannot read what the system says of itself");
	config_watch_init(&a->config_watch, a->options->configs, a->options->n_configs);
	config_watch_renew(&a->config_watch); /* what it cannot watch it says; SIGHUP is left */
	r = start_pipelines(a);
	if (r < 0)
		return r;
	r = probe_new(&options, &a->probe);
	if (r < 0)
		return r;
	r = open_recording(a);
	if (r < 0)
		return r;
	metric_set(&a->observer.counters.ring_bytes, settings->ring_bytes);
	return a->options->record ? 0 : observer_listen(&a->observer, settings);
}

/* The pipelines' own files, and the ring. */
static int watch_all(struct agent *a)
{
	int r;

	if (a->config_watch.fd >= 0) {
		r = watch(a, a->config_watch.fd, EPOLLIN);
		if (r < 0)
			return log_err_errno(r, "cannot wait for changes");
	}
	r = watch(a, probe_ring_fd(a->probe), EPOLLIN | EPOLLET);
	return r < 0 ? log_err_errno(r, "cannot wait for the ring") : 0;
}

static int start_live(struct agent *a)
{
	int r;

	r = open_all(a);
	if (r < 0)
		return r;
	r = start_reader(a);
	if (r < 0)
		return r;
	set_demand(a);
	r = fold_beginning(a);
	if (r < 0)
		return log_err_errno(r, "cannot begin the log");
	r = snapshot_run(&a->reader);
	if (r < 0)
		return r;
	r = deliver_snapshots(a);
	if (r < 0)
		return log_err_errno(r, "cannot deliver the snapshot");
	a->is_live = true;
	observer_describe(&a->observer, &a->reader, facts_node_name(a->facts));
	return watch_all(a);
}

/* What has been asked for from outside, with nothing in hand. 0 or a negative errno. */
static int take_requests(struct agent *a)
{
	int r = 0;

	if (is_reload_due(a)) {
		r = reader_deliver(&a->reader);
		if (r == 0)
			reload(a);
	}
	return r < 0 || !TAKE(a->owes_snapshots, false) ? r : deliver_snapshots(a);
}

/* Sleeps until the time is up, a record woke us, or a signal or a change of a file came. */
static void wait_for(const struct agent *a, int ms)
{
	struct epoll_event ev[3];

	if (a->change_ns && ms > RELOAD_MS)
		ms = RELOAD_MS;
	(void)epoll_wait(a->epoll_fd, ev, ARRAY_SIZE(ev),
			 ms); /* whatever it was: everything is looked at */
}

/* One look at the ring, and the sleep until the next. 0 or a negative errno. */
static int turn(struct agent *a, int *period_ms)
{
	int64_t n = reader_drain(&a->reader);

	if (n < 0)
		return (int)n;
	observer_turn(&a->observer, &a->reader);
	if (n > 0) {
		wait_for(a, *period_ms);
		*period_ms = *period_ms * 2 < PERIOD_MAX_MS ? *period_ms * 2 : PERIOD_MAX_MS;
		return 0;
	}
	*period_ms = PERIOD_MIN_MS;
	probe_arm(a->probe);
	if (!ring_pending(probe_ring(a->probe)))
		wait_for(a, ring_fill(probe_ring(a->probe)) ? PERIOD_MAX_MS : IDLE_MS);
	return 0;
}

static int read_until_stopped(struct agent *a)
{
	int period_ms = PERIOD_MIN_MS, r = 0;

	while (r == 0 && !is_told_to_stop(a)) {
		r = take_requests(a);
		if (r == 0)
			r = turn(a, &period_ms);
	}
	return r;
}

/* Lets go of the kernel, then takes what is still in the ring. */
static int drain_rest(struct agent *a)
{
	int64_t n;

	probe_detach(a->probe);
	do {
		n = reader_drain(&a->reader);
	} while (n > 0);
	return (int)n;
}

static void summarize(const struct agent *a)
{
	double seconds = (double)(now_ns() - a->started_ns) / 1e9;
	struct probe_losses losses = { 0 };
	struct pipeline_totals totals;
	uint64_t lost, records = 0;

	if (a->probe && probe_losses(a->probe, &losses) < 0)
		log_warn("cannot read how many records were lost");
	lost = losses.exec + losses.exit + losses.fork + losses.other;
	pipelines_totals(&a->pipelines, &totals);
	for (int call = 0; a->options->record && call < _CALL_MAX; call++)
		records += metric_get(&a->reader.counters.records[call]);
	records += totals.records;
	log_info("%" PRIu64 " records, %" PRIu64 " lost, %" PRIu64 " dropped, %.1f/s over %.1f s",
		 records, lost, totals.dropped, seconds > 0 ? (double)records / seconds : 0,
		 seconds);
}

/*
 * How the end of reading is told: a closed pipe or a consumer that takes nothing is the end, not an
 * error.
 */
static int end_of(int r)
{
	switch (r) {
	case -EPIPE:
		log_info("the reader of our output has gone, stopping");
		return 0;
	case -ECANCELED:
		log_warn("the output takes nothing, giving up on what it has not taken");
		return 0;
	default:
		return r < 0 ? log_err_errno(r, "cannot go on") : 0;
	}
}

/*
 * The flushers get what is left of the time to stop; a replay, which nobody has stopped, as long as
 * it takes.
 */
static void stop_pipelines(struct agent *a, int why)
{
	uint64_t deadline = a->stop_ns	 ? a->stop_ns + STOP_NS
			    : a->is_live ? now_ns() + STOP_NS
					 : UINT64_MAX;

	pipelines_stop(&a->pipelines, why == -EPIPE ? 0 : deadline);
	if (a->reader.fold)
		reader_commit(&a->reader);
}

static int run_live(struct agent *a)
{
	int r, rest;

	r = start_live(a);
	if (r < 0)
		return r;
	malloc_trim(0); /* what loading the programs took is not needed again */
	log_ready();
	sd_notify(0, "READY=1");
	r = read_until_stopped(a);
	sd_notify(0, "STOPPING=1");
	rest = r < 0 ? 0 : drain_rest(a);
	probe_detach(a->probe);
	stop_pipelines(a, r);
	return end_of(r < 0 ? r : rest);
}

/* One record of the recording; 1 at its end. */
static int replay_next(struct agent *a)
{
	const struct event_head *record;
	uint64_t seq;

	switch (recording_next(a->recording, &record, &seq)) {
	case RECORDING_RECORD:
		return reader_fold(&a->reader, record, record->size, seq);
	case RECORDING_BATCH:
		return is_told_to_stop(a) ? 1 : reader_deliver(&a->reader);
	case RECORDING_END:
		return 1;
	case RECORDING_TORN:
		log_warn("'%s' ends within a batch, at byte %" PRIu64
			 ": everything before the tear was folded",
			 a->options->replay, recording_offset(a->recording));
		return 1;
	case RECORDING_BAD:
		log_err("'%s' is damaged at byte %" PRIu64 ": everything before it was folded",
			a->options->replay, recording_offset(a->recording));
		return -EBADMSG;
	}
	return -EBADMSG;
}

static int run_replay(struct agent *a)
{
	const char *why = "cannot read it";
	int r, rest;

	r = start_pipelines(a);
	if (r < 0)
		return r;
	r = recording_reader_new(a->options->replay, &a->recording, &why);
	if (r < 0) {
		log_err("'%s': %s", a->options->replay, why);
		return r;
	}
	r = start_reader(a);
	if (r < 0)
		return r;
	set_demand(a);
	while (r == 0)
		r = replay_next(a);
	rest = reader_deliver(&a->reader);
	stop_pipelines(a, rest);
	if (r == -EBADMSG)
		return r;
	return end_of(r < 0 ? r : rest);
}

int agent_run(const struct agent_options *options)
{
	_cleanup_(agent_done) struct agent a = {
		.options = options,
		.epoll_fd = -1,
		.signal_fd = -1,
		.started_ns = now_ns(),
		.config_watch = { .fd = -1 },
	};
	int r;

	/*
	 * What a burst queued goes back to the system at once, not into a heap that stays as large.
	 */
	mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
	r = take_signals(&a);
	if (r < 0)
		return log_err_errno(r, "cannot take signals");
	r = options->replay ? run_replay(&a) : run_live(&a);
	if (r == 0)
		summarize(&a);
	return r;
}
