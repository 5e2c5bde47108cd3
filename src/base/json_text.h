/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings in JSON (RFC 8259, section 7): valid UTF-8 whatever the bytes were. A byte that is not
 * part of valid UTF-8 becomes the four characters \xHH (its backslash escaped as JSON wants it), a
 * control character \u00HH. Pure; any thread.
 */
#pragma once

#include "base/buf.h"

#define JSON_TEXT_SHORT 4096 /* bytes of a text for whose worst case one may make room at once */
/* Each byte becomes \u00HH, at most; a character that begins within a piece may reach beyond it. */
#define JSON_TEXT_ROOM(n) (((n) + 4) * 6)

/* Writes s, escaped, to where there are JSON_TEXT_ROOM(s.n) bytes, and returns where it ends. */
char *json_text_escape_short(char *to, struct str s);
/* Appends s, escaped. On lack of memory out turns failed. */
void json_text_escape(struct buf *out, struct str s);
/* The same, in quotes. */
void json_text_put(struct buf *out, struct str s);
