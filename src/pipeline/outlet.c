/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue is under one lock, which is held for a few instructions at a time, or for as long as a
 * chunk takes to be copied into the backlog; chunks are large, so that it is taken some twenty
 * times a second. The flusher is called with the lock released, by one at a time: the outlet's
 * thread, or the reader, who spares waking the thread and writes what its cache still has.
 */
#include "pipeline/outlet.h"

#include <stdio.h>

#include "base/log.h"
#include "pipeline/outlet_delivery.h"

#define LOG_UNIT "outlet"

#define SERVE_BYTES (1024 * 1024) /* more than a batch brings */

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
	{ "flusher_latency_seconds", METRIC_HISTOGRAM, OUTLET(latency),
	  .bounds = outlet_latency_bounds, .scale = 1e-9,
	  .help = "From the event in the kernel to its record in the custody of the flusher." },
	{ .type = METRIC_END },
};

/* What is in the queue is the thread's from now on, until there is nothing. With the lock held. */
static void call_thread(struct outlet *o)
{
	o->is_called = true;
	pthread_cond_signal(&o->changed);
}

/*
 * The chunk to work on, which stays first in the queue meanwhile; NULL: stop. With the lock held.
 */
static struct link *next_link(struct outlet *o)
{
	if (!o->queue.first)
		o->is_called = false;
	while (o->is_busy || (!o->is_called && !o->stop_ns && !o->wants_reopen))
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
		goes_on = link ? outlet_deliver(o, link) : reopen;
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
	if (o->queue.first)
		call_thread(o);
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
	outlet_tell_left(o, left.n_lost);
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
		call_thread(o);
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
		goes_on = outlet_deliver(o, link);
		pthread_mutex_lock(&o->lock);
		if (goes_on)
			queue_pop(&o->queue);
	}
	o->is_busy = false;
	o->is_prompt = is_prompt(o);
	show_sizes(o);
	o->is_called = o->queue.first != NULL;
	if (o->is_called || o->stop_ns || o->wants_reopen)
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
		call_thread(o);
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
				       .seq = chunk_seq(next, first),
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
