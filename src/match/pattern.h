/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a text may be asked: is it one of these, does it begin so, and the like. A pattern holds a
 * list of texts and is met when any of them is. One thread at a time.
 */
#pragma once

#include "base/buf.h"
#include "base/hash.h"
#include "match/glob.h"
#include "match/outcome.h"
#include "match/regex.h"

enum pattern_kind {
	PATTERN_EQUALS,
	PATTERN_PREFIX,
	PATTERN_SUFFIX,
	PATTERN_CONTAINS,
	PATTERN_GLOB,
	PATTERN_REGEX,	     /* somewhere in the text */
	PATTERN_REGEX_WHOLE, /* from end to end */
};

union pattern_item {
	char *text;
	struct glob *glob;
	struct regex *regex;
};

struct pattern {
	enum pattern_kind kind;
	union pattern_item *items;
	size_t n;
	size_t longest;	    /* PATTERN_EQUALS: of the texts */
	struct hash hashed; /* PATTERN_EQUALS: of the texts, where there are many */
};

/* An empty pattern, that nothing meets. */
void pattern_init(struct pattern *p, enum pattern_kind kind);
void pattern_done(struct pattern *p);
/* One more text. 0; -EINVAL with the reason appended to reterr; -ENOMEM. */
int pattern_add(struct pattern *p, const char *text, struct buf *reterr);
/* Call it once, when all are there. 0 or -ENOMEM. */
int pattern_seal(struct pattern *p);

enum outcome pattern_test(const struct pattern *p, struct str text);
