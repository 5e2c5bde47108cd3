/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/crc32c.h"

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
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *p,
							       size_t n)
{
	const unsigned char *s = p;
	uint64_t c = ~crc;
	uint64_t word;

	for (; n >= sizeof(word); s += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; n; s++, n--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *s);
	return ~(uint32_t)c;
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(crc, p, n)
						: crc32c_portable(crc, p, n);
}
#else
uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	return crc32c_portable(crc, p, n);
}
#endif
