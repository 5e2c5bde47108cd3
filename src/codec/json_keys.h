/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a schema, one by one: how each is written, and what stands behind it. For
 * codec/json.c.
 */
#pragma once

#include "base/buf.h"
#include "codec/json.h"

struct json_key;

struct json_keys {
	struct json_key *keys;
	size_t n;
	struct buf texts; /* of all of them, one behind the other */
};

/* Room for max keys. 0 or -ENOMEM; json_keys_done() in any case. */
int json_keys_init(struct json_keys *k, size_t max);
void json_keys_done(struct json_keys *k);

/*
 * Adds the last key so far, unless no record can have it. Returns what it is made from, or
 * FIELD_OF_NOTHING where that is no event. Lack of memory shows in json_keys_finish().
 */
enum field_scope json_keys_add(struct json_keys *k, const struct shape_key *from,
			       const struct json_options *options);
/* After the last one. 0 or -ENOMEM. */
int json_keys_finish(struct json_keys *k);

/*
 * Appends n keys from `first` on, each with its comma before it; of a lost record those that it
 * has.
 */
void json_keys_put(const struct json_keys *k, size_t first, size_t n, const struct event *ev,
		   const struct field_view *view, struct buf *out);
