/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of the agent: load and check the pipelines, load the programs, start the pipelines, begin
 * the stream (agent/beginning.c), say that it is ready, read until told to stop, let go of the
 * kernel or leave the probe to the next agent, drain what is left.
 *
 * How often the ring is looked at decides what the agent costs. While records come, a timer drains
 * it: after 2 ms at first, then in twice the time, up to 70 ms; a full ring wakes the reader
 * earlier. When a drain finds nothing, the next record is asked to wake it, and it sleeps.
 */
#include "agent/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>

#include "agent/life.h"
#include "agent/service.h"
#include "agent/snapshot.h"
#include "base/clock.h"
#include "base/log.h"

#define LOG_UNIT "agent"

#define PERIOD_MIN_MS 2
#define PERIOD_MAX_MS 70
#define IDLE_MS 1000	      /* then clock and users are looked at, though nothing happens */
#define STOP_NS 4000000000ULL /* what is not delivered this long after the signal is given up */
#define RELOAD_MS 100	      /* of silence after the last change of a file */
#define RELOAD_MAX_MS 500     /* after the first, though there is no silence */

/* In this order: the sockets show the pipelines, which show their metrics. */
static void agent_done(struct agent *a)
{
	a->relief = relief_free(a->relief);
	a->observer.control = control_free(a->observer.control);
	reader_done(&a->reader);
	sources_done(&a->sources);
	enrichment_done(&a->enrichment);
	naming_done(&a->naming);
	config_watch_done(&a->config_watch);
	pipelines_done(&a->pipelines);
	observer_done(&a->observer);
	recording_writer_free(a->writer);
	recording_reader_free(a->recording);
	losses_done(&a->losses);
	probe_free(a->probe);
	store_close(a->store);
	facts_free(a->facts);
	closep(&a->epoll_fd);
	closep(&a->signal_fd);
}

