/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options, declared once: a table per plugin says each key's type, default, range and meaning, and
 * where its value goes. Validation, defaults, the reference and the help come from it.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/diag.h"
#include "conf/node.h"

enum option_type {
	OPTION_END,
	OPTION_BOOL,	 /* bool */
	OPTION_INT,	 /* int64_t */
	OPTION_SIZE,	 /* uint64_t, bytes: 1048576, 512KiB, 10MiB, 1GiB, 64KB (= KiB) */
	OPTION_DURATION, /* uint64_t, ns: 500ms, 10s, 2m, 1h */
	OPTION_STRING,	 /* char *, owned by the conf */
	OPTION_ENUM,	 /* int: the index in `names` */
	OPTION_STRINGS,	 /* struct string_list, owned by the conf; a lone scalar is a list of one */
	OPTION_CHECKED,	 /* as OPTION_STRINGS, each item passed to `check_item` */
	/* const struct conf_node *: any value, borrowed; the plugin reads it; NULL: none */
	OPTION_NODE,
};

struct string_list {
	char **items;
	struct position *at; /* of each item */
	size_t n;
};

struct option {
	const char *name;
	enum option_type type;
	size_t offset;
	const char *def;  /* as a user would write it; list items separated by commas; NULL: none */
	const char *help; /* full sentences; Markdown; goes to the reference */
	const char *const *names; /* OPTION_ENUM: ended by NULL */
	int64_t min, max;	  /* for numbers, sizes, durations; both 0: no range */
	bool required;
	bool secret; /* masked in dumps */
	bool live;   /* may change without a restart */
	/*
	 * OPTION_CHECKED: NULL when the item is right, else (borrowed, short) X for the finding
	 * "expected X, not 'item'".
	 */
	const char *(*check_item)(const char *item);
	const char *schema; /* OPTION_NODE: what it may be, as JSON Schema; NULL: anything */
};

/* clang-format off */
#define OPTION_AT(st, key, m, T) \
	.name = key, \
	.offset = offsetof(st, m) + 0 * sizeof(char[_Generic(((st *)0)->m, T: 1, default: -1)])
#define OPT_BOOL(st, key, m, ...) \
	{ OPTION_AT(st, key, m, bool), .type = OPTION_BOOL, __VA_ARGS__ }
#define OPT_INT(st, key, m, ...) \
	{ OPTION_AT(st, key, m, int64_t), .type = OPTION_INT, __VA_ARGS__ }
#define OPT_SIZE(st, key, m, ...) \
	{ OPTION_AT(st, key, m, uint64_t), .type = OPTION_SIZE, __VA_ARGS__ }
#define OPT_DURATION(st, key, m, ...) \
	{ OPTION_AT(st, key, m, uint64_t), .type = OPTION_DURATION, __VA_ARGS__ }
#define OPT_STRING(st, key, m, ...) \
	{ OPTION_AT(st, key, m, char *), .type = OPTION_STRING, __VA_ARGS__ }
#define OPT_ENUM(st, key, m, ...) \
	{ OPTION_AT(st, key, m, int), .type = OPTION_ENUM, __VA_ARGS__ }
#define OPT_STRINGS(st, key, m, ...) \
	{ OPTION_AT(st, key, m, struct string_list), .type = OPTION_STRINGS, __VA_ARGS__ }
#define OPT_CHECKED(st, key, m, ...) \
	{ OPTION_AT(st, key, m, struct string_list), .type = OPTION_CHECKED, __VA_ARGS__ }
#define OPT_NODE(st, key, m, ...) \
	{ OPTION_AT(st, key, m, const struct conf_node *), .type = OPTION_NODE, __VA_ARGS__ }
/* clang-format on */

/*
 * Fills conf (zeroed, of the table's structure) from a map. `skip` names keys of the map that
 * somebody else reads (ended by NULL; may be NULL); `path` is the map's own place, such as
 * "flushers[0]". Every finding goes to diag and the rest is still looked at. 0; -EINVAL when there
 * was any error; -ENOMEM. In every case options_done() may be called on conf.
 */
int options_apply(const struct option *options, const struct conf_node *map, const char *path,
		  const char *const *skip, void *conf, struct diag *reterr);

/* Frees what conf owns. */
void options_done(const struct option *options, void *conf);

enum option_secrets { OPTION_SECRETS_SHOWN, OPTION_SECRETS_MASKED };

/*
 * Appends what conf holds as lines of a YAML map, each after `indent` spaces: all options, those
 * that have no value left out. Read again it makes an equal conf, unless secrets were masked.
 */
void options_dump(const struct option *options, const void *conf, unsigned int indent,
		  enum option_secrets secrets, struct buf *out);
