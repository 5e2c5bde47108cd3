/* SPDX-License-Identifier: Apache-2.0 */
/* A source under test, and who listens to it. */
#pragma once

#include <time.h>

#include "base/clock.h"

#include "container_ids.h"
#include "listener_sink.h"

#define SOURCE_FREE_NS 1000000000u /* what the interface promises */

struct source_world {
	struct listener_sink sink;
	const struct container_source *source;
	void *self; /* set by the test */
};

static inline struct container_sink source_world_init(struct source_world *w,
						      const struct container_source *source)
{
	w->source = source;
	w->self = NULL;
	listener_sink_init(&w->sink);
	return listener_sink_of(&w->sink);
}

static inline void source_world_done(struct source_world *w)
{
	uint64_t start = clock_now_ns(CLOCK_MONOTONIC);

	assert_null(w->source->free(w->self));
	assert_true(clock_now_ns(CLOCK_MONOTONIC) - start < SOURCE_FREE_NS);
	listener_sink_done(&w->sink);
}

static inline void source_world_ask(struct source_world *w, char digit)
{
	struct container_facts f;

	container_facts_init(&f, container_id(digit));
	w->source->ask(w->self, &f);
}

static inline struct source_state source_world_state(struct source_world *w)
{
	struct source_state s;

	w->source->state(w->self, &s);
	return s;
}

/* Looks until the state is as wanted. */
static inline void source_world_wait(struct source_world *w, enum source_status status, int error)
{
	struct source_state s;

	for (int i = 0; i < SINK_WAIT_S * 1000; i++) {
		s = source_world_state(w);
		if (s.status == status && s.error == error)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	fail_msg("status %d, error %d", (int)s.status, s.error);
}
