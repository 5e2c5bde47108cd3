/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue is under one lock, which is held for a few instructions at a time, or for as long as a
 * chunk takes to be copied into the backlog; chunks are large, so that it is taken some twenty
 * times a second. The flusher is called with the lock released, by one at a time: the outlet's
 * thread, or the reader, who spares waking the thread and writes what its cache still has.
 */
#include "pipeline/outlet.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#define LOG_UNIT "outlet"

#define SAY_EVERY_NS 5000000000ULL
#define SERVE_BYTES (1024 * 1024) /* more than a batch brings */
#define RETRY_NS \
	1000000 /* a flusher that would block without having waited is not asked in a circle */

static const uint64_t latency_bounds[METRIC_BUCKETS - 1] = {
	500000,	    1000000,	2000000,    5000000,	 10000000,
	20000000,   50000000,	100000000,  200000000,	 500000000,
	1000000000, 2000000000, 5000000000, 10000000000, 60000000000,
};

#define OUTLET(m) .offset = offsetof(struct outlet_counters, m)

const struct metric outlet_metrics[] = {
	{ "flusher_in_records_total", METRIC_COUNTER, OUTLET(in),
	  .help = "Records offered to the flusher." },
	{ "flusher_delivered_records_total", METRIC_COUNTER, OUTLET(delivered),
	  .help = "Records in the custody of the flusher: written where it writes." },
	{ "flusher_dropped_records_total", METRIC_COUNTER, OUTLET(dropped),
	  .help = "Records that the flusher could not take.", .label = "reason", .value = "write" },
	{ "flusher_dropped_records_total", METRIC_COUNTER, OUTLET(overflowed),
	  .help = "Records that the flusher could not take.", .label = "reason", .value = "queue" },
	{ "flusher_repeated_records_total", METRIC_COUNTER, OUTLET(repeated),
	  .help = "Records read again after a restart that the flusher had already: not delivered "
		  "twice." },
	{ "flusher_loss_reports_total", METRIC_COUNTER, OUTLET(reports),
	  .help = "Lost records in the custody of the flusher that tell what it could not take "
		  "itself. Not among its other records." },
	{ "flusher_delivered_bytes_total", METRIC_COUNTER, OUTLET(bytes),
	  .help = "Encoded bytes in the custody of the flusher." },
	{ "flusher_queue_bytes", METRIC_GAUGE, OUTLET(queue_bytes),
	  .help = "Encoded bytes that wait for the flusher." },
	{ "flusher_backlog_bytes", METRIC_GAUGE, OUTLET(backlog_bytes),
	  .help = "Bytes of what waits for the flusher that are kept in a file, where they outlive the "
		  "agent." },
	{ "flusher_failing", METRIC_GAUGE, OUTLET(is_failing),
	  .help = "1 while the flusher's last attempt failed." },
	{ "flusher_latency_seconds", METRIC_HISTOGRAM, OUTLET(latency), .bounds = latency_bounds,
	  .scale = 1e-9,
	  .help = "From the event in the kernel to its record in the custody of the flusher." },
	{ .type = METRIC_END },
};

static const char *reason_of(int r)
{
	if (r == -ENOBUFS)
		return "its queue is full, it is slower than what comes";
	if (r == -ETIMEDOUT)
		return "they could not be written before it was stopped";
	return strerrordesc_np(-r);
}

static void say_dropped(struct outlet *o)
{
	if (!o->n_unsaid)
		return;
	log_warn("%s: %s: %" PRIu64 " records dropped: %s", o->pipeline, o->part.instance.name,
		 o->n_unsaid, reason_of(o->unsaid_reason));
	o->n_unsaid = 0;
	o->said_at_ns = clock_now_ns(CLOCK_MONOTONIC);
}

/* The log hears of it at once, or together with what is dropped in the next seconds. */
static void tell_dropped(struct outlet *o, size_t n, int reason)
{
	if (!n)
		return;
	if (o->unsaid_reason != reason)
		say_dropped(o);
	o->n_unsaid += n;
	o->unsaid_reason = reason;
	if (!o->said_at_ns || clock_now_ns(CLOCK_MONOTONIC) - o->said_at_ns >= SAY_EVERY_NS)
		say_dropped(o);
}

