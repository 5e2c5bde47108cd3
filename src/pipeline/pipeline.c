/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline at work, on the reader thread: a batch is filtered and encoded, once per encoding,
 * into chunks of about SLICE_BYTES, and every chunk is pushed to the outlets that want it. Order is
 * the batch's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/parts.h"

#define SLICE_BYTES (256 * 1024)

#define PIPELINE(m) .offset = offsetof(struct pipeline_counters, m)

const struct metric pipeline_metrics[] = {
	{ "pipeline_in_records_total", METRIC_COUNTER, PIPELINE(in),
	  .help = "Records offered to the pipeline: those of the calls it asks for." },
	{ "pipeline_filtered_records_total", METRIC_COUNTER, PIPELINE(filtered),
	  .help = "Records that a processor dropped." },
	{ "pipeline_out_records_total", METRIC_COUNTER, PIPELINE(records),
	  .help = "Records encoded and offered to the flushers." },
	{ "pipeline_failed_records_total", METRIC_COUNTER, PIPELINE(failed),
	  .help = "Records for which memory ran out." },
	{ "pipeline_out_bytes_total", METRIC_COUNTER, PIPELINE(bytes), .help = "Bytes encoded." },
	{ "pipeline_pieces_total", METRIC_COUNTER, PIPELINE(copied),
	  .help = "Pieces of records, as the fields of a parent: copied as they were kept, or made.",
	  .label = "from", .value = "kept" },
	{ "pipeline_pieces_total", METRIC_COUNTER, PIPELINE(made),
	  .help = "Pieces of records, as the fields of a parent: copied as they were kept, or made.",
	  .label = "from", .value = "fields" },
	{ .type = METRIC_END },
};

static void hide_metrics(struct pipeline *p)
{
	for (size_t i = 0; p->metrics && i < p->n_stages; i++)
		if (p->stages[i].metric_set)
			metrics_remove(p->metrics, TAKE_PTR(p->stages[i].metric_set));
	for (size_t i = 0; p->metrics && i < p->n_outlets; i++)
		if (p->outlets[i].metric_set)
			metrics_remove(p->metrics, TAKE_PTR(p->outlets[i].metric_set));
	if (p->metric_set)
		metrics_remove(p->metrics, TAKE_PTR(p->metric_set));
}

static void parts_done(struct part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		part_done(&parts[i]);
	free(parts);
}

