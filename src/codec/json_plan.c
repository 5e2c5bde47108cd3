/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a record is made from what, by the kind of its event: a clone shows its parent's owner
 * and program, so that all but its own name goes by the parent; what an exit alone has is constant
 * elsewhere. Constant after json_plans_finish(); any thread.
 */
#include "codec/json_plan.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

int json_plans_init(struct json_plans *p, size_t max)
{
	*p = (struct json_plans){ .runs = calloc(max + 1, sizeof(*p->runs)) };
	return p->runs ? 0 : -ENOMEM;
}

void json_plans_done(struct json_plans *p)
{
	free(p->runs);
	free(p->steps);
	*p = (struct json_plans){ 0 };
}

/* A constant goes with any. */
static bool goes_with(enum field_scope a, enum field_scope b)
{
	return a == b || a == FIELD_OF_NOTHING || b == FIELD_OF_NOTHING;
}

void json_plans_add(struct json_plans *p, size_t i, enum field_scope scope)
{
	struct json_run *run = p->n_runs ? &p->runs[p->n_runs - 1] : NULL;

	if (!run || run->is_tags || !goes_with(scope, run->scope)) {
		run = &p->runs[p->n_runs++];
		*run = (struct json_run){ .scope = scope, .first = i };
	}
	if (run->scope == FIELD_OF_NOTHING)
		run->scope = scope;
	run->n++;
}

void json_plans_add_tags(struct json_plans *p)
{
	p->runs[p->n_runs++] = (struct json_run){ .scope = FIELD_OF_NOTHING, .is_tags = true };
}

/* The kind of event that a plan is for. */
struct kind {
	enum call call;
	enum json_kin kin;
	bool in_container;
};

static enum field_scope source(enum field_scope scope, const struct kind *kind)
{
	switch (scope) {
	case FIELD_OF_IMAGE:
		/* Mostly it goes on to another image: this one's name is not asked for again. */
		return kind->call == CALL_CLONE ? FIELD_OF_EVENT : FIELD_OF_IMAGE;
	case FIELD_OF_OWNER:
	case FIELD_OF_PROGRAM:
		return kind->kin == JSON_KIN_PARENT ? FIELD_OF_PARENT : FIELD_OF_IMAGE;
	case FIELD_OF_CALL:
		return FIELD_OF_NOTHING;
	case FIELD_OF_EXIT:
		return kind->call == CALL_EXIT ? FIELD_OF_EVENT : FIELD_OF_NOTHING;
	case FIELD_OF_CONTAINER:
		return kind->in_container ? FIELD_OF_CONTAINER : FIELD_OF_NOTHING;
	case FIELD_OF_EVENT:
	case FIELD_OF_NOTHING:
	case FIELD_OF_SECOND:
	case FIELD_OF_PARENT:
		break;
	}
	return scope;
}

/* What is written anew stays apart from constants, which are copied. */
static bool may_join(const struct json_step *step, enum field_scope by, bool is_silent)
{
	return step->by == by || is_silent ||
	       (step->by != FIELD_OF_EVENT && by != FIELD_OF_EVENT && goes_with(step->by, by));
}

static void fill_plan(struct json_plans *p, struct json_plan *plan, const struct kind *kind)
{
	struct json_step *step = NULL;

	plan->first = p->n_steps;
	for (size_t i = 0; i < p->n_runs; i++) {
		enum field_scope by = source(p->runs[i].scope, kind);
		bool is_silent = by == FIELD_OF_NOTHING && p->runs[i].silent >> kind->call & 1;

		if (!step || !may_join(step, by, is_silent)) {
			step = &p->steps[p->n_steps++];
			*step = (struct json_step){ .by = by, .first = i };
		}
		if (step->by == FIELD_OF_NOTHING)
			step->by = by;
		step->n++;
	}
	plan->n = p->n_steps - plan->first;
}

/* Whether it says one thing in one call, and another in another. */
static bool is_of_call(const struct json_run *run)
{
	bool is_silent = true;

	for (enum call call = 0; call < _CALL_MAX; call++)
		is_silent &= !call_has_image(call) || run->silent >> call & 1;
	return (run->scope == FIELD_OF_CALL || run->scope == FIELD_OF_EXIT) && !is_silent;
}

static bool tells_of_call(const struct json_plans *p, const struct json_step *step)
{
	for (size_t i = 0; i < step->n; i++)
		if (is_of_call(&p->runs[step->first + i]))
			return true;
	return false;
}

/* A step that comes to the same as this one, before it; or itself. */
static const struct json_step *first_like(const struct json_plans *p, const struct json_step *step)
{
	const struct json_step *other = p->steps;

	if (tells_of_call(p, step))
		return step;
	while (other->by != step->by || other->first != step->first || other->n != step->n)
		other++;
	return other;
}

static void name_parts(struct json_plans *p)
{
	for (size_t i = 0; i < p->n_steps; i++) {
		struct json_step *step = &p->steps[i];
		const struct json_step *like = first_like(p, step);

		step->part = like == step ? p->n_parts++ : like->part;
	}
}

int json_plans_finish(struct json_plans *p)
{
	const size_t n_plans = sizeof(p->plans) / sizeof(***p->plans);

	p->steps = calloc(n_plans * (p->n_runs + 1), sizeof(*p->steps));
	if (!p->steps)
		return -ENOMEM;
	for (size_t i = 0; i < n_plans; i++) {
		const struct kind kind = { .call = i / 2 / _JSON_KIN_MAX,
					   .kin = i / 2 % _JSON_KIN_MAX,
					   .in_container = i % 2 };

		if (call_has_image(kind.call))
			fill_plan(p, &p->plans[kind.call][kind.kin][kind.in_container], &kind);
	}
	name_parts(p);
	return 0;
}
