/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "enrich/image_name.h"
#include <cmocka.h>

static void test_repository(void **state)
{
	static const struct {
		const char *name, *repository;
	} cases[] = {
		{ "web", "web" },
		{ "web:1.2", "web" },
		{ "localhost:5000/web", "localhost:5000/web" },
		{ "localhost:5000/shop/web:1.2", "localhost:5000/shop/web" },
		{ "shop/web@sha256:12", "shop/web" },
		{ "localhost:5000/web:1@sha256:12", "localhost:5000/web" },
		{ "@", "" },
		{ "", "" },
		{ ":", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_true(str_eq(image_name_repository(str_from(cases[i].name)),
				   str_from(cases[i].repository)));
}

static void test_digest(void **state)
{
	static const struct {
		const char *repo_digest, *name, *before, *after;
		bool is_own;
	} cases[] = {
		{ "web@one", "web:1", "", "one", true },
		{ "web@one", "other", "", "one", false },
		{ "web@one", "other", "two", "two", false },
		{ "web@one", "web", "two", "one", true },
		{ "web", "web", "", "", false },
		{ "", "", "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *digest = cases[i].before;

		assert_int_equal(image_name_take_digest(cases[i].repo_digest, cases[i].name,
							&digest),
				 cases[i].is_own);
		assert_string_equal(digest, cases[i].after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repository),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
