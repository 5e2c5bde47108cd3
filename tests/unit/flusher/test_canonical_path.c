/* SPDX-License-Identifier: Apache-2.0 */
/* Links, dots, and what is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flusher/canonical_path.h"
#include "folder.h"

static void test_paths(void **state)
{
	static const struct {
		const char *path, *canonical; /* in the folder */
	} cases[] = {
		{ "log", "log" },
		{ "./log", "log" },
		{ "link/log", "real/log" },
		{ "real/../log", "log" },
		{ "link/to/log", "real/to/log" },
		{ "alias", "real/data" },
		{ "none/../log", "log" },
		{ "none//x/./y/", "none/x/y" },
	};
	struct folder f;

	(void)state;
	folder_open(&f);
	assert_int_equal(mkdir(folder_path(&f, "real"), 0700), 0);
	folder_put(&f, "real/data", "");
	assert_int_equal(symlink("real", folder_path(&f, "link")), 0);
	assert_int_equal(symlink("link/data", folder_path(&f, "alias")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *canonical = canonical_path(folder_path(&f, cases[i].path));

		assert_non_null(canonical);
		assert_string_equal(canonical, folder_path(&f, cases[i].canonical));
	}
	folder_close(&f);
}

static void test_absolute(void **state)
{
	_cleanup_(freep) char *here = realpath(".", NULL);
	_cleanup_(freep) char *canonical = canonical_path("no-such-file.log");
	_cleanup_(freep) char *root = canonical_path("/no-such-file.log");

	(void)state;
	assert_non_null(here);
	assert_non_null(canonical);
	assert_memory_equal(canonical, here, strlen(here));
	assert_string_equal(canonical + strlen(here), "/no-such-file.log");
	assert_string_equal(root, "/no-such-file.log");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_absolute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
