/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, both ways. Pure; any thread. */
#include "base/base64.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Four groups side by side, on any machine that has such registers. */
typedef uint32_t groups_vector __attribute__((vector_size(16)));
typedef signed char chars_vector __attribute__((vector_size(16)));

#define VECTOR_BYTES 12 /* are sixteen characters; one more is read */

static uint32_t group_at(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

/* The alphabet is five rows of characters; each begins so much above or below the one before. */
static chars_vector characters(chars_vector bits)
{
	return bits + 'A' + ((bits > 25) & 6) - ((bits > 51) & 75) - ((bits > 61) & 15) +
	       ((bits > 62) & 3);
}

static void encode_vector(const unsigned char *p, char *to)
{
	groups_vector v = { group_at(p), group_at(p + 3), group_at(p + 6), group_at(p + 9) };
	chars_vector out;

	v = v >> 26 | (v >> 12 & 0x3f00) | (v << 2 & 0x3f0000) | (v << 16 & 0x3f000000);
	for (size_t i = 0; i < 4; i++)
		v[i] = htole32(v[i]);
	out = characters((chars_vector)v);
	memcpy(to, &out, sizeof(out));
}

size_t base64_encode(const void *from, size_t n, char *to)
{
	const unsigned char *p = from;
	char *at = to;

	for (; n > VECTOR_BYTES; n -= VECTOR_BYTES, p += VECTOR_BYTES, at += sizeof(chars_vector))
		encode_vector(p, at);
	for (; n >= 3; n -= 3, p += 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		at[0] = alphabet[v >> 18];
		at[1] = alphabet[v >> 12 & 63];
		at[2] = alphabet[v >> 6 & 63];
		at[3] = alphabet[v & 63];
		at += 4;
	}
	if (n) {
		uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0);

		*at++ = alphabet[v >> 18];
		*at++ = alphabet[v >> 12 & 63];
		*at++ = n > 1 ? alphabet[v >> 6 & 63] : '=';
		*at++ = '=';
	}
	return (size_t)(at - to);
}

/* A character's six bits, or 64. */
static uint32_t value_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (uint32_t)(at - alphabet) : 64;
}

/* Four characters, of which the last n_pad are padding. */
static int decode_group(const char group[4], unsigned int n_pad, struct buf *out)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t bits = i < 4 - n_pad ? value_of(group[i]) : 0;

		if (bits == 64)
			return -EINVAL;
		v = v << 6 | bits;
	}
	for (unsigned int i = 0; i < 3 - n_pad; i++)
		buf_put_char(out, (char)(v >> (16 - 8 * i)));
	return 0;
}

static unsigned int padding_of(const char group[4])
{
	return group[3] != '=' ? 0 : group[2] != '=' ? 1 : 2;
}

int base64_decode(struct str from, struct buf *out)
{
	size_t before = out->len;
	char group[4];
	unsigned int n = 0, n_pad = 0;
	int r = 0;

	for (size_t i = 0; i < from.n && r == 0; i++) {
		if (strchr(" \t\r\n", from.p[i]) && from.p[i])
			continue;
		if (n_pad)
			r = -EINVAL; /* nothing follows the padding */
		group[n++] = from.p[i];
		if (n < 4 || r < 0)
			continue;
		n_pad = padding_of(group);
		r = decode_group(group, n_pad, out);
		n = 0;
	}
	if (r == 0 && n)
		r = -EINVAL;
	if (r < 0)
		out->len = before;
	return r < 0 ? r : buf_failed(out) ? -ENOMEM : 0;
}
