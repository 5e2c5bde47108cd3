/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of RFC 4648 and the sample's exec_id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/str.h"
#include <cmocka.h>

static void assert_decoded(const char *encoded, const char *plain)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	assert_int_equal(base64_decode(str_from(encoded), &out), 0);
	assert_true(str_eq(buf_str(&out), str_from(plain)));
}

static void test_vectors(void **state)
{
	static const struct {
		const char *plain, *encoded;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" },
		{ "v43c11204.sqa.na131:34639707480068280:148749",
		  "djQzYzExMjA0LnNxYS5uYTEzMTozNDYzOTcwNzQ4MDA2ODI4MDoxNDg3NDk=" },
	};
	char to[128];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = base64_encode(cases[i].plain, strlen(cases[i].plain), to);

		assert_int_equal(n, strlen(cases[i].encoded));
		assert_int_equal(n, BASE64_SIZE(strlen(cases[i].plain)));
		assert_memory_equal(to, cases[i].encoded, n);
		assert_decoded(cases[i].encoded, cases[i].plain);
	}
}

/* What takes several characters at a time has to say what one by one would. */
static void test_all_characters_and_lengths(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char plain[96];
	char to[BASE64_SIZE(sizeof(plain))], tail[4];

	(void)state;
	for (size_t i = 0; i < 64; i += 4) {
		uint32_t v = (uint32_t)(i << 18 | (i + 1) << 12 | (i + 2) << 6 | (i + 3));

		for (size_t k = 0; k < 3; k++) {
			plain[i / 4 * 3 + k] = (unsigned char)(v >> (16 - 8 * k));
			plain[95 - (i / 4 * 3 + k)] = plain[i / 4 * 3 + k];
		}
	}
	assert_int_equal(base64_encode(plain, 48, to), 64);
	assert_memory_equal(to, alphabet, 64);
	for (size_t n = 0; n < sizeof(plain); n++) {
		assert_int_equal(base64_encode(plain, n, to), BASE64_SIZE(n));
		for (size_t i = 0; i < n; i += 3) {
			base64_encode(plain + i, n - i < 3 ? n - i : 3, tail);
			assert_memory_equal(to + i / 3 * 4, tail, 4);
		}
	}
}

static void test_white_space_is_passed_over(void **state)
{
	(void)state;
	assert_decoded(" Zm9v\r\nYm\tFy\n", "foobar");
	assert_decoded("\n", "");
}

static void test_what_is_no_base64(void **state)
{
	static const char *const wrong[] = { "Z",    "Zg",	 "Zg=",	   "Zg==Zg==", "====",
					     "Z===", "Zm9v!A==", "Zm9v-_", "Zg=a" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };

		buf_put_char(&out, 'x');
		assert_int_equal(base64_decode(str_from(wrong[i]), &out), -EINVAL);
		assert_true(str_eq(buf_str(&out), STR("x")));
	}
	{
		_cleanup_(buf_done) struct buf out = { 0 };

		assert_int_equal(base64_decode((struct str){ .p = "Zm\0v", .n = 4 }, &out),
				 -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_all_characters_and_lengths),
		cmocka_unit_test(test_white_space_is_passed_over),
		cmocka_unit_test(test_what_is_no_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