/* Takes the signals that have come; true once one was to stop. */
bool life_is_told_to_stop(struct agent *a)
{
	struct signalfd_siginfo info;

	while (read(a->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			a->wants_reload = true;
		else if (!a->stop_ns)
			a->stop_ns = clock_now_ns(CLOCK_MONOTONIC);
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

static void look_for_changes(struct agent *a)
{
	if (!config_watch_read(&a->config_watch))
		return;
	if (!a->change_ns)
		a->first_change_ns = clock_now_ns(CLOCK_MONOTONIC);
	a->change_ns = clock_now_ns(CLOCK_MONOTONIC);
}

/* Changes of files are taken when nothing more seems to come. */
static bool is_reload_due(const struct agent *a)
{
	uint64_t now;

	if (a->wants_reload || !a->change_ns)
		return a->wants_reload;
	now = clock_now_ns(CLOCK_MONOTONIC);
	return now - a->change_ns >= RELOAD_MS * CLOCK_MS_NS ||
	       now - a->first_change_ns >= RELOAD_MAX_MS * CLOCK_MS_NS;
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
	life_share_memory_anew(a);
	life_set_demand(a);
	observer_describe(&a->observer, &a->reader, facts_node_name(a->facts));
	a->owes_snapshots = true;
}

/*
 * While no flusher has room. Files may change meanwhile: that is the way out when one will never
 * have any.
 */
bool life_give_up(void *ctx)
{
	struct agent *a = ctx;

	if (a->is_live)
		observer_turn(&a->observer, &a->reader);
	if (life_is_told_to_stop(a))
		return clock_now_ns(CLOCK_MONOTONIC) - a->stop_ns > STOP_NS;
	look_for_changes(a);
	if (a->is_live && is_reload_due(a))
		reload(a);
	return false;
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
	if (a->sources.registry) {
		r = watch(a, container_registry_fd(a->sources.registry), EPOLLIN);
		if (r < 0)
			return log_err_errno(r, "cannot wait for what containers are called");
	}
	r = watch(a, container_users_fd(a->naming.users), EPOLLIN);
	if (r < 0)
		return log_err_errno(r, "cannot wait for names of users in containers");
	r = watch(a, probe_ring_fd(a->probe), EPOLLIN | EPOLLET);
	return r < 0 ? log_err_errno(r, "cannot wait for the ring") : 0;
}

/* What has been asked for from outside, with nothing in hand. 0 or a negative errno. */
static int take_requests(struct agent *a)
{
	int r = 0;

	if (TAKE(a->has_changes, false))
		look_for_changes(a);
	if (is_reload_due(a)) {
		r = reader_deliver(&a->reader);
		if (r == 0)
			reload(a);
	}
	return r < 0 || !TAKE(a->owes_snapshots, false) ? r : life_deliver_snapshots(a);
}

/* Sleeps until the time is up, a record woke us, or a signal or a change of a file came. */
static void wait_for(struct agent *a, int ms)
{
	struct epoll_event ev[5];
	int n;

	if (a->change_ns && ms > RELOAD_MS)
		ms = RELOAD_MS;
	ms = enrichment_due_ms(&a->enrichment, a->reader.fold, ms);
	n = epoll_wait(a->epoll_fd, ev, ARRAY_SIZE(ev), ms);
	/* Those that nobody reads without being told; the others are looked at each turn. */
	for (int i = 0; i < n; i++) {
		a->has_signals |= ev[i].data.fd == a->signal_fd;
		a->has_changes |= ev[i].data.fd == a->config_watch.fd;
	}
}

/* Only here is nothing else half done, so that the reader may be relieved. */
static int64_t drain(struct agent *a)
{
	int64_t n;

	a->reader.post = relief_post(a->relief);
	n = reader_drain(&a->reader);
	a->reader.post = NULL;
	relief_rest(a->relief);
	return n;
}

/* One look at the ring, and the sleep until the next. 0 or a negative errno. */
static int turn(struct agent *a, int *period_ms)
{
	int r = naming_turn(&a->naming, &a->reader);
	int64_t n;

	if (r == 0)
		r = enrichment_turn(&a->enrichment, &a->reader);
	if (r < 0)
		return r;
	n = drain(a);
	if (n < 0)
		return (int)n;
	observer_turn(&a->observer, &a->reader);
	memory_watch_turn(&a->memory, clock_now_ns(CLOCK_MONOTONIC), a->reader.fold);
	reader_checkpoint(&a->reader);
	if (n > 0) {
		r = losses_turn(&a->losses, &a->reader, false);
		if (r < 0)
			return r;
		wait_for(a, *period_ms);
		*period_ms = *period_ms * 2 < PERIOD_MAX_MS ? *period_ms * 2 : PERIOD_MAX_MS;
		return 0;
	}
	*period_ms = PERIOD_MIN_MS;
	r = losses_turn(&a->losses, &a->reader, true);
	if (r < 0)
		return r;
	probe_arm(a->probe);
	if (!ring_pending(probe_ring(a->probe)))
		wait_for(a, ring_fill(probe_ring(a->probe)) ? PERIOD_MAX_MS : IDLE_MS);
	return 0;
}

/* As life_is_told_to_stop(), once epoll has said that there is something to take. */
static bool is_stopped(struct agent *a)
{
	return TAKE(a->has_signals, false) ? life_is_told_to_stop(a) : a->stop_ns != 0;
}

static int read_until_stopped(struct agent *a)
{
	int period_ms = PERIOD_MIN_MS, r = 0;

	while (r == 0 && !is_stopped(a)) {
		r = take_requests(a);
		if (r == 0)
			r = turn(a, &period_ms);
		r = r < 0 ? r : a->relief_result;
	}
	return r;
}

/* Events that wait for what their container is called go out as they are. */
static int deliver_held(struct agent *a)
{
	int r = naming_turn(&a->naming, &a->reader);

	if (r == 0)
		r = enrichment_release(&a->enrichment, &a->reader);
	return r < 0 ? r : reader_deliver(&a->reader);
}

/* The reader is with a flusher that takes long; first, what it has no time to give to others. */
static void read_instead(void *ctx)
{
	struct agent *a = ctx;
	int period_ms = PERIOD_MIN_MS, r = 0;

	pipelines_serve(&a->pipelines, NULL);
	while (r == 0 && relief_is_needed(a->relief) && !is_stopped(a)) {
		r = take_requests(a);
		if (r == 0)
			r = turn(a, &period_ms);
	}
	a->relief_result = r;
}

/* Lets go of the kernel, or leaves the probe to the next agent; and takes what is in the ring. */
static int drain_rest(struct agent *a)
{
	int64_t n;

	if (a->options->settings->keep_on_stop && probe_is_pinned(a->probe)) {
		probe_keep(a->probe);
		n = reader_drain(&a->reader);
		return n < 0 ? (int)n : deliver_held(a);
	}
	probe_detach(a->probe);
	do {
		n = reader_drain(&a->reader);
	} while (n > 0);
	return n < 0 ? (int)n : deliver_held(a);
}

static void summarize(const struct agent *a)
{
	double seconds = (double)(clock_now_ns(CLOCK_MONOTONIC) - a->started_ns) / 1e9;
	struct fold_losses losses = { 0 };
	struct pipeline_totals totals;
	uint64_t lost, records = 0;

	reader_losses(&a->reader, &losses);
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
int life_end(int why)
{
	switch (why) {
	case -EPIPE:
		log_info("the reader of our output has gone, stopping");
		return 0;
	case -ECANCELED:
		log_warn("the output takes nothing, giving up on what it has not taken");
		return 0;
	default:
		return why < 0 ? log_err_errno(why, "cannot go on") : 0;
	}
}

/*
 * The flushers get what is left of the time to stop; a replay, which nobody has stopped, as long as
 * it takes.
 */
void life_stop_pipelines(struct agent *a, int why)
{
	uint64_t deadline = a->stop_ns	 ? a->stop_ns + STOP_NS
			    : a->is_live ? clock_now_ns(CLOCK_MONOTONIC) + STOP_NS
					 : UINT64_MAX;

	pipelines_stop(&a->pipelines, why == -EPIPE ? 0 : deadline);
	if (a->reader.fold && a->is_live)
		reader_leave(&a->reader);
}

static void tell_manager(const char *state)
{
	int r = service_notify(state);

	if (r < 0)
		log_warn("cannot tell the service manager at $NOTIFY_SOCKET: %s", strerror(-r));
}

static int run_live(struct agent *a)
{
	int r, rest;

	r = life_start(a);
	if (r == 0)
		r = watch_all(a);
	if (r < 0)
		return r;
	r = relief_new(read_instead, a, &a->relief);
	if (r < 0)
		return log_err_errno(r, "cannot start a thread");
	memory_settle();
	log_ready();
	tell_manager("READY=1");
	r = read_until_stopped(a);
	tell_manager("STOPPING=1");
	rest = r < 0 ? 0 : drain_rest(a);
	life_stop_pipelines(a, r);
	return life_end(r < 0 ? r : rest);
}

int agent_run(const struct agent_options *options)
{
	_cleanup_(agent_done) struct agent a = {
		.options = options,
		.epoll_fd = -1,
		.signal_fd = -1,
		.started_ns = clock_now_ns(CLOCK_MONOTONIC),
		.config_watch = { .fd = -1 },
	};
	int r;

	memory_set_up();
	r = take_signals(&a);
	if (r < 0)
		return log_err_errno(r, "cannot take signals");
	r = options->replay ? life_replay(&a) : run_live(&a);
	if (r == 0)
		summarize(&a);
	return r;
}
