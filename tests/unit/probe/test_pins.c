/* SPDX-License-Identifier: Apache-2.0 */
/* The folder on bpffs, on one of the test's own where this user may have that; its generations. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "private_bpffs.h"
#include "probe/pins.h"
#include <cmocka.h>

static char bpffs[64], folder[128];

static int set_up(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	if (!private_bpffs(bpffs))
		bpffs[0] = '\0';
	snprintf(folder, sizeof(folder), "%s/proctrail/test", bpffs);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (bpffs[0])
		private_bpffs_done(bpffs);
	return 0;
}

static void need_bpffs(void)
{
	if (!bpffs[0]) {
		print_message("no bpffs here\n");
		skip();
	}
}

static void make_generation(unsigned int number)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/g%u", folder, number);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void test_folder_is_private_and_goes(void **state)
{
	_cleanup_(pins_freep) struct pins *p = NULL;
	const char *why = NULL;
	struct stat st;

	(void)state;
	need_bpffs();
	assert_int_equal(pins_new(folder, &p, &why), 0);
	assert_string_equal(pins_folder(p), folder);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	p = pins_free(p);
	assert_int_equal(stat(folder, &st), -1);
	*strrchr(folder, '/') = '\0';
	assert_int_equal(stat(folder, &st), -1);
	strcat(folder, "/test");
}

static void test_folder_of_another_user(void **state)
{
	struct pins *p = NULL;
	const char *why = NULL;
	char parent[256];
	struct stat st;

	(void)state;
	need_bpffs();
	snprintf(parent, sizeof(parent), "%s/proctrail", bpffs);
	assert_int_equal(mkdir(parent, 0777), 0);
	assert_int_equal(pins_new(folder, &p, &why), 0);
	assert_int_equal(stat(parent, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	p = pins_free(p);
	assert_int_equal(mkdir(parent, 0700), 0);
	assert_int_equal(chown(parent, 1, 1), 0);
	assert_int_equal(pins_new(folder, &p, &why), -EPERM);
	assert_null(p);
	assert_non_null(why);
	assert_int_equal(rmdir(parent), 0);
}

static void test_needs_bpffs(void **state)
{
	char elsewhere[128], base[] = "/tmp/test-pins-XXXXXX";
	struct pins *p = NULL;
	const char *why = NULL;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(base));
	snprintf(elsewhere, sizeof(elsewhere), "%s/proctrail/test", base);
	assert_int_equal(pins_new(elsewhere, &p, &why), -EMEDIUMTYPE);
	assert_string_equal(why, "it is not on bpffs");
	assert_null(p);
	assert_int_equal(chmod(base, 01777), 0); /* as /tmp, which others need as it is */
	snprintf(elsewhere, sizeof(elsewhere), "%s/test", base);
	assert_int_equal(pins_new(elsewhere, &p, &why), -EMEDIUMTYPE);
	assert_int_equal(stat(base, &st), 0);
	assert_int_equal(st.st_mode & 07777, 01777);
	assert_int_equal(pins_remove(elsewhere), 0);
	assert_int_equal(rmdir(base), 0);
}

static void test_lists_the_youngest_in_order(void **state)
{
	static const struct {
		uint16_t made[20], expected[PINS_GENERATIONS_MAX];
		int n_made, n;
	} cases[] = {
		{ { 0 }, { 0 }, 0, 0 },
		{ { 10, 9, 2 }, { 2, 9, 10 }, 3, 3 },
		{ { 1, 65535, 2, 65534 }, { 65534, 65535, 1, 2 }, 4, 4 },
		{ { 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 },
		  { 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 },
		  18,
		  16 },
	};

	(void)state;
	need_bpffs();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(pins_freep) struct pins *p = NULL;
		uint16_t numbers[PINS_GENERATIONS_MAX];
		const char *why = NULL;

		assert_int_equal(pins_new(folder, &p, &why), 0);
		for (int k = 0; k < cases[i].n_made; k++)
			make_generation(cases[i].made[k]);
		assert_int_equal(pins_list(folder, numbers), cases[i].n);
		for (int k = 0; k < cases[i].n; k++)
			assert_int_equal(numbers[k], cases[i].expected[k]);
		assert_int_equal(pins_list(folder, numbers), cases[i].n);
		p = pins_free(p);
		assert_int_equal(pins_remove(folder), cases[i].n);
	}
}

static void test_other_names_are_no_generations(void **state)
{
	static const char *const names[] = { "g0", "g", "g01", "g65536", "g1x", "x1", "g-1" };
	_cleanup_(pins_freep) struct pins *p = NULL;
	uint16_t numbers[PINS_GENERATIONS_MAX];
	const char *why = NULL;
	char path[256];

	(void)state;
	need_bpffs();
	assert_int_equal(pins_new(folder, &p, &why), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(pins_list(folder, numbers), 0);
		assert_int_equal(rmdir(path), 0);
	}
}

static void test_numbers_wrap(void **state)
{
	(void)state;
	assert_int_equal(pins_next(0), 1);
	assert_int_equal(pins_next(1), 2);
	assert_int_equal(pins_next(65535), 1);
}

static void test_locked_while_in_use(void **state)
{
	_cleanup_(pins_freep) struct pins *p = NULL;
	struct pins *second = NULL;
	const char *why = NULL;

	(void)state;
	need_bpffs();
	assert_int_equal(pins_new(folder, &p, &why), 0);
	assert_int_equal(pins_new(folder, &second, &why), -EBUSY);
	assert_int_equal(pins_remove(folder), -EBUSY);
	assert_null(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folder_is_private_and_goes),
		cmocka_unit_test(test_folder_of_another_user),
		cmocka_unit_test(test_needs_bpffs),
		cmocka_unit_test(test_lists_the_youngest_in_order),
		cmocka_unit_test(test_other_names_are_no_generations),
		cmocka_unit_test(test_numbers_wrap),
		cmocka_unit_test(test_locked_while_in_use),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
