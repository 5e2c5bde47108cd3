/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a condition looks at: a key of the records, or a field that they do not show. Found while
 * conditions are read from a configuration.
 */
#pragma once

#include "match/syntax.h"

/* A field or a constant, as a condition sees it. */
struct key {
	const char *name;
	const struct field *field;
	const char *text; /* of a constant, or where the field is absent; NULL: none */
	bool is_number;
	bool is_known; /* else it has been reported, and the rest is only checked */
};

/* Finds what is named, and marks its field in the shape. 0, or -EINVAL with a finding. */
int key_find(const struct syntax *in, const struct syntax_key *named, struct key *ret);
/* Makes a condition one on this key. 0 or -ENOMEM. */
int key_apply(const struct key *key, struct condition *to);
/* A number, or an amount with its unit where the key counts bytes or nanoseconds. */
bool key_read_amount(const struct key *key, const char *text, struct value *ret);
/* ", or a size such as 10MiB" where the key takes that, else "". */
const char *key_amount_hint(const struct key *key);
