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
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "agent/reader.h"
#include "agent/snapshot.h"
#include "base/log.h"

#define LOG_UNIT "agent"

#define PERIOD_MIN_MS 2
#define PERIOD_MAX_MS 50
#define IDLE_MS 1000	      /* then clock and users are looked at, though nothing happens */
#define STOP_NS 4000000000ULL /* what is not delivered this long after the signal is given up */
#define RING_BYTES (16 * 1024 * 1024)

static const char default_config[] = "enable: true\n"
				     "inputs:\n"
				     "  - Type: input_process_security\n"
				     "flushers:\n"
				     "  - Type: flusher_stdout\n"
				     "    OnlyStdout: true\n";

struct agent {
	const struct agent_options *options;
	struct pipeline *pipeline;
	struct probe *probe;
	struct facts *facts;
	struct recording_writer *writer;
	struct recording_reader *recording;
	struct reader reader;
	int epoll_fd, signal_fd;
	uint64_t started_ns;
	uint64_t stop_ns; /* when the signal came; 0: it has not */
	struct probe_losses losses;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void agent_done(struct agent *a)
{
	reader_done(&a->reader);
	pipeline_free(a->pipeline);
	recording_writer_free(a->writer);
	recording_reader_free(a->recording);
	probe_free(a->probe);
	facts_free(a->facts);
	closep(&a->epoll_fd);
	closep(&a->signal_fd);
}

/* True once a signal to stop has come; it is remembered. */
static bool is_told_to_stop(struct agent *a)
{
	struct signalfd_siginfo info;

	while (!a->stop_ns && read(a->signal_fd, &info, sizeof(info)) == sizeof(info))
		a->stop_ns = now_ns();
	return a->stop_ns != 0;
}

static bool give_up(void *ctx)
{
	struct agent *a = ctx;

	return is_told_to_stop(a) && now_ns() - a->stop_ns > STOP_NS;
}

static int load_pipeline(struct agent *a)
{
	const char *config = a->options->config;
	struct diag diag = { 0 };
	int r;

	r = config ? pipeline_load_file(config, &diag, &a->pipeline)
		   : pipeline_load_text("default", default_config, &diag, &a->pipeline);
	diag_print(&diag, stderr);
	diag_done(&diag);
	if (r < 0 && r != -EINVAL)
		return log_err_errno(r, "cannot load '%s'",
				     config ? config : "the default pipeline");
	if (r == 0 && !pipeline_is_enabled(a->pipeline)) {
		log_err("the pipeline of '%s' is not enabled (enable: false): nothing to do",
			config);
		return -EINVAL;
	}
	return r;
}

static int watch(struct agent *a, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	return epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/*
 * SIGINT and SIGTERM are taken from a descriptor; a closed pipe and a file at its size limit are
 * errors of write, not the end.
 */
static int take_signals(struct agent *a)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
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

static int start_reader(struct agent *a)
{
	struct reader *reader = &a->reader;
	int r;

	reader->probe = a->probe;
	reader->facts = a->facts;
	reader->writer = a->writer;
	reader->pipelines = &a->pipeline;
	reader->n_pipelines = a->pipeline ? 1 : 0;
	reader->give_up = give_up;
	reader->give_up_ctx = a;
	r = reader_init(reader, &proc_limits_default);
	if (r < 0)
		return log_err_errno(r, "cannot start the reader");
	if (!a->pipeline)
		return 0;
	return pipeline_start(a->pipeline);
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

/* What the sensor collects: what the pipeline asks for, or everything for a recording. */
static void set_demand(struct agent *a)
{
	const struct demand *demand = a->pipeline ? pipeline_demand(a->pipeline) : NULL;
	bool wants_ext = !demand;

	for (size_t i = 0; demand && i < n_fields; i++)
		wants_ext |= demand->fields[i] && fields[i].set == FIELD_SET_EXTENDED;
	probe_demand(a->probe, wants_ext, demand ? demand->max_args : 32 * 1024);
}

static int start_live(struct agent *a)
{
	const struct probe_options options = { .hooks = a->options->hooks,
					       .ring_bytes = RING_BYTES };
	int r;

	r = facts_new(a->options->node_name, &a->facts);
	if (r < 0)
		return log_err_errno(r, "cannot read what the system says of itself");
	r = probe_new(&options, &a->probe);
	if (r < 0)
		return r;
	if (a->options->record) {
		r = recording_writer_new(a->options->record, &a->writer);
		if (r < 0)
			return log_err_errno(r, "cannot write '%s'", a->options->record);
	}
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
	r = watch(a, probe_ring_fd(a->probe), EPOLLIN | EPOLLET);
	return r < 0 ? log_err_errno(r, "cannot wait for the ring") : 0;
}

/* Sleeps until the time is up, a record woke us, or a signal came. */
static void wait_for(const struct agent *a, int ms)
{
	struct epoll_event ev[2];

	/* whatever it was: everything is looked at */
	(void)epoll_wait(a->epoll_fd, ev, ARRAY_SIZE(ev), ms);
}

static int read_until_stopped(struct agent *a)
{
	int period = PERIOD_MIN_MS;

	while (!is_told_to_stop(a)) {
		int64_t n = reader_drain(&a->reader);

		if (n < 0)
			return (int)n;
		if (n > 0) {
			wait_for(a, period);
			period = period * 2 < PERIOD_MAX_MS ? period * 2 : PERIOD_MAX_MS;
			continue;
		}
		period = PERIOD_MIN_MS;
		probe_arm(a->probe);
		if (!ring_pending(probe_ring(a->probe)))
			wait_for(a, IDLE_MS);
	}
	return 0;
}

/* Lets go of the kernel, then takes what is still in the ring. */
static int drain_rest(struct agent *a)
{
	int64_t n;

	probe_detach(a->probe);
	do {
		n = reader_drain(&a->reader);
	} while (n > 0);
	if (probe_losses(a->probe, &a->losses) < 0)
		log_warn("cannot read how many records were lost");
	return (int)n;
}

static void summarize(const struct agent *a)
{
	uint64_t lost = a->losses.exec + a->losses.exit + a->losses.fork + a->losses.other;
	double seconds = (double)(now_ns() - a->started_ns) / 1e9;
	struct pipeline_counters c = { 0 };

	if (a->pipeline)
		pipeline_counters(a->pipeline, &c);
	log_info("%" PRIu64 " records, %" PRIu64 " lost, %" PRIu64 " dropped, %.1f/s over %.1f s",
		 c.records, lost, c.dropped, seconds > 0 ? (double)c.records / seconds : 0,
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

static int run_live(struct agent *a)
{
	int r, rest;

	r = start_live(a);
	if (r < 0)
		return r;
	log_ready();
	sd_notify(0, "READY=1");
	r = read_until_stopped(a);
	sd_notify(0, "STOPPING=1");
	rest = r < 0 ? 0 : drain_rest(a);
	probe_detach(a->probe);
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

	r = recording_reader_new(a->options->replay, &a->recording, &why);
	if (r < 0) {
		log_err("'%s': %s", a->options->replay, why);
		return r;
	}
	r = start_reader(a);
	while (r == 0)
		r = replay_next(a);
	rest = reader_deliver(&a->reader);
	if (r == -EBADMSG)
		return r;
	return end_of(r < 0 ? r : rest);
}

int agent_run(const struct agent_options *options)
{
	_cleanup_(agent_done) struct agent a = {
		.options = options, .epoll_fd = -1, .signal_fd = -1, .started_ns = now_ns()
	};
	int r;

	r = take_signals(&a);
	if (r < 0)
		return log_err_errno(r, "cannot take signals");
	if (!options->record) {
		r = load_pipeline(&a);
		if (r < 0)
			return r;
	}
	r = options->replay ? run_replay(&a) : run_live(&a);
	if (r == 0)
		summarize(&a);
	return r;
}
