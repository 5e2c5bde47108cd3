/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of what is counted, and its two pages. Owns the sets (not the numbers that they
 * describe). One lock, held while a set comes or goes and while a page is written, so that the
 * numbers of a set are not read once it is removed; those who count never take it.
 */
#include "metrics/metrics.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/json_text.h"
#include "base/list.h"
#include "base/utf8.h"

#define PREFIX "proctrail_"
#define LABELS_MAX 4
#define REFRESHES_MAX 8

struct metric_set {
	struct list link;
	const struct metric *table;
	const char *values;
	size_t n_labels;
	struct metric_label labels[LABELS_MAX]; /* owned */
};

struct refresh {
	metrics_refresh_fn *fn;
	void *ctx;
};

struct metrics {
	pthread_mutex_t lock;
	struct list sets;
	struct refresh refreshes[REFRESHES_MAX];
	size_t n_refreshes;
};

/* A row of a table and whose it is. */
struct sample {
	const struct metric *metric;
	const struct metric_set *set;
	size_t order; /* of registration */
};

int metrics_new(struct metrics **ret)
{
	_cleanup_(freep) struct metrics *m = NULL;

	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	pthread_mutex_init(&m->lock, NULL);
	list_init(&m->sets);

	*ret = TAKE_PTR(m);
	return 0;
}

static struct metric_set *set_free(struct metric_set *set)
{
	size_t i;

	if (!set)
		return NULL;
	for (i = 0; i < set->n_labels; i++) {
		free((char *)set->labels[i].name);
		free((char *)set->labels[i].value);
	}
	list_unlink(&set->link);
	free(set);
	return NULL;
}
DEFINE_CLEANUP(struct metric_set *, set_free)

struct metrics *metrics_free(struct metrics *m)
{
	if (!m)
		return NULL;
	while (!list_is_empty(&m->sets))
		set_free(LIST_ENTRY(m->sets.next, struct metric_set, link));
	pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}

static int copy_label(struct metric_set *set, const struct metric_label *from)
{
	struct metric_label *to = &set->labels[set->n_labels++];

	to->name = strdup(from->name);
	to->value = strdup(from->value);
	return to->name && to->value ? 0 : -ENOMEM;
}

int metrics_add(struct metrics *m, const struct metric *table, const void *values,
		const struct metric_label *labels, size_t n_labels, struct metric_set **ret)
{
	_cleanup_(set_freep) struct metric_set *set = NULL;
	size_t i;
	int r;

	assert(n_labels <= LABELS_MAX);
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	list_init(&set->link);
	set->table = table;
	set->values = values;
	for (i = 0; i < n_labels; i++) {
		r = copy_label(set, &labels[i]);
		if (r < 0)
			return r;
	}

	pthread_mutex_lock(&m->lock);
	list_append(&m->sets, &set->link);
	pthread_mutex_unlock(&m->lock);
	*ret = TAKE_PTR(set);
	return 0;
}

void metrics_remove(struct metrics *m, struct metric_set *set)
{
	pthread_mutex_lock(&m->lock);
	set_free(set);
	pthread_mutex_unlock(&m->lock);
}

