/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry whose sources do what the test says: they write down what they are asked, and tell
 * what they are told to, by fake_source_tell() and the sink, or at once, within ask().
 */
#pragma once

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "container_ids.h"
#include "enrich/container_registry.h"

struct fake_source {
	struct container_sink sink;
	struct buf asked;		      /* the first digit of each container */
	struct buf knew;		      /* what its name was known to be then, and a space */
	const struct container_facts *answer; /* told within ask(), for whatever container */
	bool answers;			      /* within ask() */
	bool tells_when_freed;
	int *n_freed;
};

static inline void fake_source_ask(void *self, const struct container_facts *known)
{
	struct fake_source *s = self;

	buf_put_char(&s->asked, known->id[0]);
	buf_printf(&s->knew, "%s ",
		   known->texts[CONTAINER_NAME] ? known->texts[CONTAINER_NAME] : "-");
	if (s->answer) {
		struct container_facts facts = *s->answer; /* its texts are borrowed */

		memcpy(facts.id, known->id, sizeof(facts.id));
		s->sink.tell(s->sink.ctx, s->sink.source, &facts);
	}
	if (s->answers)
		s->sink.answered(s->sink.ctx, s->sink.source, known->id);
}

static inline void fake_source_state(void *self, struct source_state *ret)
{
	const struct fake_source *s = self;

	*ret = (struct source_state){ .status = SOURCE_READY, .questions = s->asked.len };
}

static inline void *fake_source_free(void *self)
{
	struct fake_source *s = self;

	if (s->tells_when_freed)
		s->sink.answered(s->sink.ctx, s->sink.source, container_id('a'));
	if (s->n_freed)
		++*s->n_freed;
	buf_done(&s->asked);
	buf_done(&s->knew);
	free(s);
	return NULL;
}

static const struct container_source fake_source = {
	.name = "fake",
	.ask = fake_source_ask,
	.state = fake_source_state,
	.free = fake_source_free,
};

/* Owned by the registry. */
static inline struct fake_source *fake_source_add(struct container_registry *c,
						  enum source_stage stage)
{
	struct fake_source *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->sink = container_registry_sink(c);
	container_registry_add(c, &fake_source, s, stage);
	return s;
}

/* Texts in pairs, enum container_text and the text, ended by -1. */
static inline void fake_facts_init(struct container_facts *f, char digit, va_list texts)
{
	int which;

	container_facts_init(f, container_id(digit));
	while ((which = va_arg(texts, int)) >= 0)
		assert_int_equal(container_facts_set(f, which, str_from(va_arg(texts, char *))), 0);
}

static inline void fake_source_tell(struct fake_source *s, int digit, ...)
{
	struct container_facts f;
	va_list texts;

	va_start(texts, digit);
	fake_facts_init(&f, (char)digit, texts);
	va_end(texts);
	s->sink.tell(s->sink.ctx, s->sink.source, &f);
	container_facts_done(&f);
}

static inline void fake_source_tell_pod(struct fake_source *s, ...)
{
	struct container_facts f;
	va_list texts;

	va_start(texts, s);
	fake_facts_init(&f, '0', texts);
	va_end(texts);
	s->sink.tell_pod(s->sink.ctx, s->sink.source, &f);
	container_facts_done(&f);
}

static inline void fake_source_answered(struct fake_source *s, char digit)
{
	s->sink.answered(s->sink.ctx, s->sink.source, container_id(digit));
}

static inline void fake_source_gone(struct fake_source *s, char digit)
{
	s->sink.gone(s->sink.ctx, s->sink.source, container_id(digit));
}

/* All that a container has of its own; to be followed by more. */
#define FAKE_IMAGE_ID "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FAKE_OWN(name) \
	CONTAINER_NAME, name, CONTAINER_IMAGE_NAME, "web:2", CONTAINER_IMAGE_ID, FAKE_IMAGE_ID
