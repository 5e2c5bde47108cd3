/* SPDX-License-Identifier: Apache-2.0 */
/* The library as it is on the machine that builds: its headers are there, so it is, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "net/curl_library.h"
#include <cmocka.h>

/* Whether a library whose name has `name` in it is mapped. */
static bool is_mapped(const char *name)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, name))
			return true;
	return false;
}

static void test_load(void **state)
{
	const struct curl_library *library = NULL, *again = NULL;
	CURL *curl;

	(void)state;
	assert_false(is_mapped("/libcurl"));
	assert_int_equal(curl_library_load(&library), 0);
	assert_true(is_mapped("/libcurl"));
	assert_int_equal(curl_library_load(&again), 0);
	assert_ptr_equal(library, again);
	curl = library->easy_init();
	assert_non_null(curl);
	assert_int_equal(library->easy_setopt(curl, CURLOPT_URL, "no-such-scheme://x"), CURLE_OK);
	assert_int_equal(library->easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http"), CURLE_OK);
	library->easy_cleanup(curl);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_load) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
