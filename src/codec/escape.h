/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text within the quotes of a JSON string: valid UTF-8 whatever the bytes were. A byte that is not
 * part of valid UTF-8 becomes the four characters \xHH (its backslash escaped as JSON wants it), a
 * control character \u00HH.
 */
#pragma once

#include "base/buf.h"

#define ESCAPE_SHORT 4096 /* bytes of a text for whose worst case one may make room at once */
/* Each byte becomes \u00HH, at most; a character that begins within a piece may reach beyond it. */
#define ESCAPE_ROOM(n) (((n) + 4) * 6)

/* Writes s, escaped, to where there are ESCAPE_ROOM(s.n) bytes, and returns where it ends. */
char *escape_short(char *to, struct str s);
/* Appends s, escaped. On lack of memory out turns failed. */
void escape_put(struct buf *out, struct str s);
