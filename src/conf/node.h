/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML or JSON document as a tree in which every node knows its line and column. Bounded: a file
 * of at most 1 MiB, 32 levels, 65,536 nodes; anchors, aliases, tags, merge keys, duplicate keys and
 * a second document are errors with a position. Scalars stay text; conf/option.h gives them types.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "conf/diag.h"

#define CONF_TEXT_MAX (1024 * 1024) /* bytes */

enum node_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node {
	enum node_kind kind;
	struct position at;
	char *text;    /* CONF_SCALAR: NUL-terminated, without NULs inside */
	bool is_plain; /* CONF_SCALAR: unquoted, so `true`, `3` and `null` mean what they say */
	/*
	 * options_apply() passes this key or value over: what is to be said about it has been said
	 */
	bool is_ignored;
	struct conf_node **items; /* CONF_LIST: the items; CONF_MAP: the values */
	struct conf_node **keys;  /* CONF_MAP: scalars, beside items */
	size_t n;
};

/*
 * Reads a file, or text that is called `name` in messages. 0 with *ret, which the caller owns;
 * -EINVAL with the reasons in diag; -ENOMEM. An empty document is an empty map.
 */
int conf_parse_file(const char *path, struct diag *reterr, struct conf_node **ret);
int conf_parse_text(const char *name, const char *text, size_t n, struct diag *reterr,
		    struct conf_node **ret);
struct conf_node *conf_node_free(struct conf_node *node);
DEFINE_CLEANUP(struct conf_node *, conf_node_free)

/* The value of a key, or NULL. */
const struct conf_node *conf_node_lookup(const struct conf_node *map, const char *key);

/*
 * Whether it is a value: a scalar that is not null. Where there may be several, `or_list`, the
 * message says so; a list is the caller's to take apart before. 0, or -EINVAL with the finding.
 */
int conf_node_check_value(const struct conf_node *node, bool or_list, const char *path,
			  struct diag *reterr);

/*
 * Replaces ${NAME} and ${NAME:-default} in all values by variables of the environment, and $${ by
 * ${. Keys stay as they are, and what a variable holds is text: never a list, a map or null. 0;
 * -EINVAL with the findings in diag, then the tree is good for freeing only; -ENOMEM.
 */
int conf_expand_env(struct conf_node *root, struct diag *reterr);

/*
 * Appends a text as a YAML scalar on one line, so that the parser and conf_expand_env() make it
 * again.
 */
void conf_put_scalar(struct buf *out, const char *text);
/* Appends a tree in YAML's flow form, on one line. */
void conf_put_flow(struct buf *out, const struct conf_node *node);
