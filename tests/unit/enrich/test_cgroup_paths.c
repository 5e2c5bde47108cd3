/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against the hierarchies of this machine: the root of each, by the inode number of its directory.
 * Groups below the root are for the end-to-end tests, which may make some.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "enrich/cgroup_paths.h"

static const char *unified_mount(void)
{
	static const char *const mounts[] = { "/sys/fs/cgroup/unified/cgroup.procs",
					      "/sys/fs/cgroup/cgroup.procs" };
	static char dir[64];
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++)
		if (stat(mounts[i], &st) == 0) {
			snprintf(dir, sizeof(dir), "%.*s",
				 (int)(strrchr(mounts[i], '/') - mounts[i]), mounts[i]);
			return dir;
		}
	return NULL;
}

static void finds_the_root(void **state)
{
	_cleanup_(cgroup_paths_freep) struct cgroup_paths *c = NULL;
	const char *mount = unified_mount();
	char path[256] = "unset";
	struct stat st;
	int r;

	(void)state;
	if (!mount) {
		print_message("no unified hierarchy is mounted here\n");
		skip();
	}
	assert_int_equal(stat(mount, &st), 0);
	assert_int_equal(cgroup_paths_new(&c), 0);
	r = cgroup_paths_lookup(c, 0, st.st_ino, path, sizeof(path));
	if (r == -EPERM) {
		print_message("open_by_handle_at is not permitted here\n");
		skip();
	}
	assert_int_equal(r, 1);
	assert_string_equal(path, "/");
	assert_false(cgroup_paths_is_gone(c, 0, st.st_ino));
	assert_true(cgroup_paths_is_gone(c, 0, UINT64_MAX - 5));
}

static void does_not_find_what_is_not_there(void **state)
{
	_cleanup_(cgroup_paths_freep) struct cgroup_paths *c = NULL;
	char path[256];

	(void)state;
	assert_int_equal(cgroup_paths_new(&c), 0);
	assert_true(cgroup_paths_lookup(c, 0, UINT64_MAX - 5, path, sizeof(path)) < 0);
	assert_true(cgroup_paths_lookup(c, 0, 0, path, sizeof(path)) < 0);
	assert_false(
		cgroup_paths_is_gone(c, 12345, 1)); /* of what we do not see nothing is certain */
	assert_int_equal(cgroup_paths_lookup(c, 12345, 1, path, sizeof(path)), -ENOENT);
	assert_null(cgroup_paths_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_root),
		cmocka_unit_test(does_not_find_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
