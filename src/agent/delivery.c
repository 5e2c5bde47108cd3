/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/delivery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

void delivery_init(struct delivery *d, struct health *health)
{
	*d = (struct delivery){ .health = health };
}

void delivery_done(struct delivery *d)
{
	for (size_t i = 0; i < d->n; i++)
		health_remove(d->health, d->checks[i].health);
	free(d->checks);
	*d = (struct delivery){ .health = d->health };
}

static int add(struct delivery *d, const char *pipeline, const struct pipeline_flusher *flusher)
{
	struct delivery_check *check = &d->checks[d->n];
	_cleanup_(freep) char *what = NULL;
	int r;

	if (asprintf(&what, "flusher:%s/%s", pipeline, flusher->name) < 0)
		return -ENOMEM;
	r = health_add(d->health, what, &check->health);
	if (r < 0)
		return r;
	check->n_dropped = flusher->n_dropped;
	d->n++;
	return 0;
}

static int add_all(struct delivery *d, const struct pipeline *pipeline)
{
	struct pipeline_flusher flusher;
	int r = 0;

	for (size_t i = 0; i < pipeline_n_flushers(pipeline) && r == 0; i++) {
		pipeline_flusher(pipeline, i, &flusher);
		r = add(d, pipeline_name(pipeline), &flusher);
	}
	return r;
}

static size_t count(const struct pipelines *pipelines)
{
	size_t n = 0;

	for (size_t i = 0; i < pipelines->n; i++)
		n += pipeline_n_flushers(pipelines->items[i].pipeline);
	return n;
}

int delivery_follow(struct delivery *d, const struct pipelines *pipelines)
{
	const size_t n = count(pipelines);
	int r = 0;

	delivery_done(d);
	d->checks = calloc(n ? n : 1, sizeof(*d->checks));
	if (!d->checks)
		return -ENOMEM;
	for (size_t i = 0; i < pipelines->n && r == 0; i++)
		r = add_all(d, pipelines->items[i].pipeline);
	if (r < 0)
		delivery_done(d);
	return r;
}

static void judge(struct delivery_check *check, const struct pipeline_flusher *flusher,
		  uint64_t now_ns)
{
	int failure = flusher->failure;

	if (!failure && flusher->n_dropped > check->n_dropped)
		failure = -ENOBUFS;
	check->n_dropped = flusher->n_dropped;
	if (failure)
		health_fail(check->health, failure, now_ns);
	else
		health_pass(check->health);
}

void delivery_judge(struct delivery *d, const struct pipelines *pipelines, uint64_t now_ns)
{
	struct pipeline_flusher flusher;
	size_t next = 0;

	if (count(pipelines) != d->n)
		return; /* they are about to be followed */
	for (size_t i = 0; i < pipelines->n; i++) {
		const struct pipeline *pipeline = pipelines->items[i].pipeline;

		for (size_t k = 0; k < pipeline_n_flushers(pipeline); k++) {
			pipeline_flusher(pipeline, k, &flusher);
			judge(&d->checks[next++], &flusher, now_ns);
		}
	}
}
