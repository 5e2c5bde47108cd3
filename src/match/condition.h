/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions on an event, as a tree. Made once, while a pipeline is loaded (match/syntax.h); tested
 * for each event without a memory allocation but for values that were never so long before. What is
 * compared is the text that a consumer sees, before the encoding: numbers in decimal, booleans as
 * `true`, an argument list element by element, any of which may meet a pattern. A key that is
 * absent meets nothing but a `not`.
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "event/field.h"
#include "match/outcome.h"
#include "match/pattern.h"

enum condition_kind {
	CONDITION_ALL, /* of the children; true for none */
	CONDITION_ANY, /* of the children; false for none */
	CONDITION_NOT, /* the child */
	CONDITION_EXISTS,
	CONDITION_TEXT,
	CONDITION_RANGE,
};

/* Wide enough for every number that a record may have, signed or not. */
typedef __int128 condition_number;

struct condition {
	enum condition_kind kind;
	struct condition **children; /* owned */
	size_t n;
	const struct field *field; /* NULL: a constant, which is in `otherwise` */
	struct value otherwise;	   /* where the field is absent; owns its text */
	struct pattern pattern;
	condition_number min, max; /* of a range, both within it */
};

/* Of the kind, with nothing in it: a range that holds all numbers, a pattern that nothing meets. */
int condition_new(enum condition_kind kind, struct condition **ret);
struct condition *condition_free(struct condition *c);
DEFINE_CLEANUP(struct condition *, condition_free)
/* Takes custody of the child, whether it fails or not. 0 or -ENOMEM. */
int condition_append(struct condition *c, struct condition *child);

/* `view` is how the pipeline shows its fields. */
enum outcome condition_test(const struct condition *c, const struct event *ev,
			    const struct field_view *view);
