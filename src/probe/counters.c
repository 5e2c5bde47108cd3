/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs count: per stream, per program, per control group. All of it is read from maps,
 * and belongs to the kernel. Reader thread.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "abi/event.h"
#include "probe/internal.h"

#define BUDGET_SLICE 256 /* control groups, per system call */

static int read_streams(const struct probe *p, const struct generation *g)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(g->fds[PART_STREAMS], &zero, p->streams) < 0 ? -errno : 0;
}

/* The map of a newer or older version has larger values; ours is what they begin with. */
static const struct stream_counters *counters_of(const struct probe *p, const struct generation *g,
						 int cpu)
{
	return (const void *)(p->streams + (size_t)cpu * g->streams_size);
}

static struct probe_stream make_stream(uint16_t generation, uint16_t cpu,
				       const struct stream_counters *c)
{
	return (struct probe_stream){ .generation = generation,
				      .cpu = cpu,
				      .seq = c->seq,
				      .lost_exec = c->lost_exec,
				      .lost_exit = c->lost_exit,
				      .lost_fork = c->lost_fork,
				      .lost_other = c->lost_other,
				      .lost_budget = c->lost_budget };
}

static int each_cpu(const struct probe *p, const struct generation *g, probe_stream_fn *fn,
		    void *ctx)
{
	int r = read_streams(p, g);

	for (int cpu = 0; r == 0 && cpu < p->n_cpus; cpu++) {
		struct probe_stream s =
			make_stream(g->number, (uint16_t)cpu, counters_of(p, g, cpu));

		if (s.seq)
			r = fn(ctx, &s);
	}
	return r;
}

int probe_iterator_stream(const struct probe *p, probe_stream_fn *fn, void *ctx)
{
	struct stream_counters counters;
	struct probe_stream s;
	uint32_t zero = 0;

	if (p->snapshot_stream_fd < 0)
		return 0;
	if (bpf_map_lookup_elem(p->snapshot_stream_fd, &zero, &counters) < 0)
		return -errno;
	s = make_stream(p->own.number, EVENT_CPU_SNAPSHOT, &counters);
	return s.seq ? fn(ctx, &s) : 0;
}

int probe_misses(const struct probe *p, struct probe_misses *ret)
{
	return generation_count_misses(p->programs, ret);
}

static bool has_missed(const struct probe_misses *m)
{
	return m->exec || m->exit || m->fork || m->other;
}

static int tell_missed(uint16_t generation, const struct probe_misses *m, probe_stream_fn *fn,
		       void *ctx)
{
	const struct probe_stream s = { .generation = generation,
					.cpu = EVENT_CPU_MISSED,
					.lost_exec = (uint32_t)m->exec,
					.lost_exit = (uint32_t)m->exit,
					.lost_fork = (uint32_t)m->fork,
					.lost_other = (uint32_t)m->other };

	return has_missed(m) ? fn(ctx, &s) : 0;
}

static int missed_stream(const struct probe *p, probe_stream_fn *fn, void *ctx)
{
	struct probe_misses misses;
	int r = probe_misses(p, &misses);

	return r < 0 ? r : tell_missed(p->own.number, &misses, fn, ctx);
}

/* Whether what was just read says of any loss. */
static bool has_losses(const struct probe *p, const struct generation *g)
{
	for (int cpu = 0; cpu < p->n_cpus; cpu++) {
		const struct stream_counters *c = counters_of(p, g, cpu);

		if (c->lost_exec || c->lost_exit || c->lost_fork || c->lost_other)
			return true;
	}
	return false;
}

/* Where the records of a generation end that nobody runs; 0: in a ring that is not read yet. */
static uint64_t end_of(const struct probe *p, const struct generation *g)
{
	if (g->ring_id == p->reads->ring_id)
		return ring_position(p->ring) + ring_pending(p->ring);
	return p->reads == &p->own || g < p->reads ? 1 : 0;
}

static bool has_ended(const struct probe *p, const struct generation *g)
{
	bool is_free = g->ring_id == p->own.ring_id || g->ring_id != p->reads->ring_id;

	return g->end && is_free && ring_committed(p->ring) >= g->end;
}

/*
 * An older generation that was let go: once all that it can have written has been committed, and
 * its last losses were told in a look before this one, so that they are committed too, nothing is
 * left of it.
 */
static int look_at_old(const struct probe *p, struct generation *g, probe_stream_fn *fn, void *ctx,
		       bool *ret_is_done)
{
	int r = 0;

	if (!has_ended(p, g)) {
		r = each_cpu(p, g, fn, ctx);
		if (r == 0)
			r = tell_missed(g->number, &g->misses, fn, ctx);
		if (r || generation_is_attached(g))
			return r;
		g->end = g->end ? g->end : end_of(p, g);
		if (has_losses(p, g) || has_missed(&g->misses))
			return 0;
	}
	*ret_is_done = has_ended(p, g);
	return 0;
}

int probe_streams(struct probe *p, probe_stream_fn *fn, void *ctx)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_old;) {
		bool is_done = false;

		r = look_at_old(p, &p->old[i], fn, ctx, &is_done);
		if (is_done)
			probe_forget(p, i);
		else
			i++;
	}
	if (r == 0)
		r = each_cpu(p, &p->own, fn, ctx);
	if (r == 0)
		r = probe_iterator_stream(p, fn, ctx);
	return r ? r : missed_stream(p, fn, ctx);
}

int probe_losses(const struct probe *p, struct probe_losses *ret)
{
	struct probe_losses sum = { 0 };
	int r = read_streams(p, &p->own);

	for (int cpu = 0; r == 0 && cpu < p->n_cpus; cpu++) {
		const struct stream_counters *c = counters_of(p, &p->own, cpu);

		sum.exec += c->lost_exec;
		sum.exit += c->lost_exit;
		sum.fork += c->lost_fork;
		sum.other += c->lost_other;
		sum.budget += c->lost_budget;
	}
	if (r == 0)
		*ret = sum;
	return r;
}

int probe_budget_each(const struct probe *p, probe_budget_fn *fn, void *ctx)
{
	struct budget values[BUDGET_SLICE];
	uint64_t keys[BUDGET_SLICE];
	uint32_t batch = 0;
	bool is_first = true;
	int r = 0;

	while (p->options.budget && r == 0) {
		uint32_t n = BUDGET_SLICE;
		bool is_last = bpf_map_lookup_batch(p->budget_fd, is_first ? NULL : &batch, &batch,
						    keys, values, &n, NULL) < 0;

		if (is_last && errno != ENOENT)
			return -errno;
		for (uint32_t i = 0; r == 0 && i < n; i++)
			if (values[i].dropped)
				r = fn(ctx, keys[i], values[i].dropped);
		if (is_last)
			break;
		is_first = false;
	}
	return r;
}
