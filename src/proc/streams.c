/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "proc/streams.h"

#define STREAMS_MAX 16384 /* CPUs that Linux can have, times two generations */

struct stream {
	struct list lru;
	uint32_t id; /* generation, cpu */
	uint32_t exec, exit, fork, other;
};

static bool eq(const void *item, const void *key)
{
	return ((const struct stream *)item)->id == *(const uint32_t *)key;
}

void streams_init(struct streams *s)
{
	*s = (struct streams){ 0 };
	list_init(&s->lru);
}

static void stream_free(struct streams *s, struct stream *stream)
{
	hash_remove(&s->index, hash_mix(stream->id), stream);
	list_unlink(&stream->lru);
	free(stream);
}

void streams_done(struct streams *s)
{
	while (!list_is_empty(&s->lru))
		stream_free(s, LIST_ENTRY(s->lru.next, struct stream, lru));
	hash_done(&s->index);
}

static int stream_new(struct streams *s, uint32_t id, struct stream **ret)
{
	_cleanup_(freep) struct stream *stream = calloc(1, sizeof(*stream));
	int r;

	if (!stream)
		return -ENOMEM;
	r = hash_insert(&s->index, hash_mix(id), stream);
	if (r < 0)
		return r;
	stream->id = id;
	list_append(&s->lru, &stream->lru);
	*ret = TAKE_PTR(stream);
	if (s->index.n > STREAMS_MAX)
		stream_free(s, LIST_ENTRY(s->lru.next, struct stream, lru));
	return 0;
}

/* Counters wrap at 32 bits; one that seems to run backwards is not believed. */
static void advance(uint32_t *last, uint32_t now, uint64_t *total)
{
	uint32_t more = now - *last;

	if (!more || more > INT32_MAX)
		return;
	*total += more;
	*last = now;
}

int streams_account(struct streams *s, const struct event_head *head)
{
	uint32_t id = (uint32_t)head->generation << 16 | head->cpu;
	struct stream *stream;
	int r;

	if (head->cpu == EVENT_CPU_AGENT)
		return 0;
	stream = hash_lookup(&s->index, hash_mix(id), eq, &id);
	if (!stream) {
		r = stream_new(s, id, &stream);
		if (r < 0)
			return r;
	}
	list_unlink(&stream->lru);
	list_append(&s->lru, &stream->lru);
	advance(&stream->exec, head->lost_exec, &s->exec);
	advance(&stream->exit, head->lost_exit, &s->exit);
	advance(&stream->fork, head->lost_fork, &s->fork);
	advance(&stream->other, head->lost_other, &s->other);
	return 0;
}
