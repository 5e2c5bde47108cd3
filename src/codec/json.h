/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON: one object, no white space, keys in the order of the shape. All values are
 * strings, but for lists (arrays of strings) and __time__ where the schema says integer. Valid
 * UTF-8 always: a byte that is not part of valid UTF-8 becomes the four characters \xHH (its
 * backslash escaped as JSON wants it), a control character \u00HH.
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "event/event.h"
#include "event/field.h"
#include "event/shape.h"

struct json_options {
	bool time_string; /* __time__ as a string */
	bool tags;	  /* __tag__:__hostname__ and __tag__:__host_ip__ before __time__ */
};

struct json_schema;

/* Pieces of records: one field or several that are made from the same. */
struct json_counters {
	uint64_t copied; /* from what was kept of an earlier record */
	uint64_t made;	 /* because it was not, or not any more */
};

/*
 * A schema of the shape's keys; a tag whose key the shape has already is not written twice. Owns
 * all that it needs. 0 or -ENOMEM.
 */
int json_schema_new(const struct shape *shape, const struct json_options *options,
		    struct json_schema **ret);
struct json_schema *json_schema_free(struct json_schema *s);
DEFINE_CLEANUP(struct json_schema *, json_schema_free)

/*
 * Appends one record and a line feed. On lack of memory out turns failed. What it writes of an
 * image it keeps, in fixed memory, for later records of the same: a schema is for one thread, and
 * for one view.
 */
void json_encode(struct json_schema *s, const struct event *ev, const struct field_view *view,
		 struct buf *out);

/* What it has done so far; borrowed. */
const struct json_counters *json_counters(const struct json_schema *s);
