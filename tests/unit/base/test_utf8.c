/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of table 3-7 of the Unicode standard, from both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/utf8.h"
#include <cmocka.h>

static void test_length(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "\x80", 0 },	   /* a tail alone */
		{ "\xc1\xbf", 0 }, /* overlong */
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xc2", 0 }, /* ends early */
		{ "\xc2"
		  "a",
		  0 },
		{ "\xe0\x9f\xbf", 0 }, /* overlong */
		{ "\xe0\xa0\x80", 3 },
		{ "\xe4\xb8\xad", 3 },
		{ "\xe4\xb8", 0 },
		{ "\xe4\xb8"
		  "a",
		  0 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xed\xa0\x80", 0 }, /* surrogates */
		{ "\xed\xbf\xbf", 0 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xf0\x8f\xbf\xbf", 0 }, /* overlong */
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xf4\x90\x80\x80", 0 }, /* above U+10FFFF */
		{ "\xf0\x90\x80", 0 },
		{ "\xf0\x90\x80"
		  "a",
		  0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (utf8_length(cases[i].bytes, strlen(cases[i].bytes)) != cases[i].length)
			fail_msg("case %zu", i);
	}
	assert_int_equal(utf8_length("", 0), 0);
	assert_int_equal(utf8_length("", 1), 1); /* NUL is a character */
}

static void test_trim(void **state)
{
	static const struct {
		const char *bytes;
		size_t n, kept;
	} cases[] = {
		{ "", 0, 0 },
		{ "abc", 3, 3 },
		{ "ab\xc3\xa4", 4, 4 },
		{ "ab\xc3", 3, 2 },
		{ "a\xe4\xb8\xad", 4, 4 },
		{ "a\xe4\xb8", 3, 1 },
		{ "a\xe4", 2, 1 },
		{ "\xf0\x9f\x98\x80", 4, 4 },
		{ "\xf0\x9f\x98", 3, 0 },
		{ "\xf0\x9f", 2, 0 },
		{ "\xf0", 1, 0 },
		{ "a\x80", 2, 2 }, /* no beginning: nothing to go on */
		{ "\x80\x80\x80\x80", 4, 4 },
		{ "a\xed\xa0", 3, 3 }, /* never to become a character */
		{ "a\xff", 2, 2 },
		{ "\xe4\xb8"
		  "a",
		  3, 3 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (utf8_trim(cases[i].bytes, cases[i].n) != cases[i].kept)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
