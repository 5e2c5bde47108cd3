/* SPDX-License-Identifier: Apache-2.0 */
/* The check value of the CRC catalogues, and the test vectors of RFC 3720, B.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/crc32c.h"

typedef uint32_t crc_fn(uint32_t crc, const void *p, size_t n);

static crc_fn *const fns[] = { crc32c, crc32c_portable };

static void test_vectors(void **state)
{
	unsigned char zeros[32] = { 0 }, ones[32], up[32];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (size_t i = 0; i < sizeof(up); i++)
		up[i] = (unsigned char)i;
	for (size_t i = 0; i < ARRAY_SIZE(fns); i++) {
		assert_int_equal(fns[i](0, "123456789", 9), 0xe3069283);
		assert_int_equal(fns[i](0, zeros, 32), 0x8a9136aa);
		assert_int_equal(fns[i](0, ones, 32), 0x62a8ab43);
		assert_int_equal(fns[i](0, up, 32), 0x46dd794e);
		assert_int_equal(fns[i](0, "", 0), 0);
	}
}

/* In two pieces, at every place and alignment, it is the same. */
static void test_pieces(void **state)
{
	char text[100];
	uint32_t whole;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 37);
	whole = crc32c_portable(0, text, sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(fns); i++)
		for (size_t at = 0; at <= sizeof(text); at++)
			assert_int_equal(fns[i](fns[i](0, text, at), text + at, sizeof(text) - at),
					 whole);
}

/* Long enough to be taken in several lanes, with all kinds of rests, at every alignment. */
static void test_long(void **state)
{
	static unsigned char data[20000];
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)((random = random * 1103515245 + 12345) >> 16);
	for (size_t n = 3000; n < sizeof(data) - 8; n += 251)
		for (size_t at = 0; at < 8; at += 3)
			assert_int_equal(crc32c(~(uint32_t)n, data + at, n),
					 crc32c_portable(~(uint32_t)n, data + at, n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
