/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, checked by table 3-7 of the Unicode standard. Pure; any thread. */
#include "base/utf8.h"

#include <stdbool.h>

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The second byte carries all the limits: overlong forms, surrogates, the end of the code space. */
static bool second_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return is_tail(second);
	}
}

/* Bytes that a character with this first byte has; 0 for a byte that starts none. */
static size_t length_by_first(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0)
		return 3;
	return first < 0xf5 ? 4 : 0;
}

size_t utf8_length(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t length = n ? length_by_first(u[0]) : 0;
	size_t i;

	if (length > n)
		return 0;
	if (length > 1 && !second_fits(u[0], u[1]))
		return 0;
	for (i = 2; i < length; i++) {
		if (!is_tail(u[i]))
			return 0;
	}
	return length;
}

/* n bytes from p are a character's beginning and it goes on behind them. */
static bool is_cut_character(const unsigned char *p, size_t n)
{
	size_t i;

	if (n >= length_by_first(p[0]))
		return false;
	if (n > 1 && !second_fits(p[0], p[1]))
		return false;
	for (i = 2; i < n; i++) {
		if (!is_tail(p[i]))
			return false;
	}
	return true;
}

size_t utf8_trim(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t back;

	for (back = 1; back <= 3 && back <= n; back++) {
		if (is_cut_character(u + n - back, back))
			return n - back;
	}
	return n;
}
