/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instruction takes a word each cycle but is three cycles late with its result, so that one
 * stream of it leaves two thirds of the CPU idle: long input is taken as three lanes side by side,
 * which a carry-less multiplication puts together (Gopal et al., Fast CRC Computation for iSCSI
 * Polynomial Using CRC32 Instruction, Intel 2011). Pure; any thread.
 */
#include "base/crc32c.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

/* The remainder of each half-byte: small enough to be written down, and read, here. */
static const uint32_t nibble[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *s = p;

	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc = nibble[(crc ^ s[i]) & 15] ^ crc >> 4;
		crc = nibble[(crc ^ s[i] >> 4) & 15] ^ crc >> 4;
	}
	return ~crc;
}

#ifdef __x86_64__
#define WORD sizeof(uint64_t)
#define LANE 1024 /* bytes */
/*
 * x^(8n - 33) modulo the polynomial, bits reversed, for n = LANE and 2 * LANE: the product with a
 * remainder, and the instruction once more, moves the remainder on by n bytes. 33, since the
 * instruction itself moves by 32 and the product of reversed numbers is one bit short.
 */
#define MOVE_1_LANE 0x170076fau
#define MOVE_2_LANES 0xa51b6135u

static inline uint64_t word_at(const unsigned char *s)
{
	uint64_t word;

	memcpy(&word, s, sizeof(word));
	return word;
}

__attribute__((target("sse4.2"))) static uint32_t one_lane(uint32_t crc, const unsigned char *s,
							   size_t n)
{
	uint64_t c = crc;

	for (; n >= WORD; s += WORD, n -= WORD)
		c = _mm_crc32_u64(c, word_at(s));
	for (; n; s++, n--)
		c = _mm_crc32_u8((uint32_t)c, *s);
	return (uint32_t)c;
}

__attribute__((target("sse4.2,pclmul"))) static uint64_t product(uint64_t crc, uint32_t move)
{
	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(
		_mm_cvtsi64_si128((int64_t)crc), _mm_cvtsi64_si128((int64_t)move), 0));
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t three_lanes(uint32_t crc,
								     const unsigned char *s)
{
	uint64_t a = crc, b = 0, c = 0;

	for (size_t i = 0; i < LANE; i += WORD) {
		a = _mm_crc32_u64(a, word_at(s + i));
		b = _mm_crc32_u64(b, word_at(s + LANE + i));
		c = _mm_crc32_u64(c, word_at(s + (size_t)2 * LANE + i));
	}
	return (uint32_t)(_mm_crc32_u64(0, product(a, MOVE_2_LANES) ^ product(b, MOVE_1_LANE)) ^ c);
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *s = p;
	const size_t block = (size_t)3 * LANE;

	if (!__builtin_cpu_supports("sse4.2"))
		return crc32c_portable(crc, p, n);
	crc = ~crc;
	if (__builtin_cpu_supports("pclmul"))
		for (; n >= block; s += block, n -= block)
			crc = three_lanes(crc, s);
	return ~one_lane(crc, s, n);
}
#else
uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	return crc32c_portable(crc, p, n);
}
#endif
