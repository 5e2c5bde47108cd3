/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions as a configuration writes them:
 *   {field: binary, prefix: [/usr/bin/, /bin/]}      any of the texts
 *   {field: uid, ge: 1000, lt: 2000}                 all that stands in one map
 *   {any: [A, B], not: C}, {all: [A, B]}, [A, B]     a list of conditions alone: any of them
 * A field goes by its name in the records as they are here, or by its own where they have no such
 * key. Each field that a condition looks at is marked in the shape, so that it is collected.
 */
#pragma once

#include "conf/diag.h"
#include "conf/node.h"
#include "event/shape.h"
#include "match/condition.h"

struct syntax {
	struct shape *shape;
	struct diag *reterr;
};

/* A key of the records, and where it is named. */
struct syntax_key {
	const char *name, *path;
	struct position at;
};

/* All of these: 0, -EINVAL with the findings, or -ENOMEM. `path` is the node's own place. */
int syntax_parse(const struct syntax *in, const struct conf_node *node, const char *path,
		 struct condition **ret);
/* The whole value of a key matches a regular expression. */
int syntax_parse_regex(const struct syntax *in, const struct syntax_key *named,
		       const struct conf_node *node, const char *path, struct condition **ret);
