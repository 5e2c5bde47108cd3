/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page, from the JSON of /status. Metrics are found by name; one that this version of the agent
 * does not have is left out, with its line when that is empty then.
 */
#include "cli/status_page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define PREFIX "proctrail_"
#define NAME_WIDTH_MIN 12

struct page {
	const json_t *now, *before; /* arrays of metrics; before may be NULL */
	double seconds;
	struct buf *out;
};

/* Which numbers of a family are meant: those with these labels. NULL: any. */
struct labels {
	const char *pipeline, *flusher;
	const char *name, *value; /* one more */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* What comes from the agent goes to a terminal: no control characters. */
static void put_clean(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_put_char(out, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static bool has_label(const json_t *metric, const char *name, const char *value)
{
	return !name || !value ||
	       strcmp(text_of(json_object_get(metric, "labels"), name), value) == 0;
}

static bool is_meant(const json_t *metric, const char *name, const struct labels *labels)
{
	const char *full = text_of(metric, "name");

	return strncmp(full, PREFIX, strlen(PREFIX)) == 0 &&
	       strcmp(full + strlen(PREFIX), name) == 0 &&
	       has_label(metric, "pipeline", labels->pipeline) &&
	       has_label(metric, "flusher", labels->flusher) &&
	       has_label(metric, labels->name, labels->value);
}

/* The next metric that is meant, from *i on; NULL behind the last. */
static const json_t *next(const json_t *metrics, size_t *i, const char *name,
			  const struct labels *labels)
{
	while (*i < json_array_size(metrics)) {
		const json_t *metric = json_array_get(metrics, (*i)++);

		if (is_meant(metric, name, labels))
			return metric;
	}
	return NULL;
}

static const struct labels any = { 0 };

static bool has(const struct page *p, const char *name)
{
	size_t i = 0;

	return next(p->now, &i, name, &any) != NULL;
}

/* All that are meant, together. */
static double sum(const json_t *metrics, const char *name, const struct labels *labels)
{
	const json_t *metric;
	double all = 0;
	size_t i = 0;

	while ((metric = next(metrics, &i, name, labels)))
		all += json_number_value(json_object_get(metric, "value"));
	return all;
}

static double total(const struct page *p, const char *name, const struct labels *labels)
{
	return sum(p->now, name, labels);
}

/* A second; a counter that began anew counts from 0. */
static double rate(const struct page *p, const char *name, const struct labels *labels)
{
	double now = sum(p->now, name, labels);
	double before = p->before ? sum(p->before, name, labels) : 0;

	if (p->seconds <= 0)
		return 0;
	return (now >= before ? now - before : now) / p->seconds;
}

static void format_bytes(double bytes, char *to, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	while (bytes >= 1024 && i + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		i++;
	}
	snprintf(to, size, i && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[i]);
}

static void format_seconds(double s, char *to, size_t size)
{
	if (isnan(s))
		snprintf(to, size, "-");
	else if (isinf(s))
		snprintf(to, size, "very long");
	else if (s < 0.0995)
		snprintf(to, size, "%.1f ms", s * 1e3);
	else if (s < 1)
		snprintf(to, size, "%.0f ms", s * 1e3);
	else
		snprintf(to, size, "%.1f s", s);
}

static void format_uptime(json_int_t s, char *to, size_t size)
{
	const long long m = s / 60, h = m / 60, d = h / 24;

	if (d)
		snprintf(to, size, "%lldd %lldh", d, h % 24);
	else if (h)
		snprintf(to, size, "%lldh %lldm", h, m % 60);
	else if (m)
		snprintf(to, size, "%lldm %llds", m, s % 60);
	else
		snprintf(to, size, "%llds", (long long)s);
}

/* How many values of all histograms that are meant lie up to bucket i; behind the last: all. */
static double count_upto(const json_t *metrics, size_t bucket, const char *name,
			 const struct labels *labels)
{
	const json_t *metric;
	double n = 0;
	size_t i = 0;

	while ((metric = next(metrics, &i, name, labels))) {
		const json_t *b = json_array_get(json_object_get(metric, "buckets"), bucket);

		n += json_number_value(json_object_get(b ? b : metric, "count"));
	}
	return n;
}

static double count_since(const struct page *p, size_t bucket, const char *name,
			  const struct labels *labels)
{
	double now = count_upto(p->now, bucket, name, labels);
	double before = p->before ? count_upto(p->before, bucket, name, labels) : 0;

	return now >= before ? now - before : now;
}

static double bound_of(const json_t *buckets, size_t i)
{
	return json_number_value(json_object_get(json_array_get(buckets, i), "le"));
}

/*
 * As histogram_quantile() of Prometheus has it: evenly spread within a bucket. NAN without values.
 */
static double quantile(const struct page *p, double q, const char *name,
		       const struct labels *labels)
{
	size_t at = 0, i = 0;
	const json_t *buckets = json_object_get(next(p->now, &at, name, labels), "buckets");
	size_t n = json_array_size(buckets);
	double wanted = q * count_since(p, n, name, labels), below = 0, upto = 0;

	if (wanted <= 0)
		return NAN;
	for (; i < n; i++) {
		upto = count_since(p, i, name, labels);
		if (upto >= wanted)
			break;
		below = upto;
	}
	if (i == n)
		return INFINITY;
	return (i ? bound_of(buckets, i - 1) : 0) +
	       (bound_of(buckets, i) - (i ? bound_of(buckets, i - 1) : 0)) * (wanted - below) /
		       (upto - below);
}

static void put_head(const struct page *p, const json_t *status)
{
	const json_t *agent = json_object_get(status, "agent");
	char uptime[32];

	format_uptime(json_integer_value(json_object_get(status, "uptime_seconds")), uptime,
		      sizeof(uptime));
	buf_put_str(p->out, STR("proctrail "));
	put_clean(p->out, text_of(status, "version"));
	buf_put_str(p->out, STR(", instance "));
	put_clean(p->out, text_of(status, "instance"));
	buf_printf(p->out, ", pid %" JSON_INTEGER_FORMAT ", up %s",
		   json_integer_value(json_object_get(status, "pid")), uptime);
	if (*text_of(agent, "node")) {
		buf_put_str(p->out, STR(", node "));
		put_clean(p->out, text_of(agent, "node"));
	}
	if (*text_of(agent, "hooks")) {
		buf_put_str(p->out, STR(", hooks "));
		put_clean(p->out, text_of(agent, "hooks"));
	}
	buf_put_char(p->out, '\n');
}

static void put_health(const struct page *p, const json_t *health)
{
	const json_t *reasons = json_object_get(health, "reasons");

	if (json_is_true(json_object_get(health, "healthy"))) {
		buf_put_str(p->out, STR("healthy\n\n"));
		return;
	}
	buf_put_str(p->out, STR("NOT HEALTHY\n"));
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const char *reason = json_string_value(json_array_get(reasons, i));

		buf_put_str(p->out, STR("  - "));
		put_clean(p->out, reason ? reason : "");
		buf_put_char(p->out, '\n');
	}
	buf_put_char(p->out, '\n');
}

/* A line for each value that the label `by` has. */
static void put_family(const struct page *p, const char *title, const char *name, const char *by)
{
	const json_t *metric;
	size_t i = 0;

	while ((metric = next(p->now, &i, name, &any))) {
		const char *value = text_of(json_object_get(metric, "labels"), by);
		const struct labels labels = { .name = by, .value = value };

		buf_printf(p->out, "%-9s ", title);
		put_clean(p->out, value);
		buf_printf(p->out, "%*s %12.0f %10.1f/s\n",
			   (int)(strlen(value) < 10 ? 10 - strlen(value) : 0), "",
			   total(p, name, &labels), rate(p, name, &labels));
		title = "";
	}
}

static void put_lost(const struct page *p)
{
	const json_t *metric;
	size_t i = 0;

	if (!has(p, "lost_records_total"))
		return;
	buf_printf(p->out, "lost      %.0f", total(p, "lost_records_total", &any));
	while ((metric = next(p->now, &i, "lost_records_total", &any))) {
		double n = json_number_value(json_object_get(metric, "value"));

		if (n > 0) {
			buf_put_str(p->out, STR(", "));
			put_clean(p->out, text_of(json_object_get(metric, "labels"), "type"));
			buf_printf(p->out, " %.0f", n);
		}
	}
	buf_put_char(p->out, '\n');
}

static void put_ring(const struct page *p)
{
	double size = total(p, "ring_size_bytes", &any), used = total(p, "ring_fill_bytes", &any);
	char of[32], text[32];

	if (size <= 0)
		return;
	format_bytes(size, of, sizeof(of));
	format_bytes(used, text, sizeof(text));
	buf_printf(p->out, "ring      %s of %s, %.0f %%\n", text, of, 100 * used / size);
}

static void put_table(const struct page *p)
{
	char text[32];

	if (!has(p, "table_processes"))
		return;
	format_bytes(total(p, "table_bytes", &any), text, sizeof(text));
	buf_printf(p->out, "table     %.0f processes, %s, %.0f evicted\n",
		   total(p, "table_processes", &any), text, total(p, "table_evicted_total", &any));
}

static void put_cost(const struct page *p)
{
	char text[32];

	if (!has(p, "process_cpu_seconds_total"))
		return;
	format_bytes(total(p, "process_resident_memory_bytes", &any), text, sizeof(text));
	buf_printf(p->out, "cost      %.1f %% of a CPU, %s, %.0f open files\n",
		   100 * rate(p, "process_cpu_seconds_total", &any), text,
		   total(p, "process_open_fds", &any));
}

static void put_counts(const struct page *p, const char *in, const char *out, const char *dropped,
		       const struct labels *labels)
{
	buf_printf(p->out, " %12.0f %12.0f %10.0f", total(p, in, labels), total(p, out, labels),
		   total(p, dropped, labels));
}

static void put_latency(const struct page *p, const struct labels *labels)
{
	char queue[32], p50[32], p99[32];

	format_bytes(total(p, "flusher_queue_bytes", labels), queue, sizeof(queue));
	format_seconds(quantile(p, 0.5, "flusher_latency_seconds", labels), p50, sizeof(p50));
	format_seconds(quantile(p, 0.99, "flusher_latency_seconds", labels), p99, sizeof(p99));
	buf_printf(p->out, " %10s %9s %9s", queue, p50, p99);
}

static void put_name(const struct page *p, const char *name, size_t indent, size_t width)
{
	size_t n = strlen(name) + indent;

	buf_printf(p->out, "%*s", (int)indent, "");
	put_clean(p->out, name);
	buf_printf(p->out, "%*s", n < width ? (int)(width - n) : 0, "");
}

static void put_flushers(const struct page *p, const char *pipeline, size_t width)
{
	const struct labels all = { .pipeline = pipeline };
	const json_t *metric;
	size_t i = 0;

	while ((metric = next(p->now, &i, "flusher_in_records_total", &all))) {
		const char *flusher = text_of(json_object_get(metric, "labels"), "flusher");
		const struct labels labels = { .pipeline = pipeline, .flusher = flusher };

		put_name(p, flusher, 2, width);
		put_counts(p, "flusher_in_records_total", "flusher_delivered_records_total",
			   "flusher_dropped_records_total", &labels);
		put_latency(p, &labels);
		buf_put_str(p->out, total(p, "flusher_failing", &labels) > 0 ? STR("  failing\n")
									     : STR("\n"));
	}
}

/* What the agent says of a pipeline, beyond its numbers. */
static const json_t *find_pipeline(const json_t *agent, const char *name)
{
	const json_t *pipelines = json_object_get(agent, "pipelines");

	for (size_t i = 0; i < json_array_size(pipelines); i++) {
		const json_t *pipeline = json_array_get(pipelines, i);

		if (strcmp(text_of(pipeline, "name"), name) == 0)
			return pipeline;
	}
	return NULL;
}

static void put_pipeline(const struct page *p, const char *name, const json_t *pipeline,
			 size_t width)
{
	const struct labels labels = { .pipeline = name };
	const char *state = text_of(pipeline, "state"), *error = text_of(pipeline, "error");

	put_name(p, name, 0, width);
	put_counts(p, "pipeline_in_records_total", "pipeline_out_records_total",
		   "pipeline_failed_records_total", &labels);
	if (*state && strcmp(state, "running") != 0) {
		buf_put_str(p->out, STR("  "));
		put_clean(p->out, state);
	}
	buf_put_char(p->out, '\n');
	if (*error) {
		buf_put_str(p->out, STR("  ! "));
		put_clean(p->out, error);
		buf_put_char(p->out, '\n');
	}
	put_flushers(p, name, width);
}

static size_t name_width(const struct page *p)
{
	size_t i = 0, width = NAME_WIDTH_MIN;
	const json_t *metric;

	while ((metric = next(p->now, &i, "pipeline_in_records_total", &any))) {
		size_t n = strlen(text_of(json_object_get(metric, "labels"), "pipeline"));

		width = n > width ? n : width;
	}
	for (i = 0; (metric = next(p->now, &i, "flusher_in_records_total", &any));) {
		size_t n = strlen(text_of(json_object_get(metric, "labels"), "flusher")) + 2;

		width = n > width ? n : width;
	}
	return width;
}

static void put_pipelines(const struct page *p, const json_t *agent)
{
	size_t i = 0, width = name_width(p);
	const json_t *metric;

	if (!has(p, "pipeline_in_records_total"))
		return;
	buf_printf(p->out, "\n%-*s %12s %12s %10s %10s %9s %9s\n", (int)width, "pipeline", "in",
		   "out", "dropped", "queue", "p50", "p99");
	while ((metric = next(p->now, &i, "pipeline_in_records_total", &any))) {
		const char *name = text_of(json_object_get(metric, "labels"), "pipeline");

		put_pipeline(p, name, find_pipeline(agent, name), width);
	}
}

bool status_page_is_healthy(const json_t *status)
{
	return json_is_true(json_object_get(json_object_get(status, "health"), "healthy"));
}

void status_page_format(const json_t *status, const json_t *before, double seconds, struct buf *out)
{
	const json_t *uptime = json_object_get(status, "uptime_seconds");
	const struct page p = {
		.now = json_object_get(status, "metrics"),
		.before = before ? json_object_get(before, "metrics") : NULL,
		.seconds = before ? seconds : json_number_value(uptime),
		.out = out,
	};

	put_head(&p, status);
	put_health(&p, json_object_get(status, "health"));
	put_family(&p, "records", "records_total", "call");
	put_lost(&p);
	put_ring(&p);
	put_table(&p);
	put_cost(&p);
	put_pipelines(&p, json_object_get(status, "agent"));
}