struct pipeline *pipeline_free(struct pipeline *p)
{
	if (!p)
		return NULL;
	pipeline_stop(p, 0);
	hide_metrics(p);
	parts_done(p->inputs, p->n_inputs);
	parts_done(p->stages, p->n_stages);
	for (size_t i = 0; i < p->n_outlets; i++)
		outlet_done(&p->outlets[i]);
	free(p->outlets);
	for (size_t i = 0; i < p->n_feeds; i++) {
		encoder_unref(p->feeds[i].encoder);
		chunk_unref(p->feeds[i].chunk);
	}
	free(p->feeds);
	chunk_pool_done(&p->pool);
	free(p->demand.fields);
	buf_done(&p->scratch);
	free(p->environment);
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

void pipeline_share(struct pipeline *p, const struct pipeline *other)
{
	for (size_t i = 0; i < p->n_feeds; i++) {
		struct encoder **own = &p->feeds[i].encoder;

		for (size_t k = 0; k < other->n_feeds; k++) {
			if (*own == other->feeds[k].encoder ||
			    !encoder_is_same(*own, other->feeds[k].encoder))
				continue;
			encoder_unref(*own);
			*own = encoder_ref(other->feeds[k].encoder);
		}
	}
}

bool pipeline_is_selective(const struct pipeline *p, uint32_t calls)
{
	for (size_t i = 0; i < p->n_stages; i++)
		if (((const struct processor *)p->stages[i].instance.plugin)->process)
			return true;
	return calls & ~p->demand.calls;
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

static int name_environment(struct pipeline *p)
{
	const struct string_list *names = p->demand.environment;

	if (!names || !names->n || p->environment)
		return 0;
	p->environment = calloc(names->n + 1, sizeof(*p->environment));
	if (!p->environment)
		return -ENOMEM;
	for (size_t i = 0; i < names->n; i++)
		p->environment[i] = names->items[i];
	return 0;
}

int pipeline_start(struct pipeline *p)
{
	int r = name_environment(p);

	p->is_started = true;
	for (size_t i = 0; i < p->n_outlets && r == 0; i++)
		r = outlet_start(&p->outlets[i], p->name);
	if (r < 0)
		return r;
	r = start_parts(p->stages, p->n_stages);
	return r < 0 ? r : start_parts(p->inputs, p->n_inputs);
}

void pipeline_bound_queues(struct pipeline *p, size_t bytes)
{
	for (size_t i = 0; i < p->n_outlets; i++)
		outlet_bound_queue(&p->outlets[i], bytes);
}

size_t pipeline_n_flushers(const struct pipeline *p)
{
	return p->n_outlets;
}

void pipeline_set_state(struct pipeline *p, const struct pipeline_state *state)
{
	for (size_t i = 0; state->folder && i < p->n_outlets; i++)
		outlet_set_state(&p->outlets[i], state);
}

void pipeline_stop(struct pipeline *p, uint64_t deadline_ns)
{
	for (size_t i = 0; p->is_started && i < p->n_outlets; i++)
		outlet_ask_to_stop(&p->outlets[i], deadline_ns);
	for (size_t i = 0; p->is_started && i < p->n_outlets; i++)
		outlet_stop(&p->outlets[i], deadline_ns);
	p->is_started = false;
}

static struct field_view view_of(struct pipeline *p)
{
	return (struct field_view){ .max_args = p->demand.max_args,
				    .environment = p->environment,
				    .scratch = &p->scratch };
}

static bool keep(struct pipeline *p, const struct event *ev, const struct field_view *view)
{
	for (size_t i = 0; i < p->n_stages; i++) {
		struct part *stage = &p->stages[i];
		struct instance *self = &stage->instance;
		const struct processor *processor = (const struct processor *)self->plugin;

		metric_add(&stage->counters.in, 1);
		if (!processor->process || processor->process(self, ev, view) == VERDICT_KEEP)
			continue;
		metric_add(&stage->counters.dropped, 1);
		return false;
	}
	return true;
}

/* An event on its way, where it stands in which stride, and where its batch begins. */
struct passage {
	const struct event *ev;
	const struct field_view *view;
	uint64_t stride_id; /* 0: no other pipeline is shown it */
	size_t i;
	uint64_t begin;
};

/* Of what follows from an answer, not from the log alone, another life may have other numbers. */
static bool has_number(const struct event *ev)
{
	return !ev->held_until && ev->call != CALL_CONTAINER;
}

static bool put_text(const struct feed *feed, struct chunk *c, const struct passage *at,
		     size_t *ret_n)
{
	size_t begin = c->own.len;
	struct text text;

	if (at->stride_id) {
		if (!encoder_take(feed->encoder, at->stride_id, at->i, at->ev, at->view, &text))
			return false;
		*ret_n = text.n;
		return chunk_show(c, &text);
	}
	encoder_put(feed->encoder, at->ev, at->view, &c->own);
	*ret_n = c->own.len - begin;
	return !buf_failed(&c->own) && !buf_failed(at->view->scratch);
}

static bool feed_append(struct pipeline *p, struct feed *feed, const struct passage *at)
{
	const struct event *ev = at->ev;
	struct chunk *c;
	size_t n;

	if (!feed->chunk)
		feed->chunk = chunk_new(&p->pool, at->begin);
	c = feed->chunk;
	if (!c || !chunk_grow(c, 1) || (ev->loss && !chunk_add_loss(c, ev->loss)) ||
	    !put_text(feed, c, at, &n))
		return false;
	c->wall_offset_ns = ev->time_ns - (int64_t)ev->boot_ns;
	c->times_ns[c->n] = ev->boot_ns;
	c->seqs[c->n] = has_number(ev) ? ev->seq : 0;
	c->calls[c->n] = (uint8_t)ev->call;
	c->ends[c->n] = chunk_size(c) + n;
	c->n++;
	return true;
}

/* Into every feed or into none: so all feeds hold the same records. */
static bool encode(struct pipeline *p, const struct passage *at)
{
	size_t n = p->feeds[0].chunk ? p->feeds[0].chunk->n : 0;
	bool is_done = true;

	for (size_t i = 0; is_done && i < p->n_feeds; i++)
		is_done = feed_append(p, &p->feeds[i], at);
	if (is_done)
		return true;
	buf_clear(&p->scratch);
	for (size_t i = 0; i < p->n_feeds; i++)
		if (p->feeds[i].chunk)
			chunk_cut(p->feeds[i].chunk, n);
	return false;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A lost record for one outlet alone, in front of `next`; false when memory ran out. */
static bool push_report(struct pipeline *p, struct outlet *o, const struct event *lost,
			const struct chunk *next)
{
	const struct field_view view = view_of(p);
	struct feed feed = { .encoder = p->feeds[o->feed].encoder };
	const struct passage alone = { .ev = lost, .view = &view, .begin = next->begin };
	_cleanup_(chunk_unrefp) struct chunk *c = NULL;
	bool is_done = feed_append(p, &feed, &alone);

	c = feed.chunk;
	if (!is_done) {
		buf_clear(&p->scratch);
		return false;
	}
	c->bound = earlier(lost->seq, next->bound);
	c->is_report = true;
	c->loss = *lost->loss;
	outlet_push(o, c);
	return true;
}

static void push_to(struct pipeline *p, struct outlet *o, struct chunk *c)
{
	struct event lost;
	struct loss loss;

	for (unsigned int i = 0; i < _DROP_MAX && outlet_owes(o, c, &lost, &loss); i++) {
		lost.node = p->node;
		if (!push_report(p, o, &lost, c))
			outlet_put_back(o, &loss); /* before a later chunk, then */
	}
	outlet_push(o, c);
}

/*
 * Hands the chunks to the outlets; the feeds begin anew. Nothing before `bound` is owed once they
 * are delivered.
 */
static void push(struct pipeline *p, uint64_t bound)
{
	for (size_t i = 0; i < p->n_feeds; i++) {
		_cleanup_(chunk_unrefp) struct chunk *c = TAKE_PTR(p->feeds[i].chunk);

		if (!c || !c->n)
			continue;
		c->bound = bound;
		chunk_settle(c);
		encoder_turn(p->feeds[i].encoder);
		metric_add(&p->counters.bytes, chunk_size(c));
		for (size_t k = 0; k < p->n_outlets; k++)
			if (p->outlets[k].feed == i)
				push_to(p, &p->outlets[k], c);
	}
}

static bool is_slice_full(const struct pipeline *p)
{
	for (size_t i = 0; i < p->n_feeds; i++)
		if (p->feeds[i].chunk && chunk_size(p->feeds[i].chunk) >= SLICE_BYTES)
			return true;
	return false;
}

/* What is told of no process concerns everybody, whatever they ask for. */
static bool is_wanted(const struct pipeline *p, const struct event *ev)
{
	return !call_has_image(ev->call) || ((p->demand.calls & 1U << ev->call) &&
					     !(p->self_pid && ev->image->key.pid == p->self_pid));
}

static void count_pieces(struct pipeline *p)
{
	uint64_t copied = 0, made = 0;

	for (size_t i = 0; i < p->n_feeds; i++) {
		copied += encoder_counters(p->feeds[i].encoder)->copied;
		made += encoder_counters(p->feeds[i].encoder)->made;
	}
	metric_set(&p->counters.copied, copied);
	metric_set(&p->counters.made, made);
}

/* What a stride came to: the counters move once for all of it. */
struct tally {
	uint64_t in, filtered, failed;
};

static void count(struct pipeline *p, const struct tally *t)
{
	metric_add(&p->counters.in, t->in);
	metric_add(&p->counters.filtered, t->filtered);
	metric_add(&p->counters.failed, t->failed);
	metric_add(&p->counters.records, t->in - t->filtered - t->failed);
}

void pipeline_take(struct pipeline *p, const struct batch *stride, uint64_t begin, uint64_t bound)
{
	const struct field_view view = view_of(p);
	struct passage at = { .view = &view, .stride_id = stride->id, .begin = begin };
	struct tally tally = { 0 };

	for (size_t i = 0; i < stride->n; i++) {
		const struct event *ev = &stride->events[i];

		if (!is_wanted(p, ev))
			continue;
		tally.in++;
		if (call_has_image(ev->call) && !keep(p, ev, &view)) {
			tally.filtered++;
			continue;
		}
		p->node = ev->node;
		at.ev = ev;
		at.i = i;
		tally.failed += !encode(p, &at);
		if (is_slice_full(p))
			push(p, i + 1 < stride->n ? earlier(event_position(&ev[1]), bound) : bound);
	}
	count(p, &tally);
}

void pipeline_push(struct pipeline *p, uint64_t bound)
{
	push(p, bound);
	count_pieces(p);
}

bool pipeline_serve(struct pipeline *p, const struct post *post)
{
	bool goes_on = true;

	/* Once it does not, p itself may be gone. */
	for (size_t i = 0, n = p->n_outlets; goes_on && i < n; i++)
		goes_on = outlet_serve(&p->outlets[i], post);
	return goes_on;
}

void pipeline_deliver(struct pipeline *p, const struct batch *batch, uint64_t begin, uint64_t bound)
{
	pipeline_take(p, batch, begin, bound);
	pipeline_push(p, bound);
	(void)pipeline_serve(p, NULL);
}

bool pipeline_has_room(struct pipeline *p)
{
	for (size_t i = 0; i < p->n_outlets; i++)
		if (!outlet_has_room(&p->outlets[i]))
			return false;
	return true;
}

bool pipeline_has_any_room(struct pipeline *p)
{
	for (size_t i = 0; i < p->n_outlets; i++)
		if (!outlet_is_gone(&p->outlets[i]) && outlet_has_room(&p->outlets[i]))
			return true;
	return false;
}

bool pipeline_is_gone(struct pipeline *p)
{
	for (size_t i = 0; i < p->n_outlets; i++)
		if (!outlet_is_gone(&p->outlets[i]))
			return false;
	return true;
}

uint64_t pipeline_pending(struct pipeline *p)
{
	uint64_t begin = UINT64_MAX;

	for (size_t i = 0; i < p->n_outlets; i++) {
		uint64_t one = outlet_pending(&p->outlets[i]);

		begin = one < begin ? one : begin;
	}
	return begin;
}

void pipeline_secure(struct pipeline *p, uint64_t before)
{
	for (size_t i = 0; i < p->n_outlets; i++)
		outlet_secure(&p->outlets[i], before);
}

void pipeline_set_self(struct pipeline *p, uint32_t pid)
{
	p->self_pid = p->demand.exclude_self ? pid : 0;
}

void pipeline_reopen(struct pipeline *p)
{
	for (size_t i = 0; i < p->n_outlets; i++)
		outlet_reopen(&p->outlets[i]);
}

void pipeline_totals(const struct pipeline *p, struct pipeline_totals *ret)
{
	*ret = (struct pipeline_totals){
		.records = metric_get(&p->counters.records),
		.dropped = metric_get(&p->counters.failed),
	};
	for (size_t i = 0; i < p->n_outlets; i++)
		ret->dropped += metric_get(&p->outlets[i].counters.dropped) +
				metric_get(&p->outlets[i].counters.overflowed);
}

void pipeline_flusher(const struct pipeline *p, size_t i, struct pipeline_flusher *ret)
{
	const struct outlet_counters *c = &p->outlets[i].counters;

	*ret = (struct pipeline_flusher){
		.name = p->outlets[i].part.instance.name,
		.failure = metric_get(&c->is_failing) ? -(int)metric_get(&c->error) : 0,
		.n_dropped = metric_get(&c->dropped) + metric_get(&c->overflowed),
	};
}

int pipeline_show_metrics(struct pipeline *p, struct metrics *m)
{
	struct metric_label stage_labels[] = { { "pipeline", p->name }, { "processor", NULL } };
	struct metric_label labels[] = { { "pipeline", p->name }, { "flusher", NULL } };
	int r;

	p->metrics = m;
	r = metrics_add(m, pipeline_metrics, &p->counters, labels, 1, &p->metric_set);
	for (size_t i = 0; r == 0 && i < p->n_stages; i++) {
		struct part *stage = &p->stages[i];

		stage_labels[1].value = stage->instance.name;
		r = metrics_add(m, part_metrics, &stage->counters, stage_labels,
				ARRAY_SIZE(stage_labels), &stage->metric_set);
	}
	for (size_t i = 0; r == 0 && i < p->n_outlets; i++) {
		struct outlet *o = &p->outlets[i];

		labels[1].value = o->part.instance.name;
		r = metrics_add(m, outlet_metrics, &o->counters, labels, ARRAY_SIZE(labels),
				&o->metric_set);
	}
	return r;
}
