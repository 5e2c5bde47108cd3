/* SPDX-License-Identifier: Apache-2.0 */
/* Eight digits at a time, without a loop. Pure; any thread. */
#include "base/decimal.h"

#include <endian.h>
#include <string.h>

#define E8 100000000ULL

/*
 * The eight decimal digits of v, the first one in the lowest byte, each as a number: halves,
 * quarters and digits side by side in one word, by multiplications that stand for divisions by 100
 * and 10.
 */
static uint64_t eight_digits(uint32_t v)
{
	uint64_t halves = v / 10000 | (uint64_t)(v % 10000) << 32;
	uint64_t high = halves * 10486 >> 20 & 0x0000007f0000007f;
	uint64_t quarters = high | (halves - high * 100) << 16;
	uint64_t tens = quarters * 103 >> 10 & 0x000f000f000f000f;

	return tens | (quarters - tens * 10) << 8;
}

/* Writes n of them, from the one that is in the lowest byte. All eight bytes are written to. */
static char *put_digits(char *to, uint64_t digits, unsigned int n)
{
	digits = htole64(digits | 0x3030303030303030);
	memcpy(to, &digits, sizeof(digits));
	return to + n;
}

/* As put_digits(), v without zeros before it. */
static char *put_leading(char *to, uint32_t v)
{
	uint64_t digits = eight_digits(v);
	unsigned int n_zeros = (unsigned int)__builtin_ctzll(digits | 1ULL << 56) / 8;

	return put_digits(to, digits >> 8 * n_zeros, 8 - n_zeros);
}

char *decimal_put_u64(char *to, uint64_t v)
{
	if (v < E8)
		return put_leading(to, (uint32_t)v);
	if (v >= E8 * E8) {
		to = put_leading(to, (uint32_t)(v / (E8 * E8)));
		v %= E8 * E8;
		to = put_digits(to, eight_digits((uint32_t)(v / E8)), 8);
	} else {
		to = put_leading(to, (uint32_t)(v / E8));
	}
	return put_digits(to, eight_digits((uint32_t)(v % E8)), 8);
}

char *decimal_put_i64(char *to, int64_t v)
{
	if (v < 0)
		*to++ = '-';
	return decimal_put_u64(to, v < 0 ? -(uint64_t)v : (uint64_t)v);
}
