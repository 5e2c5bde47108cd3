/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of RFC 4648 and the sample's exec_id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/str.h"
#include <cmocka.h>

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
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
