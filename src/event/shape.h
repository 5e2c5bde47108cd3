/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the records of one pipeline look like: which keys, in which order, under which names. The
 * input makes it; each processor may change it, once, while the pipeline is loaded. So renaming,
 * dropping and adding keys cost nothing per record.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "event/field.h"

struct shape_key {
	const struct field *field; /* NULL: a constant */
	char *name;		   /* as it is written; owned */
	char *text; /* of a constant; with a field: what stands where that is absent; NULL: nothing;
		       owned */
};

struct shape {
	struct shape_key *keys; /* in the order of the record; __time__ stays last */
	size_t n, cap;
	bool *reads; /* n_fields: what filters look at, whether it has a key or not */
};

/* All fields i with want[i]. 0 or -ENOMEM; shape_done() in any case. */
int shape_init(struct shape *s, const bool *want);
void shape_done(struct shape *s);

/* The key of that name, or NULL. */
struct shape_key *shape_lookup(const struct shape *s, const char *name);
/* The name of a key that is near, or NULL. */
const char *shape_nearest(const struct shape *s, const char *name);
/* Other keys move: pointers to them are void. */
void shape_drop(struct shape *s, struct shape_key *key);
/* 0 or -ENOMEM. The new name must not be there yet. */
int shape_rename(struct shape *s, struct shape_key *key, const char *name);
/* A constant key before __time__; 0 or -ENOMEM. The name must not be there yet. */
int shape_add(struct shape *s, const char *name, const char *text);
/* Makes a key constant, where it stands. 0 or -ENOMEM. */
int shape_replace(struct shape_key *key, const char *text);
/* What a key says where its field is absent; nothing changes for constants. 0 or -ENOMEM. */
int shape_set_default(struct shape_key *key, const char *text);

/* A filter looks at this field. */
void shape_read(struct shape *s, const struct field *field);
/* Sets ret[i] for each field that a key or a filter needs, and clears the others; n_fields. */
void shape_needs(const struct shape *s, bool *ret);
