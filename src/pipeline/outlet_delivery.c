/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is delivered is marked in the custody of the queue's slot, what is lost is counted there
 * before the mark moves beyond it; and the log hears of it, not too often.
 */
#include "pipeline/outlet_delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#define LOG_UNIT "outlet"

#define SAY_EVERY_NS 5000000000ULL
/* A flusher that would block without having waited is not asked in a circle. */
#define RETRY_NS 1000000

const uint64_t outlet_latency_bounds[METRIC_BUCKETS - 1] = {
	500000,	    1000000,	2000000,    5000000,	 10000000,
	20000000,   50000000,	100000000,  200000000,	 500000000,
	1000000000, 2000000000, 5000000000, 10000000000, 60000000000,
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
	metric_observe_since(&o->counters.latency, outlet_latency_bounds, c->times_ns + from,
			     to - from, clock_now_ns(CLOCK_BOOTTIME));
}

/* What the flusher has not taken of a chunk. `ends` has room for all of the chunk's. */
static struct payload rest_of(const struct chunk *c, size_t done, size_t *ends)
{
	size_t first = chunk_n_within(c, done);

	if (!done)
		return (struct payload){ .bytes = chunk_bytes(c), .ends = c->ends, .n = c->n };
	for (size_t i = first; i < c->n; i++)
		ends[i - first] = c->ends[i] - done;
	return (struct payload){ .bytes = { .p = chunk_bytes(c).p + done,
					    .n = chunk_size(c) - done },
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
	bool is_within = done > (n ? c->ends[n - 1] : 0);
	uint64_t next = chunk_owed_from(c, n);

	if (!o->queue.slot)
		return;
	custody_store(o->queue.slot, CUSTODY_BEGUN, is_within ? next + 1 : 0);
	custody_store(o->queue.slot, CUSTODY_DELIVERED, next);
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

	while (r == -EAGAIN && *done < chunk_size(c)) {
		if (is_out_of_time(o))
			return -ETIMEDOUT;
		if (*done && !ends)
			ends = calloc(c->n, sizeof(*ends));
		if (*done && !ends)
			return -ENOMEM;
		r = flush(o, c, done, ends);
	}
	return *done < chunk_size(c) ? r : 0;
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
	mark(o, c, chunk_size(c));
	if (c->is_report && !link->kept_bytes)
		shortfall_settle(&o->queue.shortfall, &c->loss);
	pthread_mutex_unlock(&o->lock);
	if (c->is_report)
		return;
	metric_add(&o->counters.dropped, c->n - n);
	tell_dropped(o, c->n - n, r);
}

bool outlet_deliver(struct outlet *o, struct link *link)
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

void outlet_tell_left(struct outlet *o, size_t n_lost)
{
	tell_overflow(o);
	metric_add(&o->counters.dropped, n_lost);
	tell_dropped(o, n_lost, o->is_gone ? -EPIPE : -ETIMEDOUT);
	say_dropped(o);
}
