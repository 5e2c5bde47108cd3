/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue is a list under one lock, which is held for a few instructions at a time; chunks are
 * large, so that it is taken some twenty times a second. The flusher is called with the lock
 * released.
 */
#include "pipeline/outlet.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "base/log.h"

#define LOG_UNIT "outlet"

/* Of encoded records, for each flusher: those of some 5,000 executions. */
#define QUEUE_BYTES (8 * 1024 * 1024)
#define SAY_EVERY_NS 5000000000ULL
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
	{ "flusher_delivered_bytes_total", METRIC_COUNTER, OUTLET(bytes),
	  .help = "Encoded bytes in the custody of the flusher." },
	{ "flusher_queue_bytes", METRIC_GAUGE, OUTLET(queue_bytes),
	  .help = "Encoded bytes that wait for the flusher." },
	{ "flusher_failing", METRIC_GAUGE, OUTLET(is_failing),
	  .help = "1 while the flusher's last attempt failed." },
	{ "flusher_latency_seconds", METRIC_HISTOGRAM, OUTLET(latency), .bounds = latency_bounds,
	  .scale = 1e-9,
	  .help = "From the event in the kernel to its record in the custody of the flusher." },
	{ .type = METRIC_END },
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void say_dropped(struct outlet *o, int reason)
{
	log_warn_errno(reason, "%s: %s: %" PRIu64 " records dropped", o->pipeline,
		       o->part.instance.name, o->n_unsaid);
	o->n_unsaid = 0;
	o->said_at_ns = now_ns(CLOCK_MONOTONIC);
}

static void count_dropped(struct outlet *o, size_t n, int reason)
{
	if (!n)
		return;
	metric_add(&o->counters.dropped, n);
	o->n_unsaid += n;
	if (!o->said_at_ns || now_ns(CLOCK_MONOTONIC) - o->said_at_ns >= SAY_EVERY_NS)
		say_dropped(o, reason);
}

static void observe(struct outlet *o, const struct chunk *c, size_t from, size_t to)
{
	uint64_t now = now_ns(CLOCK_BOOTTIME);

	for (size_t i = from; i < to; i++)
		metric_observe(&o->counters.latency, latency_bounds,
			       now > c->times_ns[i] ? now - c->times_ns[i] : 0, 1);
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
	return stop_ns && now_ns(CLOCK_MONOTONIC) >= stop_ns;
}

/*
 * Hands over one chunk, in as many calls as it takes. Returns 0 or why the rest of it is dropped.
 */
static int hand_over(struct outlet *o, const struct chunk *c, size_t *ret_done)
{
	_cleanup_(freep) size_t *ends = NULL;
	size_t done = 0, taken = 0;
	int r;

	while (!is_out_of_time(o)) {
		struct payload in = rest_of(c, done, ends);
		uint64_t before = now_ns(CLOCK_MONOTONIC);

		taken = 0;
		r = o->flusher->flush(&o->part.instance, &in, &taken);
		done += r == 0 ? in.bytes.n : taken;
		*ret_done = done;
		if (r != -EAGAIN)
			return r;
		if (!ends)
			ends = calloc(c->n, sizeof(*ends));
		if (!ends)
			return -ENOMEM;
		if (!taken && now_ns(CLOCK_MONOTONIC) - before < RETRY_NS)
			nanosleep(&(struct timespec){ .tv_nsec = RETRY_NS }, NULL);
	}
	return -ETIMEDOUT;
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

	if (!n)
		return;
	o->overflowed_said += n;
	o->n_unsaid += n;
	if (!o->said_at_ns || now_ns(CLOCK_MONOTONIC) - o->said_at_ns >= SAY_EVERY_NS)
		say_dropped(o, -ENOBUFS);
}

static void process(struct outlet *o, const struct chunk *c)
{
	size_t done = 0, n;
	int r = o->is_gone ? -EPIPE : hand_over(o, c, &done);

	n = chunk_n_within(c, done);
	metric_add(&o->counters.delivered, n);
	metric_add(&o->counters.bytes, n ? c->ends[n - 1] : 0);
	metric_set(&o->counters.error, r < 0 ? (uint64_t)-r : 0);
	metric_set(&o->counters.is_failing, r < 0);
	observe(o, c, 0, n);
	if (r == -EPIPE && !o->is_gone)
		lose(o);
	count_dropped(o, c->n - n, r);
	tell_overflow(o);
}

