/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline at work. A batch goes through in slices: as many records as make about SLICE_BYTES are
 * encoded, once per encoding, and handed to every flusher before the next slice is. So memory is
 * bounded whatever the batch holds, and the order of the records is the batch's for each flusher.
 * Runs on the one thread that calls it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "pipeline/parts.h"

#define LOG_UNIT "pipeline"
#define SLICE_BYTES (256 * 1024)
#define KEEP_BYTES (4 * 1024 * 1024) /* a feed that a huge record made larger is let go again */
#define SAY_EVERY_NS 5000000000ULL

int part_start(struct part *part)
{
	struct instance *self = &part->instance;

	part->is_started = true;
	return self->plugin->start ? self->plugin->start(self) : 0;
}

void part_done(struct part *part)
{
	struct instance *self = &part->instance;

	if (part->is_started && self->plugin->stop)
		self->plugin->stop(self);
	if (self->conf)
		options_done(self->plugin->options, self->conf);
	free(self->conf);
	free(self->state);
	free(self->name);
	*part = (struct part){ 0 };
}

static void feed_done(struct feed *feed)
{
	json_schema_free(feed->schema);
	buf_done(&feed->bytes);
	free(feed->ends);
}

static void parts_done(struct part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		part_done(&parts[i]);
	free(parts);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void say_dropped(const struct pipeline *p, struct outlet *o)
{
	log_warn_errno(o->reason, "%s: %s: %" PRIu64 " records dropped", p->name,
		       o->part.instance.name, o->n_unsaid);
	o->n_unsaid = 0;
	o->said_at_ns = now_ns();
}

struct pipeline *pipeline_free(struct pipeline *p)
{
	if (!p)
		return NULL;
	parts_done(p->inputs, p->n_inputs);
	parts_done(p->stages, p->n_stages);
	for (size_t i = 0; i < p->n_outlets; i++) {
		if (p->outlets[i].n_unsaid)
			say_dropped(p, &p->outlets[i]);
		part_done(&p->outlets[i].part);
	}
	free(p->outlets);
	for (size_t i = 0; i < p->n_feeds; i++)
		feed_done(&p->feeds[i]);
	free(p->feeds);
	free(p->demand.fields);
	buf_done(&p->scratch);
	free(p->rest_ends);
	conf_node_free(p->tree);
	free(p->name);
	free(p);
	return NULL;
}

const char *pipeline_name(const struct pipeline *p)
{
	return p->name;
}

bool pipeline_is_enabled(const struct pipeline *p)
{
	return p->is_enabled;
}

const struct demand *pipeline_demand(const struct pipeline *p)
{
	return &p->demand;
}

static int start_parts(struct part *parts, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = part_start(&parts[i]);
	return r;
}

int pipeline_start(struct pipeline *p)
{
	int r = 0;

	for (size_t i = 0; i < p->n_outlets && r == 0; i++)
		r = part_start(&p->outlets[i].part);
	if (r < 0)
		return r;
	r = start_parts(p->stages, p->n_stages);
	return r < 0 ? r : start_parts(p->inputs, p->n_inputs);
}

static bool keep(struct pipeline *p, struct event *ev)
{
	if (!(p->demand.calls & 1U << ev->call))
		return false;
	for (size_t i = 0; i < p->n_stages; i++) {
		struct instance *self = &p->stages[i].instance;

		if (((const struct processor *)self->plugin)->process(self, ev) == VERDICT_DROP)
			return false;
	}
	return true;
}

static bool grow(size_t **ends, size_t *cap, size_t needed)
{
	size_t larger = needed < 256 ? 256 : needed * 2;
	size_t *grown;

	if (needed <= *cap)
		return true;
	grown = reallocarray(*ends, larger, sizeof(*grown));
	if (!grown)
		return false;
	*ends = grown;
	*cap = larger;
	return true;
}

static bool feed_append(struct feed *feed, const struct event *ev, const struct field_view *view)
{
	if (!grow(&feed->ends, &feed->cap, feed->n + 1))
		return false;
	json_encode(feed->schema, ev, view, &feed->bytes);
	if (buf_failed(&feed->bytes) || buf_failed(view->scratch))
		return false;
	feed->ends[feed->n++] = feed->bytes.len;
	return true;
}

/* Back to n records, after one that memory did not suffice for. */
static void feed_rewind(struct feed *feed, size_t n)
{
	size_t len = n ? feed->ends[n - 1] : 0;

	buf_clear(&feed->bytes); /* of its failure */
	feed->bytes.len = len;
	feed->n = n;
}

/* Into every feed or into none: so all feeds hold the same records. */
static void encode(struct pipeline *p, const struct event *ev)
{
	const struct field_view view = { .max_args = p->demand.max_args, .scratch = &p->scratch };
	size_t n = p->feeds[0].n;
	bool is_done = grow(&p->rest_ends, &p->rest_cap, n + 1);

	p->counters.records++;
	for (size_t i = 0; is_done && i < p->n_feeds; i++)
		is_done = feed_append(&p->feeds[i], ev, &view);
	if (is_done)
		return;
	p->counters.dropped++;
	buf_clear(&p->scratch);
	for (size_t i = 0; i < p->n_feeds; i++)
		feed_rewind(&p->feeds[i], n);
}

static bool is_slice_full(const struct pipeline *p)
{
	for (size_t i = 0; i < p->n_feeds; i++)
		if (p->feeds[i].bytes.len >= SLICE_BYTES)
			return true;
	return false;
}

/* The next slice, into feeds that are empty. */
static void fill(struct pipeline *p)
{
	for (; p->next < p->batch->n && !is_slice_full(p); p->next++) {
		struct event ev =
			p->batch->events[p->next]; /* a copy: other pipelines see the event too */

		if (keep(p, &ev))
			encode(p, &ev);
	}
	for (size_t i = 0; i < p->n_feeds; i++)
		p->counters.bytes += p->feeds[i].bytes.len;
	for (size_t i = 0; i < p->n_outlets; i++) {
		p->outlets[i].done = 0;
		p->outlets[i].is_settled = p->feeds[0].n == 0;
	}
}

/* How many records of the feed lie wholly within its first `done` bytes. */
static size_t n_within(const struct feed *feed, size_t done)
{
	size_t low = 0, high = feed->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (feed->ends[mid] <= done)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* What an outlet has not taken yet. The ends count from where its bytes begin. */
static struct payload rest_of(struct pipeline *p, const struct outlet *o)
{
	const struct feed *feed = &p->feeds[o->feed];
	size_t first = n_within(feed, o->done), n = feed->n - first;

	if (!o->done)
		return (struct payload){ .bytes = buf_str(&feed->bytes),
					 .ends = feed->ends,
					 .n = n };
	for (size_t i = 0; i < n; i++)
		p->rest_ends[i] = feed->ends[first + i] - o->done;
	return (struct payload){
		.bytes = { .p = feed->bytes.data + o->done, .n = feed->bytes.len - o->done },
		.ends = p->rest_ends,
		.n = n,
	};
}

static void drop_rest(struct pipeline *p, struct outlet *o, int reason)
{
	const struct feed *feed = &p->feeds[o->feed];

	o->is_settled = true;
	o->reason = reason;
	o->n_unsaid += feed->n - n_within(feed, o->done);
	if (!o->is_gone && (!o->said_at_ns || now_ns() - o->said_at_ns >= SAY_EVERY_NS))
		say_dropped(p, o);
}

/* Said once; what it misses from here on is said when the pipeline ends. */
static void lose_outlet(const struct pipeline *p, struct outlet *o)
{
	o->is_gone = true;
	log_info("%s: %s: its reader has gone, nothing more is written there", p->name,
		 o->part.instance.name);
}

static int offer(struct pipeline *p, struct outlet *o)
{
	struct payload in;
	size_t done = 0;
	int r;

	if (o->is_settled)
		return 0;
	if (o->is_gone) {
		drop_rest(p, o, o->reason);
		return 0;
	}
	in = rest_of(p, o);
	r = o->flusher->flush(&o->part.instance, &in, &done);
	o->done += r == 0 ? in.bytes.n : done;
	if (r == -EAGAIN)
		return r;
	if (r == -EPIPE)
		lose_outlet(p, o);
	if (r < 0)
		drop_rest(p, o, r);
	o->is_settled = true;
	return 0;
}

/* Counts what every outlet has, and empties the feeds. */
static void settle(struct pipeline *p)
{
	size_t n = p->feeds[0].n, n_taken = n;

	for (size_t i = 0; i < p->n_outlets; i++) {
		const struct outlet *o = &p->outlets[i];
		size_t taken = n_within(&p->feeds[o->feed], o->done);

		n_taken = taken < n_taken ? taken : n_taken;
	}
	p->counters.delivered += n_taken;
	p->counters.dropped += n - n_taken;
	for (size_t i = 0; i < p->n_feeds; i++) {
		feed_rewind(&p->feeds[i], 0);
		if (p->feeds[i].bytes.cap > KEEP_BYTES)
			buf_done(&p->feeds[i].bytes);
	}
}

static bool is_any_left(const struct pipeline *p)
{
	for (size_t i = 0; i < p->n_outlets; i++)
		if (!p->outlets[i].is_gone)
			return true;
	return false;
}

/* From one slice, of which everything is settled, to the next or to the end. */
static void advance(struct pipeline *p)
{
	settle(p);
	if (p->next < p->batch->n)
		fill(p);
	else
		p->batch = NULL;
}

int pipeline_deliver(struct pipeline *p, const struct batch *batch)
{
	pipeline_abandon(p);
	p->batch = batch;
	p->next = 0;
	fill(p);
	return pipeline_resume(p);
}

int pipeline_resume(struct pipeline *p)
{
	while (p->batch) {
		bool is_blocked = false;

		for (size_t i = 0; i < p->n_outlets; i++)
			is_blocked |= offer(p, &p->outlets[i]) == -EAGAIN;
		if (is_blocked)
			return -EAGAIN;
		advance(p);
	}
	return is_any_left(p) ? 0 : -EPIPE;
}

void pipeline_abandon(struct pipeline *p)
{
	while (p->batch) {
		for (size_t i = 0; i < p->n_outlets; i++)
			if (!p->outlets[i].is_settled)
				drop_rest(p, &p->outlets[i], -ECANCELED);
		advance(p);
	}
}

void pipeline_counters(const struct pipeline *p, struct pipeline_counters *ret)
{
	*ret = p->counters;
}
