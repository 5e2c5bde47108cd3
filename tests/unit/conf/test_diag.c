/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as they are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "conf/diag.h"

static void assert_printed(const struct diag *d, const char *expected)
{
	_cleanup_(freep) char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	diag_print(d, f);
	fclose(f);
	assert_string_equal(text, expected);
}

static void test_places(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };

	(void)state;
	diag_add(&d, DIAG_ERROR, (struct position){ "x.yaml", 7, 5 }, "flushers[0].FilePth",
		 "unknown key");
	diag_add(&d, DIAG_ERROR, (struct position){ .file = "x.yaml" }, "", "too large");
	diag_add(&d, DIAG_WARNING, (struct position){ "x.yaml", 1, 2 }, "", "old");
	assert_printed(&d, "x.yaml:7:5: flushers[0].FilePth: unknown key\n"
			   "x.yaml: too large\n"
			   "x.yaml:1:2: warning: old\n");
	assert_int_equal(d.n, 3);
	assert_int_equal(d.n_errors, 2);
}

static void test_hostile_text(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };

	(void)state;
	diag_add(&d, DIAG_ERROR, (struct position){ "a\nb", 1, 1 }, "k\x1b[2J", "'%s'",
		 "\t\x7f\xc3\xa9");
	assert_printed(&d, "a\\x0ab:1:1: k\\x1b[2J: '\\x09\\x7f\xc3\xa9'\n");
}

static void test_long_message(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	char text[2001] = { 0 };

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	diag_add(&d, DIAG_ERROR, (struct position){ "x", 1, 1 }, "", "%s", text);
	assert_int_equal(strlen(d.entries[0].message),
			 1023); /* 1021 bytes would end within a character */
	assert_string_equal(d.entries[0].message + 1018, "\xc3\xa9...");
}

static void test_many(void **state)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(freep) char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	for (int i = 0; i < 103; i++)
		diag_add(&d, DIAG_ERROR, (struct position){ "x", 1, 1 }, "", "no");
	assert_int_equal(d.n, 100);
	assert_int_equal(d.n_dropped, 3);
	assert_int_equal(d.n_errors, 103);
	diag_print(&d, f);
	fclose(f);
	assert_non_null(strstr(text, "x:1:1: no\nand 3 more that are not shown\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
