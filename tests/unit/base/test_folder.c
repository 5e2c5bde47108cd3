/* SPDX-License-Identifier: Apache-2.0 */
/* Folders above a path: all of them, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"

static char root[] = "/tmp/proctrail-folder-XXXXXX";

static const char *below(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static void test_make_above(void **state)
{
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(folder_make_above(below("a/b/c"), 0700), 0);
	assert_int_equal(stat(below("a/b"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(access(below("a/b/c"), F_OK), -1);
	assert_int_equal(folder_make_above(below("a/b/c"), 0755), 0); /* what is there stays */
	assert_int_equal(stat(below("a/b"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(folder_make_above("/one", 0700), 0);
	assert_int_equal(folder_make_above("name", 0700), 0);
	assert_int_equal(folder_make_above("/dev/null/x/y", 0700), -ENOTDIR);
	assert_int_equal(rmdir(below("a/b")), 0);
	assert_int_equal(rmdir(below("a")), 0);
	assert_int_equal(rmdir(root), 0);
}

/* It is ours alone afterwards; another user's is refused, and so is what only leads to a folder. */
static void test_make_private(void **state)
{
	struct stat st;

	(void)state;
	snprintf(root, sizeof(root), "/tmp/proctrail-folder-XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(folder_make_private(below("a")), 0);
	assert_int_equal(stat(below("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(below("a"), 0755), 0);
	assert_int_equal(folder_make_private(below("a")), 0);
	assert_int_equal(stat(below("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(symlink("a", below("link")), 0);
	assert_int_equal(folder_make_private(below("link")), -ENOTDIR);
	assert_int_equal(folder_make_private(below("b/c")), -ENOENT);
	if (geteuid() == 0) {
		assert_int_equal(chown(below("a"), 1, 1), 0);
		assert_int_equal(folder_make_private(below("a")), -EPERM);
	}
	assert_int_equal(unlink(below("link")), 0);
	assert_int_equal(rmdir(below("a")), 0);
	assert_int_equal(rmdir(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_make_above),
					    cmocka_unit_test(test_make_private) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