static void observe(struct outlet *o, const struct chunk *c, size_t from, size_t to)
{
	metric_observe_since(&o->counters.latency, latency_bounds, c->times_ns + from, to - from,
			     clock_now_ns(CLOCK_BOOTTIME));
}

/* What the flusher has not taken of a chunk. `ends` has room for all of the chunk's. */
static struct payload rest_of(const struct chunk *c, size_t done, size_t *ends)
{
	size_t first = chunk_n_within(c, done);

	if (!done)
		return (struct payload){ .bytes = buf_str(&c->bytes), .ends = c->ends, .n = c->n };
	for (size_t i = first; i < c->n; i++)
		ends[i - first] = c->ends[i] - done;
	return (struct payload){ .bytes = { .p = c->bytes.data + done, .n = c->bytes.len - done },
				 .ends = ends,
				 .n = c->n - first };
}

static bool is_out_of_time(struct outlet *o)
{
	uint64_t stop_ns;

	pthread_mutex_lock(&o->lock);
	stop_ns = o->stop_ns;
	pthread_mutex_unlock(&o->lock);
	return stop_ns && clock_now_ns(CLOCK_MONOTONIC) >= stop_ns;
}

/* So many bytes of a chunk are written: the next life goes on with the record that is not. */
static void mark(struct outlet *o, const struct chunk *c, size_t done)
{
	size_t n = chunk_n_within(c, done);

	if (!o->queue.slot)
		return;
	if (done > (n ? c->ends[n - 1] : 0))
		custody_store(o->queue.slot, CUSTODY_BEGUN, c->seqs[n] + 1);
	custody_store(o->queue.slot, CUSTODY_DELIVERED, n < c->n ? c->seqs[n] : c->bound);
}

/* One call. `ends` is for those of the rest of a chunk. */
static int flush(struct outlet *o, const struct chunk *c, size_t *done, size_t *ends)
{
	struct payload in = rest_of(c, *done, ends);
	uint64_t before = clock_now_ns(CLOCK_MONOTONIC);
	size_t taken = 0;
	int r;

	FAULT("output_before");
	r = o->flusher->flush(&o->part.instance, &in, &taken);
	FAULT("output_after");
	*done += r == 0 ? in.bytes.n : taken;
	if (r == -EAGAIN && taken)
		mark(o, c, *done);
	else if (r == -EAGAIN && clock_now_ns(CLOCK_MONOTONIC) - before < RETRY_NS)
		nanosleep(&(struct timespec){ .tv_nsec = RETRY_NS }, NULL);
	return r;
}

/*
 * Hands over one chunk from *done on, in as many calls as it takes. Returns 0; -ETIMEDOUT when the
 * time is up, or why the rest of it is dropped.
 */
static int hand_over(struct outlet *o, const struct chunk *c, size_t *done)
{
	_cleanup_(freep) size_t *ends = NULL;
	int r = -EAGAIN;

	while (r == -EAGAIN && *done < c->bytes.len) {
		if (is_out_of_time(o))
			return -ETIMEDOUT;
		if (*done && !ends)
			ends = calloc(c->n, sizeof(*ends));
		if (*done && !ends)
			return -ENOMEM;
		r = flush(o, c, done, ends);
	}
	return *done < c->bytes.len ? r : 0;
}

static void lose(struct outlet *o)
{
	pthread_mutex_lock(&o->lock);
	o->is_gone = true;
	pthread_mutex_unlock(&o->lock);
	log_info("%s: %s: its reader has gone, nothing more is written there", o->pipeline,
		 o->part.instance.name);
}

/* The reader counts what it could not queue; the log hears of it from here. */
static void tell_overflow(struct outlet *o)
{
	uint64_t n = metric_get(&o->counters.overflowed) - o->overflowed_said;

	o->overflowed_said += n;
	tell_dropped(o, n, -ENOBUFS);
}

