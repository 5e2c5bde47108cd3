/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 encoding. Pure; any thread. */
#include "base/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(const void *from, size_t n, char *to)
{
	const unsigned char *p = from;
	char *at = to;

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
