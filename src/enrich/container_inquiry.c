/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/container_inquiry.h"

#include <string.h>

void inquiry_init(struct inquiry *q, const char id[CONTAINER_ID_LEN])
{
	*q = (struct inquiry){ 0 };
	container_facts_init(&q->facts, id);
}

void inquiry_done(struct inquiry *q)
{
	container_facts_done(&q->facts);
}

static bool is_of_pod(const struct container_facts *f)
{
	return f->texts[CONTAINER_POD_UID] || f->texts[CONTAINER_POD_NAME];
}

/* Of a sandbox a runtime that has no name for its image tells nothing more of it. */
static bool has_own(const struct container_facts *f)
{
	if (f->bits & CONTAINER_IS_SANDBOX && !f->texts[CONTAINER_IMAGE_NAME])
		return f->texts[CONTAINER_NAME] && f->texts[CONTAINER_POD_NAME];
	return f->texts[CONTAINER_NAME] && f->texts[CONTAINER_IMAGE_NAME] &&
	       f->texts[CONTAINER_IMAGE_ID];
}

bool inquiry_is_complete(const struct inquiry *q)
{
	const struct container_facts *f = &q->facts;

	return has_own(f) && (!is_of_pod(f) || f->texts[CONTAINER_WORKLOAD_KIND]);
}

bool inquiry_begin(struct inquiry *q)
{
	if (q->is_awaited || inquiry_is_complete(q))
		return false;
	q->is_sought = true;
	q->is_overdue = false;
	q->asked = q->owed;
	return true;
}

void inquiry_end_asking(struct inquiry *q)
{
	q->is_awaited = q->is_sought = q->owed;
}

void inquiry_give_up(struct inquiry *q)
{
	q->is_awaited = false;
	q->is_overdue = true;
}

static bool is_due(const struct inquiry *q, enum source_stage stage)
{
	const struct container_facts *f = &q->facts;

	switch (stage) {
	case STAGE_FIRST:
		return true;
	case STAGE_SECOND:
		return !has_own(f);
	case STAGE_POD:
		return is_of_pod(f) && !f->texts[CONTAINER_WORKLOAD_KIND];
	}
	return false;
}

/*
 * Do sources of the first stage still owe an answer, or have not been asked? When nobody waits any
 * more it does not matter: their disk may hang.
 */
static bool is_first_open(const struct inquiry *q, const struct inquiry_sources *sources)
{
	if (q->is_overdue)
		return false;
	for (size_t i = 0; i < sources->n; i++)
		if (sources->stages[i] == STAGE_FIRST &&
		    (q->owed & 1U << i || !(q->asked & 1U << i)))
			return true;
	return false;
}

uint32_t inquiry_due(const struct inquiry *q, const struct inquiry_sources *sources)
{
	bool first_open = is_first_open(q, sources);
	uint32_t due = 0;

	for (size_t i = 0; q->is_sought && i < sources->n; i++) {
		enum source_stage stage = sources->stages[i];

		if (!(q->asked & 1U << i) && (stage != STAGE_SECOND || !first_open) &&
		    is_due(q, stage))
			due |= 1U << i;
	}
	return due;
}

void inquiry_note_asked(struct inquiry *q, uint32_t sources)
{
	q->asked |= sources;
	q->owed |= sources;
}

void inquiry_note_answer(struct inquiry *q, unsigned int source)
{
	q->owed &= ~(1U << source);
}

int inquiry_learn(struct inquiry *q, const struct inquiry_sources *sources, unsigned int source,
		  const struct container_facts *told, bool *ret_changed)
{
	if (source < sources->n && sources->stages[source] == STAGE_FIRST)
		return container_facts_merge(&q->facts, told, ret_changed);
	return container_facts_update(&q->facts, told, ret_changed);
}

static bool is_text_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool is_in_pod(const struct container_facts *f, const struct container_facts *pod)
{
	char *const *a = f->texts, *const *b = pod->texts;

	if (a[CONTAINER_POD_UID] && b[CONTAINER_POD_UID])
		return is_text_same(a[CONTAINER_POD_UID], b[CONTAINER_POD_UID]);
	return is_text_same(a[CONTAINER_POD_NAME], b[CONTAINER_POD_NAME]) &&
	       is_text_same(a[CONTAINER_NAMESPACE], b[CONTAINER_NAMESPACE]);
}

/* Who waits for more is told when the source has answered. */
bool inquiry_learn_pod(struct inquiry *q, const struct container_facts *pod)
{
	bool changed = false;

	if (!is_in_pod(&q->facts, pod) || container_facts_update(&q->facts, pod, &changed) < 0 ||
	    !changed || (q->is_awaited && !inquiry_is_complete(q)))
		return false;
	q->is_awaited = false;
	return true;
}

bool inquiry_settle(struct inquiry *q, bool is_news)
{
	q->is_sought = q->is_sought && q->owed && !inquiry_is_complete(q);
	if (q->is_awaited ? q->is_sought : !is_news)
		return false;
	q->is_awaited = false;
	return true;
}