/* Records first … n - 1 of a chunk are written. */
static void count_delivered(struct outlet *o, const struct chunk *c, size_t first, size_t n)
{
	if (n <= first)
		return;
	metric_add(c->is_report ? &o->counters.reports : &o->counters.delivered, n - first);
	metric_add(&o->counters.bytes, c->ends[n - 1] - (first ? c->ends[first - 1] : 0));
	observe(o, c, first, n);
	o->delivered_wall_ns = chunk_wall_ns(c, n - 1);
}

/*
 * A chunk is done with but for its records from n on, which are lost for the reason r. What is
 * dropped is counted in the slot before the mark moves beyond it; what a report says is forgotten
 * there after that.
 */
static void settle(struct outlet *o, const struct link *link, size_t n, int r)
{
	const struct chunk *c = link->chunk;

	pthread_mutex_lock(&o->lock);
	shortfall_add(&o->queue.shortfall, DROP_WRITE, c, n, c->n, o->delivered_wall_ns);
	mark(o, c, c->bytes.len);
	if (c->is_report && !link->kept_bytes)
		shortfall_settle(&o->queue.shortfall, &c->loss);
	pthread_mutex_unlock(&o->lock);
	if (c->is_report)
		return;
	metric_add(&o->counters.dropped, c->n - n);
	tell_dropped(o, c->n - n, r);
}

/* False: the time is up, and what is left of it stays queued. */
static bool process(struct outlet *o, struct link *link)
{
	const struct chunk *c = link->chunk;
	size_t done = link->first ? c->ends[link->first - 1] : 0, n;
	int r = o->is_gone ? -EPIPE : hand_over(o, c, &done);

	n = chunk_n_within(c, done);
	count_delivered(o, c, link->first, n);
	metric_set(&o->counters.error, r < 0 ? (uint64_t)-r : 0);
	metric_set(&o->counters.is_failing, r < 0);
	tell_overflow(o);
	if (r == -ETIMEDOUT) {
		link->first = n;
		return false;
	}
	if (r == -EPIPE && !o->is_gone)
		lose(o);
	settle(o, link, n, r);
	return true;
}

/*
 * The chunk to work on, which stays first in the queue meanwhile; NULL: stop. With the lock held.
 */
static struct link *next_link(struct outlet *o)
{
	while (o->is_busy || (!o->queue.first && !o->stop_ns && !o->wants_reopen))
		pthread_cond_wait(&o->changed, &o->lock);
	return o->queue.first;
}

/* Asked by whoever is with the flusher. */
static bool is_prompt(struct outlet *o)
{
	return o->flusher->is_prompt && o->flusher->is_prompt(&o->part.instance);
}

/* With the lock held. */
static void show_sizes(struct outlet *o)
{
	const struct queue *q = &o->queue;

	metric_set(&o->counters.queue_bytes, q->bytes);
	metric_set(&o->counters.backlog_bytes, q->backlog ? backlog_bytes(q->backlog) : 0);
}