/*
 * The chunk to work on, which stays first in the queue meanwhile; NULL: stop. With the lock held.
 */
static struct chunk *next_chunk(struct outlet *o)
{
	while (!o->first && !o->stop_ns && !o->wants_reopen)
		pthread_cond_wait(&o->changed, &o->lock);
	return o->first ? o->first->chunk : NULL;
}

static struct link *link_free(struct link *link)
{
	if (link)
		chunk_unref(link->chunk);
	free(link);
	return NULL;
}
DEFINE_CLEANUP(struct link *, link_free)

static void pop(struct outlet *o)
{
	_cleanup_(link_freep) struct link *link = o->first;

	o->first = link->next;
	if (!o->first)
		o->last = &o->first;
	o->queued_bytes -= link->chunk->bytes.len;
	metric_set(&o->counters.queue_bytes, o->queued_bytes);
}

static void *work(void *arg)
{
	struct outlet *o = arg;

	pthread_mutex_lock(&o->lock);
	for (;;) {
		struct chunk *c = next_chunk(o);
		bool reopen = TAKE(o->wants_reopen, false);

		if (!c && !reopen)
			break;
		pthread_mutex_unlock(&o->lock);
		if (reopen && o->flusher->reopen)
			o->flusher->reopen(&o->part.instance);
		if (c)
			process(o, c);
		pthread_mutex_lock(&o->lock);
		if (c)
			pop(o);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

int outlet_start(struct outlet *o, const char *pipeline)
{
	char name[16];
	int r;

	o->pipeline = pipeline;
	o->last = &o->first;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->changed, NULL);
	o->has_lock = true;
	r = part_start(&o->part);
	if (r < 0)
		return r;
	r = -pthread_create(&o->thread, NULL, work, o);
	if (r < 0)
		return log_err_errno(r, "%s: %s: cannot start its thread", pipeline,
				     o->part.instance.name);
	o->has_thread = true;
	snprintf(name, sizeof(name), "%s", o->part.instance.name);
	pthread_setname_np(o->thread, name);
	return 0;
}

void outlet_stop(struct outlet *o, uint64_t deadline_ns)
{
	if (!o->has_thread)
		return;
	pthread_mutex_lock(&o->lock);
	o->stop_ns = deadline_ns ? deadline_ns : 1;
	pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->lock);
	pthread_join(o->thread, NULL);
	o->has_thread = false;
	tell_overflow(o);
	if (o->n_unsaid)
		say_dropped(o, o->is_gone ? -EPIPE : -ETIMEDOUT);
	part_stop(&o->part);
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

void outlet_push(struct outlet *o, struct chunk *c)
{
	_cleanup_(link_freep) struct link *link = calloc(1, sizeof(*link));

	metric_add(&o->counters.in, c->n);
	pthread_mutex_lock(&o->lock);
	if (link && (!o->queued_bytes || o->queued_bytes + c->bytes.len <= QUEUE_BYTES)) {
		link->chunk = chunk_ref(c);
		o->queued_bytes += c->bytes.len;
		metric_set(&o->counters.queue_bytes, o->queued_bytes);
		*o->last = link;
		o->last = &link->next;
		link = NULL; /* the queue's */
		pthread_cond_signal(&o->changed);
	} else {
		metric_add(&o->counters.overflowed, c->n);
	}
	pthread_mutex_unlock(&o->lock);
}

bool outlet_has_room(struct outlet *o)
{
	bool has_room;

	pthread_mutex_lock(&o->lock);
	has_room = o->is_gone || o->queued_bytes < QUEUE_BYTES / 2;
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
	const struct link *link;
	uint64_t begin;

	pthread_mutex_lock(&o->lock);
	link = o->first;
	while (link && link->chunk->begin < o->held_from)
		link = link->next;
	begin = link ? link->chunk->begin : UINT64_MAX;
	pthread_mutex_unlock(&o->lock);
	return begin;
}

void outlet_let_go(struct outlet *o, uint64_t begin)
{
	pthread_mutex_lock(&o->lock);
	o->held_from = begin;
	pthread_mutex_unlock(&o->lock);
}

void outlet_reopen(struct outlet *o)
{
	pthread_mutex_lock(&o->lock);
	o->wants_reopen = true;
	pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->lock);
}
