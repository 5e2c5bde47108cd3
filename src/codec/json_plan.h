/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the records of a schema are put together: for each kind of event a plan, which is a list of
 * steps. A step is as much of a record as is made from the same, and so can be kept and copied as
 * one piece. For codec/json.c.
 */
#pragma once

#include "event/event.h"
#include "event/field.h"

/* Keys that stand side by side and are made from the same. */
struct json_run {
	enum field_scope scope;
	bool is_tags;	 /* none of the keys, but the node's tags */
	size_t first, n; /* in keys */
	uint32_t silent; /* in which calls, as bits, it is nothing: see json_plans_finish() */
};

struct json_step {
	/*
	 * What the runs come to as long as this is the same. FIELD_OF_EVENT: nothing says so;
	 * FIELD_OF_NOTHING: always.
	 */
	enum field_scope by;
	uint32_t part;	 /* names its pieces; steps that come to the same have the same */
	size_t first, n; /* in runs */
};

/* Whom an image takes after. */
enum json_kin {
	JSON_KIN_NOBODY,
	JSON_KIN_PARENT, /* owner and program are its parent's: a clone */
	_JSON_KIN_MAX,
};

struct json_plan {
	size_t first, n; /* in steps */
};

struct json_plans {
	struct json_run *runs;
	size_t n_runs;
	struct json_step *steps;
	size_t n_steps;
	uint32_t n_parts;
	struct json_plan plans[_CALL_MAX][_JSON_KIN_MAX][2]; /* of calls with an image */
};

/* Room for runs of max keys, and the tags. 0 or -ENOMEM; json_plans_done() in any case. */
int json_plans_init(struct json_plans *p, size_t max);
void json_plans_done(struct json_plans *p);

/* Key `i` is next. */
void json_plans_add(struct json_plans *p, size_t i, enum field_scope scope);
/* The tags are next. */
void json_plans_add_tags(struct json_plans *p);
/*
 * After the last one, and once it is known which runs are silent where they are constant: those of
 * the call, those of an exit in other calls, those of a container where there is none. 0 or
 * -ENOMEM.
 */
int json_plans_finish(struct json_plans *p);

/* Whether there is nothing to write of a run, in a step of this call's. */
static inline bool json_run_is_silent(const struct json_run *run, const struct json_step *step,
				      enum call call)
{
	return run->silent >> call & 1 && step->by != FIELD_OF_CONTAINER;
}

static inline const struct json_plan *json_plans_get(const struct json_plans *p, enum call call,
						     enum json_kin kin, bool in_container)
{
	return &p->plans[call][kin][in_container];
}