static void *work(void *arg)
{
	struct outlet *o = arg;
	bool goes_on = true;

	pthread_mutex_lock(&o->lock);
	while (goes_on) {
		struct link *link = next_link(o);
		bool reopen = TAKE(o->wants_reopen, false);
		bool is_torn = TAKE(o->is_torn, false);

		o->is_busy = true;
		pthread_mutex_unlock(&o->lock);
		if (is_torn && o->flusher->resume)
			o->flusher->resume(&o->part.instance);
		if (reopen && o->flusher->reopen)
			o->flusher->reopen(&o->part.instance);
		goes_on = link ? process(o, link) : reopen;
		pthread_mutex_lock(&o->lock);
		o->is_busy = false;
		o->is_prompt = is_prompt(o);
		if (link && goes_on)
			queue_pop(&o->queue);
		show_sizes(o);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

int outlet_start(struct outlet *o, const char *pipeline)
{
	char name[16];
	int r;

	o->pipeline = pipeline;
	queue_init(&o->queue, pipeline, o->part.instance.name);
	if (o->queue_bytes)
		o->queue.max_bytes = o->queue_bytes;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->changed, NULL);
	o->has_lock = true;
	r = part_start(&o->part);
	if (r < 0)
		return r;
	o->is_prompt = is_prompt(o);
	r = -pthread_create(&o->thread, NULL, work, o);
	if (r < 0)
		return log_err_errno(r, "%s: %s: cannot start its thread", pipeline,
				     o->part.instance.name);
	o->has_thread = true;
	snprintf(name, sizeof(name), "%s", o->part.instance.name);
	pthread_setname_np(o->thread, name);
	return 0;
}

void outlet_bound_queue(struct outlet *o, size_t bytes)
{
	o->queue_bytes = bytes < QUEUE_BYTES ? bytes : QUEUE_BYTES;
	if (!o->has_lock)
		return;
	pthread_mutex_lock(&o->lock);
	o->queue.max_bytes = o->queue_bytes;
	pthread_mutex_unlock(&o->lock);
}

void outlet_set_state(struct outlet *o, const struct pipeline_state *state)
{
	struct queue_found found;

	pthread_mutex_lock(&o->lock);
	queue_set_state(&o->queue, state, &found);
	o->skip_before = found.skip_before;
	o->is_torn = found.is_torn;
	metric_add(&o->counters.in, found.n);
	show_sizes(o);
	pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

void outlet_ask_to_stop(struct outlet *o, uint64_t deadline_ns)
{
	if (!o->has_thread)
		return;
	pthread_mutex_lock(&o->lock);
	o->stop_ns = deadline_ns ? deadline_ns : 1;
	pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

/* What is left at the deadline. The thread has ended. */
static void leave_rest(struct outlet *o)
{
	struct queue_left left;
	_cleanup_(freep) char *path = NULL;

	pthread_mutex_lock(&o->lock);
	queue_leave(&o->queue, &left);
	path = left.path;
	show_sizes(o);
	pthread_mutex_unlock(&o->lock);
	if (left.n_waiting)
		log_info("%s: %s: %zu records wait in '%s' for its next start", o->pipeline,
			 o->part.instance.name, left.n_waiting, path ? path : "its backlog");
	tell_overflow(o);
	metric_add(&o->counters.dropped, left.n_lost);
	tell_dropped(o, left.n_lost, o->is_gone ? -EPIPE : -ETIMEDOUT);
	say_dropped(o);
}

void outlet_stop(struct outlet *o, uint64_t deadline_ns)
{
	if (!o->has_thread)
		return;
	outlet_ask_to_stop(o, deadline_ns);
	pthread_join(o->thread, NULL);
	o->has_thread = false;
	part_stop(&o->part);
	leave_rest(o);
}

void outlet_done(struct outlet *o)
{
	outlet_stop(o, 0);
	part_done(&o->part);
	if (!TAKE(o->has_lock, false))
		return;
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
}

/*
 * The first record of a chunk that was not dealt with in another life. That there is a gap of which
 * nobody has numbers is not in the log, and each life says it anew.
 */
static bool is_of_old(const struct outlet *o, const struct chunk *c, size_t i)
{
	const struct chunk_loss *loss = chunk_loss(c, i);

	return c->seqs[i] && c->seqs[i] < o->skip_before && (!loss || loss->is_counted);
}

static size_t first_new(const struct outlet *o, const struct chunk *c)
{
	size_t i = 0;

	while (i < c->n && is_of_old(o, c, i))
		i++;
	return i;
}

void outlet_push(struct outlet *o, struct chunk *c)
{
	size_t first = o->skip_before ? first_new(o, c) : 0, n;

	metric_add(&o->counters.repeated, first);
	if (first == c->n)
		return;
	if (c->seqs[first] >= o->skip_before)
		o->skip_before = 0;
	n = c->is_report ? 0 : c->n - first;
	metric_add(&o->counters.in, n);
	pthread_mutex_lock(&o->lock);
	if (!queue_put(&o->queue, c, first))
		metric_add(&o->counters.overflowed, n);
	else if (!o->is_prompt)
		pthread_cond_signal(&o->changed);
	show_sizes(o);
	pthread_mutex_unlock(&o->lock);
}

/* With the lock held. What has gathered is not in the cache, and is the thread's. */
static bool can_be_served(const struct outlet *o)
{
	return o->is_prompt && !o->is_busy && !o->is_gone && !o->is_torn && !o->wants_reopen &&
	       !o->stop_ns && o->queue.bytes <= SERVE_BYTES;
}

/* What the thread would do; it has the rest when something else is asked for. */
static void work_off(struct outlet *o)
{
	bool goes_on = true;

	pthread_mutex_lock(&o->lock);
	while (goes_on && o->queue.first && !o->wants_reopen) {
		struct link *link = o->queue.first;

		pthread_mutex_unlock(&o->lock);
		goes_on = process(o, link);
		pthread_mutex_lock(&o->lock);
		if (goes_on)
			queue_pop(&o->queue);
	}
	o->is_busy = false;
	o->is_prompt = is_prompt(o);
	show_sizes(o);
	if (o->queue.first || o->stop_ns || o->wants_reopen)
		pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

bool outlet_serve(struct outlet *o, const struct post *post)
{
	bool is_ours = false;

	pthread_mutex_lock(&o->lock);
	if (o->queue.first && post && can_be_served(o))
		is_ours = post->leave(post->ctx);
	if (is_ours)
		o->is_busy = true;
	else if (o->queue.first)
		pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->lock);
	if (!is_ours)
		return true;
	work_off(o);
	return post->come_back(post->ctx);
}

bool outlet_owes(struct outlet *o, const struct chunk *next, struct event *ret,
		 struct loss *ret_loss)
{
	size_t first = o->skip_before ? first_new(o, next) : 0;
	bool is_due;

	if (first == next->n)
		return false;
	pthread_mutex_lock(&o->lock);
	is_due = !o->is_gone && queue_has_room_for(&o->queue, next) &&
		 shortfall_take(&o->queue.shortfall, chunk_wall_ns(next, first), ret_loss);
	pthread_mutex_unlock(&o->lock);
	if (is_due)
		*ret = (struct event){ .call = CALL_LOST,
				       .loss = ret_loss,
				       .boot_ns = next->times_ns[first],
				       .seq = next->seqs[first],
				       .time_ns = ret_loss->until_ns };
	return is_due;
}

void outlet_put_back(struct outlet *o, const struct loss *loss)
{
	pthread_mutex_lock(&o->lock);
	shortfall_put_back(&o->queue.shortfall, loss);
	pthread_mutex_unlock(&o->lock);
}

/* Half of the queue is room enough for what a batch may bring. */
bool outlet_has_room(struct outlet *o)
{
	bool has_room;

	pthread_mutex_lock(&o->lock);
	has_room = o->is_gone || o->queue.bytes < o->queue.max_bytes / 2;
	pthread_mutex_unlock(&o->lock);
	return has_room;
}

bool outlet_is_gone(struct outlet *o)
{
	bool is_gone;

	pthread_mutex_lock(&o->lock);
	is_gone = o->is_gone;
	pthread_mutex_unlock(&o->lock);
	return is_gone;
}

uint64_t outlet_pending(struct outlet *o)
{
	uint64_t begin;

	pthread_mutex_lock(&o->lock);
	begin = queue_pending(&o->queue);
	pthread_mutex_unlock(&o->lock);
	return begin;
}

void outlet_secure(struct outlet *o, uint64_t before)
{
	pthread_mutex_lock(&o->lock);
	queue_secure(&o->queue, before);
	show_sizes(o);
	pthread_mutex_unlock(&o->lock);
}

void outlet_reopen(struct outlet *o)
{
	pthread_mutex_lock(&o->lock);
	o->wants_reopen = true;
	pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->lock);
}