int metrics_on_page(struct metrics *m, metrics_refresh_fn *refresh, void *ctx)
{
	int r = -ENOSPC;

	pthread_mutex_lock(&m->lock);
	if (m->n_refreshes < REFRESHES_MAX) {
		m->refreshes[m->n_refreshes++] = (struct refresh){ .fn = refresh, .ctx = ctx };
		r = 0;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

static size_t bucket_of(const uint64_t *bounds, uint64_t x)
{
	size_t i = 0;

	while (i < METRIC_BUCKETS - 1 && x > bounds[i])
		i++;
	return i;
}

static bool is_in(const uint64_t *bounds, size_t bucket, uint64_t x)
{
	return (!bucket || x > bounds[bucket - 1]) &&
	       (bucket == METRIC_BUCKETS - 1 || x <= bounds[bucket]);
}

void metric_observe(struct metric_histogram *h, const uint64_t *bounds, uint64_t x, uint64_t n)
{
	metric_add(&h->buckets[bucket_of(bounds, x)], n);
	metric_add(&h->sum, x * n);
}

void metric_observe_since(struct metric_histogram *h, const uint64_t *bounds, const uint64_t *times,
			  size_t n, uint64_t now)
{
	uint64_t n_same = 0, sum = 0;
	size_t bucket = 0;

	/* Neighbours are mostly in the same bucket. */
	for (size_t i = 0; i < n; i++) {
		uint64_t x = now > times[i] ? now - times[i] : 0;

		if (!is_in(bounds, bucket, x)) {
			metric_add(&h->buckets[bucket], n_same);
			bucket = bucket_of(bounds, x);
			n_same = 0;
		}
		n_same++;
		sum += x;
	}
	metric_add(&h->buckets[bucket], n_same);
	metric_add(&h->sum, sum);
}

/* By family, and within one as registered. */
static int compare_samples(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int r = strcmp(x->metric->name, y->metric->name);

	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static size_t count_samples(const struct metrics *m)
{
	const struct list *l;
	size_t n = 0;

	for (l = m->sets.next; l != &m->sets; l = l->next) {
		const struct metric *row = LIST_ENTRY(l, struct metric_set, link)->table;

		for (; row->type != METRIC_END; row++)
			n++;
	}
	return n;
}

/* All rows of all sets, sorted, for free(); NULL where there is none, or no memory. */
static struct sample *collect(const struct metrics *m, size_t *ret_n)
{
	size_t n = 0, max = count_samples(m);
	const struct list *l;
	struct sample *samples = calloc(max ? max : 1, sizeof(*samples));

	if (!samples)
		return NULL;
	for (l = m->sets.next; l != &m->sets; l = l->next) {
		const struct metric_set *set = LIST_ENTRY(l, struct metric_set, link);
		const struct metric *row;

		for (row = set->table; row->type != METRIC_END; row++, n++)
			samples[n] = (struct sample){ .metric = row, .set = set, .order = n };
	}
	qsort(samples, n, sizeof(*samples), compare_samples);
	*ret_n = n;
	return samples;
}

static void put_scaled(struct buf *out, uint64_t v, double scale)
{
	if (scale == 0 || scale == 1)
		buf_put_u64(out, v);
	else
		buf_printf(out, "%.15g", (double)v * scale);
}

static const metric_value *value_of(const struct sample *s)
{
	return (const metric_value *)(s->set->values + s->metric->offset);
}

static const struct metric_histogram *histogram_of(const struct sample *s)
{
	return (const struct metric_histogram *)(s->set->values + s->metric->offset);
}

/* In the text format a backslash, a line feed, and in labels a quote, are escaped. */
static void put_text_escaped(struct buf *out, const char *text, bool in_quotes)
{
	struct str s = str_from(text);

	while (s.n) {
		size_t length = utf8_length(s.p, s.n);

		if (!length)
			buf_put_str(out, STR("\xef\xbf\xbd"));
		else if (*s.p == '\n')
			buf_put_str(out, STR("\\n"));
		else if (*s.p == '\\' || (in_quotes && *s.p == '"'))
			buf_printf(out, "\\%c", *s.p);
		else
			buf_put(out, s.p, length);
		s.p += length ? length : 1;
		s.n -= length ? length : 1;
	}
}

static void put_text_label(struct buf *out, size_t *n, const char *name, const char *value)
{
	buf_printf(out, "%c%s=\"", (*n)++ ? ',' : '{', name);
	put_text_escaped(out, value, true);
	buf_put_char(out, '"');
}

/* The line up to its value; `le` is the label of a bucket, or NULL. */
static void put_text_name(struct buf *out, const struct sample *s, const char *suffix,
			  const char *le)
{
	size_t i, n = 0;

	buf_printf(out, PREFIX "%s%s", s->metric->name, suffix);
	for (i = 0; i < s->set->n_labels; i++)
		put_text_label(out, &n, s->set->labels[i].name, s->set->labels[i].value);
	if (s->metric->label)
		put_text_label(out, &n, s->metric->label, s->metric->value);
	if (le)
		put_text_label(out, &n, "le", le);
	buf_put_str(out, n ? STR("} ") : STR(" "));
}

static void put_text_histogram(struct buf *out, const struct sample *s)
{
	const struct metric_histogram *h = histogram_of(s);
	double scale = s->metric->scale;
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < METRIC_BUCKETS; i++) {
		char le[32] = "+Inf";

		if (i < METRIC_BUCKETS - 1)
			snprintf(le, sizeof(le), "%.15g",
				 (double)s->metric->bounds[i] * (scale == 0 ? 1 : scale));
		count += metric_get(&h->buckets[i]);
		put_text_name(out, s, "_bucket", le);
		buf_put_u64(out, count);
		buf_put_char(out, '\n');
	}
	put_text_name(out, s, "_sum", NULL);
	put_scaled(out, metric_get(&h->sum), scale);
	buf_put_char(out, '\n');
	put_text_name(out, s, "_count", NULL);
	buf_put_u64(out, count);
	buf_put_char(out, '\n');
}

static void put_text_sample(struct buf *out, const struct sample *s)
{
	if (s->metric->type == METRIC_HISTOGRAM) {
		put_text_histogram(out, s);
		return;
	}
	put_text_name(out, s, "", NULL);
	put_scaled(out, metric_get(value_of(s)), s->metric->scale);
	buf_put_char(out, '\n');
}

static const char *type_to_string(enum metric_type type)
{
	static const char *const names[] = {
		[METRIC_END] = "untyped",
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};

	return names[type];
}

static void put_text_family(struct buf *out, const struct metric *metric)
{
	buf_printf(out, "# HELP " PREFIX "%s ", metric->name);
	put_text_escaped(out, metric->help, false);
	buf_printf(out, "\n# TYPE " PREFIX "%s %s\n", metric->name, type_to_string(metric->type));
}

static void put_text(struct buf *out, const struct sample *samples, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!i || strcmp(samples[i].metric->name, samples[i - 1].metric->name) != 0)
			put_text_family(out, samples[i].metric);
		put_text_sample(out, &samples[i]);
	}
}

