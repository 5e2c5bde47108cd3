/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader of `arguments` does, written from the documentation of the line alone. */
#pragma once

#include "base/buf.h"

static inline int unquote_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The byte that the escape behind a backslash stands for; *p is left on its last character. */
static inline char unquote_escape(const char **p)
{
	char c = *++*p;

	if (c == 'n')
		return '\n';
	if (c == 't')
		return '\t';
	if (c != 'x')
		return c;
	*p += 2;
	return (char)(unquote_digit((*p)[-1]) << 4 | unquote_digit((*p)[0]));
}

/* Appends the arguments of a line that quote_arguments() wrote, each with its NUL. */
static inline void unquote(struct buf *out, struct str line)
{
	const char *p = line.p, *end = line.p + line.n;

	while (p < end) {
		bool quoted = *p == '"';

		for (p += quoted; p < end && *p != (quoted ? '"' : ' '); p++)
			buf_put_char(out, quoted && *p == '\\' ? unquote_escape(&p) : *p);
		buf_put_char(out, '\0');
		p += quoted;
		p += p < end;
	}
}
