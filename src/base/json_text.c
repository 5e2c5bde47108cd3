/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escaping. What needs no escape, and that is nearly everything, is copied sixteen bytes at a time;
 * the rest goes by a table. Pure; any thread.
 */
#include "base/json_text.h"

#include <stdint.h>

#include "base/utf8.h"

/* How each byte is written: 0 as it is; 'u' as \u00HH; 'x' where UTF-8 begins; else \ and this. */
static const char escapes[256] = {
	[0x00 ... 0x07] = 'u', ['\b'] = 'b',  ['\t'] = 't',	     ['\n'] = 'n',
	[0x0b] = 'u',	       ['\f'] = 'f',  ['\r'] = 'r',	     [0x0e ... 0x1f] = 'u',
	['"'] = '"',	       ['\\'] = '\\', [0x80 ... 0xff] = 'x',
};

/* One register of bytes, on any machine that has such; the compiler makes the best of it. */
typedef unsigned char bytes_vector __attribute__((vector_size(16)));
typedef uint64_t words_vector __attribute__((vector_size(16)));

#define WORD sizeof(uint64_t)

/* Whether none of the bytes needs a look: no control, no ", no \, nothing above 0x7f. */
static bool is_plain(bytes_vector v)
{
	words_vector found = (words_vector)((v < 0x20) | (v > 0x7f) | (v == '"') | (v == '\\'));

	return !(found[0] | found[1]);
}

static bool is_plain_byte(char c)
{
	return !escapes[(unsigned char)c];
}

/* As put_plain(), of less than a vector: two words that overlap, or byte by byte. */
static size_t put_short(char *to, const char *p, size_t n)
{
	words_vector v;
	size_t i = 0;

	if (n >= WORD) {
		memcpy(&v, p, WORD);
		memcpy((char *)&v + WORD, p + n - WORD, WORD);
		if (is_plain((bytes_vector)v)) {
			memcpy(to, &v, WORD);
			memcpy(to + n - WORD, (char *)&v + WORD, WORD);
			return n;
		}
	}
	for (; i < n && is_plain_byte(p[i]); i++)
		to[i] = p[i];
	return i;
}

/*
 * Copies what is plain at the beginning of p, or nearly all of it, and returns how much that is.
 * The end of a text is taken with some of what came before it, which is plain, a second time.
 */
static size_t put_plain(char *to, const char *p, size_t n)
{
	bytes_vector v;
	size_t i = 0;

	for (; i + sizeof(v) <= n; i += sizeof(v)) {
		memcpy(&v, p + i, sizeof(v));
		if (!is_plain(v))
			return i;
		memcpy(to + i, &v, sizeof(v));
	}
	if (i && i < n) {
		memcpy(&v, p + n - sizeof(v), sizeof(v));
		if (!is_plain(v))
			return i;
		memcpy(to + n - sizeof(v), &v, sizeof(v));
		return n;
	}
	return i + put_short(to + i, p + i, n - i);
}

static char *put_hex(char *to, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	*to++ = hex[c >> 4];
	*to++ = hex[c & 15];
	return to;
}

/* Writes the character at *p, of which n bytes are there, and moves *p behind it. */
static char *put_character(char *to, const char **p, size_t n)
{
	unsigned char c = (unsigned char)**p;
	char escape = escapes[c];
	size_t length = escape == 'x' ? utf8_length(*p, n) : 0;

	*p += length ? length : 1;
	if (length) {
		memcpy(to, *p - length, length);
		return to + length;
	}
	if (!escape) {
		*to++ = (char)c;
		return to;
	}
	*to++ = '\\';
	if (escape == 'u') {
		memcpy(to, "u00", 3);
		return put_hex(to + 3, c);
	}
	*to++ = escape == 'x' ? '\\' : escape;
	if (escape == 'x') {
		*to++ = 'x';
		return put_hex(to, c);
	}
	return to;
}

/* Writes what lies before `stop`; a character that begins there is written whole. */
static char *put_chunk(char *to, const char **p, const char *stop, const char *end)
{
	while (*p < stop) {
		size_t n = put_plain(to, *p, (size_t)(stop - *p));
		const char *look = *p + n + sizeof(bytes_vector);

		to += n;
		*p += n;
		/* Within the next few bytes there is something else. */
		while (*p < stop && *p < look)
			to = put_character(to, p, (size_t)(end - *p));
	}
	return to;
}

char *json_text_escape_short(char *to, struct str s)
{
	size_t n = put_plain(to, s.p, s.n);
	const char *p = s.p + n;

	return n == s.n ? to + n : put_chunk(to + n, &p, s.p + s.n, s.p + s.n);
}

void json_text_escape(struct buf *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end) {
		size_t n = (size_t)(end - p) < JSON_TEXT_SHORT ? (size_t)(end - p)
							       : JSON_TEXT_SHORT;
		char *to = buf_room(out, JSON_TEXT_ROOM(n));

		if (!to)
			return;
		buf_advance(out, (size_t)(put_chunk(to, &p, p + n, end) - to));
	}
}

void json_text_put(struct buf *out, struct str s)
{
	buf_put_char(out, '"');
	json_text_escape(out, s);
	buf_put_char(out, '"');
}