static void put_json_label(struct buf *out, size_t *n, const char *name, const char *value)
{
	if ((*n)++)
		buf_put_char(out, ',');
	json_text_put(out, str_from(name));
	buf_put_char(out, ':');
	json_text_put(out, str_from(value));
}

static void put_json_histogram(struct buf *out, const struct sample *s)
{
	const struct metric_histogram *h = histogram_of(s);
	uint64_t count = 0;
	size_t i;

	buf_put_str(out, STR("\"buckets\":["));
	for (i = 0; i < METRIC_BUCKETS - 1; i++) {
		count += metric_get(&h->buckets[i]);
		buf_put_str(out, i ? STR(",{\"le\":") : STR("{\"le\":"));
		put_scaled(out, s->metric->bounds[i], s->metric->scale);
		buf_put_str(out, STR(",\"count\":"));
		buf_put_u64(out, count);
		buf_put_char(out, '}');
	}
	buf_put_str(out, STR("],\"sum\":"));
	put_scaled(out, metric_get(&h->sum), s->metric->scale);
	buf_put_str(out, STR(",\"count\":"));
	buf_put_u64(out, count + metric_get(&h->buckets[METRIC_BUCKETS - 1]));
}

static void put_json_sample(struct buf *out, const struct sample *s)
{
	size_t i, n = 0;

	buf_printf(out, "{\"name\":\"" PREFIX "%s\",\"labels\":{", s->metric->name);
	for (i = 0; i < s->set->n_labels; i++)
		put_json_label(out, &n, s->set->labels[i].name, s->set->labels[i].value);
	if (s->metric->label)
		put_json_label(out, &n, s->metric->label, s->metric->value);
	buf_put_str(out, STR("},"));
	if (s->metric->type == METRIC_HISTOGRAM) {
		put_json_histogram(out, s);
	} else {
		buf_put_str(out, STR("\"value\":"));
		put_scaled(out, metric_get(value_of(s)), s->metric->scale);
	}
	buf_put_char(out, '}');
}

static void put_json(struct buf *out, const struct sample *samples, size_t n)
{
	size_t i;

	buf_put_char(out, '[');
	for (i = 0; i < n; i++) {
		if (i)
			buf_put_char(out, ',');
		put_json_sample(out, &samples[i]);
	}
	buf_put_char(out, ']');
}

/* A page, written with the lock held, so that no set goes while its numbers are read. */
static void format_page(struct metrics *m, struct buf *out,
			void (*put)(struct buf *, const struct sample *, size_t))
{
	_cleanup_(freep) struct sample *samples = NULL;
	size_t i, n = 0;

	pthread_mutex_lock(&m->lock);
	for (i = 0; i < m->n_refreshes; i++)
		m->refreshes[i].fn(m->refreshes[i].ctx);
	samples = collect(m, &n);
	if (samples)
		put(out, samples, n);
	else
		out->failed = true;
	pthread_mutex_unlock(&m->lock);
}

void metrics_format_text(struct metrics *m, struct buf *out)
{
	format_page(m, out, put_text);
}

void metrics_format_json(struct metrics *m, struct buf *out)
{
	format_page(m, out, put_json);
}
