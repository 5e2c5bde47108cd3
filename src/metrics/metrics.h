/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent counts. A table declares the metrics of a structure of numbers, once: Prometheus
 * text, the status page and the reference are written from it. Whoever owns such a structure
 * registers it, with the labels that tell it from others of its kind, and writes its numbers with
 * metric_add() and metric_set(): one writer each, no lock. Readers see each number whole.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum metric_type { METRIC_END, METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

typedef _Atomic uint64_t metric_value;

#define METRIC_BUCKETS 16

/* Counts of values up to each bound of metric.bounds, the last bucket all that are larger. */
struct metric_histogram {
	metric_value buckets[METRIC_BUCKETS];
	metric_value sum;
};

struct metric {
	/* Without the prefix "proctrail_". Counters end in _total, units are Prometheus's. */
	const char *name;
	enum metric_type type;
	size_t offset;		   /* of a metric_value, or of a struct metric_histogram */
	const char *help;	   /* a full sentence */
	const char *label, *value; /* one more label: call="execve"; NULL: none */
	double scale;		   /* printed = number * scale, bounds too; 0: 1 */
	const uint64_t *bounds;	   /* METRIC_HISTOGRAM: METRIC_BUCKETS - 1 of them, rising */
};

struct metrics;
struct metric_set;

int metrics_new(struct metrics **ret);
struct metrics *metrics_free(struct metrics *m);
DEFINE_CLEANUP(struct metrics *, metrics_free)

struct metric_label {
	const char *name, *value;
};

/*
 * Adds a structure that `table` (ended by METRIC_END) describes. `values` must live until the set
 * is removed; labels (at most 4) are copied. 0 or -ENOMEM. Any thread.
 */
int metrics_add(struct metrics *m, const struct metric *table, const void *values,
		const struct metric_label *labels, size_t n_labels, struct metric_set **ret);
void metrics_remove(struct metrics *m, struct metric_set *set);

/*
 * Calls `refresh` before every page: for numbers that are asked for, not counted. At most 8. Any
 * thread.
 */
typedef void metrics_refresh_fn(void *ctx);
int metrics_on_page(struct metrics *m, metrics_refresh_fn *refresh, void *ctx);

/* The Prometheus text exposition format, version 0.0.4. Any thread. */
void metrics_format_text(struct metrics *m, struct buf *out);
/* An array of {"name":…,"labels":{…},"value":…}; histograms as count, sum and buckets. */
void metrics_format_json(struct metrics *m, struct buf *out);

static inline void metric_add(metric_value *v, uint64_t n)
{
	atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void metric_set(metric_value *v, uint64_t n)
{
	atomic_store_explicit(v, n, memory_order_relaxed);
}

static inline uint64_t metric_get(const metric_value *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

/* Counts n times the value `x`. */
void metric_observe(struct metric_histogram *h, const uint64_t *bounds, uint64_t x, uint64_t n);
/* How long each of n times is ago; 0 for one that is to come. */
void metric_observe_since(struct metric_histogram *h, const uint64_t *bounds, const uint64_t *times,
			  size_t n, uint64_t now);
