/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink that writes down what it is told, and waits until something has been: a line for each,
 * "tell aaaa web", "answered aaaa", "gone aaaa", where aaaa is how the id begins.
 */
#pragma once

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "enrich/container_source.h"

#define SINK_WAIT_S 10

struct listener_sink {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct buf lines;
};

static inline void listener_sink_init(struct listener_sink *s)
{
	*s = (struct listener_sink){ 0 };
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
}

static inline void listener_sink_done(struct listener_sink *s)
{
	buf_done(&s->lines);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

static inline void listener_sink_note(struct listener_sink *s, const char *what, const char *id,
				      const char *name)
{
	pthread_mutex_lock(&s->lock);
	buf_printf(&s->lines, "%s %.4s%s%s\n", what, id, name ? " " : "", name ? name : "");
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static inline void listener_sink_tell(void *ctx, unsigned int source,
				      const struct container_facts *f)
{
	char text[256];

	(void)source;
	snprintf(text, sizeof(text), "%s%s%s", f->texts[CONTAINER_NAME],
		 f->texts[CONTAINER_IMAGE_DIGEST] ? " " : "",
		 f->texts[CONTAINER_IMAGE_DIGEST] ? f->texts[CONTAINER_IMAGE_DIGEST] : "");
	listener_sink_note(ctx, f->bits & CONTAINER_IS_SANDBOX ? "sandbox" : "tell", f->id, text);
}

static inline void listener_sink_tell_pod(void *ctx, unsigned int source,
					  const struct container_facts *f)
{
	(void)source;
	listener_sink_note(ctx, "pod", "", f->texts[CONTAINER_POD_NAME]);
}

static inline void listener_sink_answered(void *ctx, unsigned int source, const char *id)
{
	(void)source;
	listener_sink_note(ctx, "answered", id, NULL);
}

static inline void listener_sink_gone(void *ctx, unsigned int source, const char *id)
{
	(void)source;
	listener_sink_note(ctx, "gone", id, NULL);
}

static inline struct container_sink listener_sink_of(struct listener_sink *s)
{
	return (struct container_sink){ .tell = listener_sink_tell,
					.tell_pod = listener_sink_tell_pod,
					.answered = listener_sink_answered,
					.gone = listener_sink_gone,
					.ctx = s };
}

/* How often the line has been written down; under the lock. */
static inline int listener_sink_count(const struct listener_sink *s, const char *line)
{
	struct str rest = buf_str(&s->lines), wanted = str_from(line);
	int n = 0;

	for (const char *p; (p = memmem(rest.p, rest.n, wanted.p, wanted.n)); n++) {
		rest.n -= (size_t)(p + wanted.n - rest.p);
		rest.p = p + wanted.n;
	}
	return n;
}

/* Waits for the line, so many times; it fails after SINK_WAIT_S. */
static inline void listener_sink_wait(struct listener_sink *s, const char *line, int n)
{
	struct timespec end;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += SINK_WAIT_S;
	pthread_mutex_lock(&s->lock);
	while (r == 0 && listener_sink_count(s, line) < n)
		r = pthread_cond_timedwait(&s->changed, &s->lock, &end);
	if (r != 0)
		print_message("no '%s' %d times in:\n%.*s", line, n, (int)s->lines.len,
			      s->lines.data ? s->lines.data : "");
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(r, 0);
}
