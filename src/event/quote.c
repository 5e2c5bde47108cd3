/* SPDX-License-Identifier: Apache-2.0 */
/* Quoting of arguments. Pure; any thread. */
#include "event/quote.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/utf8.h"

/*
 * What a byte is: to be escaped; plain; plain within quotes; of a longer character, if that is
 * valid.
 */
enum kind { KIND_ESCAPED, KIND_PLAIN, KIND_BLANK, KIND_LONG };

static const unsigned char kinds[256] = {
	[' '] = KIND_BLANK,
	['!'] = KIND_PLAIN,
	['#' ... '\\' - 1] = KIND_PLAIN,
	['\\' + 1 ... 0x7e] = KIND_PLAIN,
	[0x80 ... 0xff] = KIND_LONG,
};

/* How many bytes from p on may stand as they are; within quotes blanks may too. */
static size_t plain_run(const char *p, size_t n, bool quoted)
{
	size_t i = 0;

	while (i < n) {
		enum kind kind = kinds[(unsigned char)p[i]];
		size_t length = 1;

		if (kind == KIND_LONG)
			length = utf8_length(p + i, n - i);
		if (!length || kind == KIND_ESCAPED || (kind == KIND_BLANK && !quoted))
			break;
		i += length;
	}
	return i;
}

static void put_escaped(struct buf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char text[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };
	size_t n = 2;

	switch (c) {
	case '"':
	case '\\':
		text[1] = (char)c;
		break;
	case '\n':
		text[1] = 'n';
		break;
	case '\t':
		text[1] = 't';
		break;
	default:
		n = sizeof(text);
	}
	buf_put(out, text, n);
}

static void put_quoted(struct buf *out, struct str s)
{
	buf_put_char(out, '"');
	while (s.n) {
		size_t run = plain_run(s.p, s.n, true);

		buf_put(out, s.p, run);
		if (run < s.n)
			put_escaped(out, (unsigned char)s.p[run++]);
		s.p += run;
		s.n -= run;
	}
	buf_put_char(out, '"');
}

void quote_argument(struct buf *out, struct str argument)
{
	if (argument.n && plain_run(argument.p, argument.n, false) == argument.n)
		buf_put_str(out, argument);
	else
		put_quoted(out, argument);
}

/* One register of bytes, on any machine that has such; the compiler makes the best of it. */
typedef unsigned char bytes_vector __attribute__((vector_size(16)));
typedef uint64_t words_vector __attribute__((vector_size(16)));

/*
 * Writes blanks for the NULs between arguments of which none has to be quoted: no byte of them may
 * need it, and none may be empty, which is where a NUL follows another. p[-1] is the NUL before the
 * first one. Returns how much of it it could write.
 */
static size_t put_plain(char *to, const char *p, size_t n)
{
	size_t i = 0;

	for (; i + sizeof(bytes_vector) <= n; i += sizeof(bytes_vector)) {
		bytes_vector v, before, nuls;
		words_vector found;

		memcpy(&v, p + i, sizeof(v));
		memcpy(&before, p + i - 1, sizeof(before));
		nuls = (bytes_vector)(v == 0);
		found = (words_vector)(((bytes_vector)(v <= ' ') & ~nuls) |
				       (bytes_vector)((v >= 0x7f) | (v == '"') | (v == '\\')) |
				       ((bytes_vector)(before == 0) & nuls));
		if (found[0] | found[1])
			return i;
		v |= nuls & ' ';
		memcpy(to + i, &v, sizeof(v));
	}
	for (; i < n; i++) {
		if (p[i] ? kinds[(unsigned char)p[i]] != KIND_PLAIN : !p[i - 1])
			return i;
		to[i] = p[i] ? p[i] : ' ';
	}
	return i;
}

/* The arguments that p begins with, the NUL of another before it, where none of them is quoted. */
static bool put_all_plain(struct buf *out, const char *p, size_t n)
{
	char *to;

	n -= n && !p[n - 1];
	if (!n || !p[n - 1])
		return false;
	to = buf_room(out, n);
	if (!to || put_plain(to, p, n) < n)
		return false;
	buf_advance(out, n);
	return true;
}

static void put_each(struct buf *out, struct str args, size_t skip)
{
	const char *end = args.p + args.n;
	const char *p = args.p;
	size_t i;

	for (i = 0; p < end; i++) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		size_t n = (size_t)((nul ? nul : end) - p);

		if (i > skip)
			buf_put_char(out, ' ');
		if (i >= skip)
			quote_argument(out, (struct str){ .p = p, .n = n });
		p += n + (nul != NULL);
	}
}

void quote_arguments(struct buf *out, struct str args, size_t skip)
{
	const char *nul = skip == 1 && args.n ? memchr(args.p, '\0', args.n) : NULL;
	size_t first = nul ? (size_t)(nul - args.p) + 1 : 0;

	/* Nearly always it is a program's name, and arguments that stand as they are. */
	if (!nul || !put_all_plain(out, nul + 1, args.n - first))
		put_each(out, args, skip);
}
