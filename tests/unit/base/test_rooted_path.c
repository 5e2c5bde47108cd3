/* SPDX-License-Identifier: Apache-2.0 */
/* Links below another root, as its owner means them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../enrich/file_tree.h"
#include "base/rooted_path.h"

static struct file_tree tree;

static const struct {
	const char *path, *want; /* below the root */
} rows[] = {
	{ "/data/docker", "/data/docker" },
	{ "/lib/docker", "/data/docker" }, /* an absolute link */
	{ "/lib/docker/containers", "/data/docker/containers" },
	{ "/lib/docker/none/at/all", "/data/docker/none/at/all" },
	{ "/lib/beside", "/data/docker" }, /* a relative one */
	{ "/lib/above", "/data" },	   /* nothing is above the root */
	{ "/lib/../../../data", "/data" },
	{ "/run/x.sock", "/realrun/x.sock" }, /* a link to a link */
	{ "/passwd", "/data/passwd" },
	{ "/data/passwd/below", "/data/passwd/below" }, /* no folder */
	{ "/lib/round", "/lib/round" },			/* a loop: as it was said */
	{ "/lib/gone", "/data/gone" }, /* what is not there is meant from the root, too */
	{ "/lib/gone/x/y", "/data/gone/x/y" },
	{ "/lib/first", "/data/gone" },
	{ "/lib/lost/x", "/lib/none/n/x" },
	{ "/top", "/none/at/all" },
	{ "/none", "/none" },
	{ "/", "" },
};

static void link_to(const char *from, const char *to)
{
	assert_int_equal(symlink(to, file_tree_path(&tree, from)), 0);
}

static int set_up(void **state)
{
	(void)state;
	file_tree_make(&tree);
	file_tree_put(&tree, "data/docker/containers", "");
	file_tree_put(&tree, "data/passwd", "");
	file_tree_put(&tree, "realrun/there", "");
	link_to("lib/docker", "/data/docker");
	link_to("lib/beside", "../data/docker");
	link_to("lib/above", "../../../../data");
	link_to("lib/round", "/lib/round");
	link_to("lib/gone", "/data/gone");
	link_to("lib/first", "/lib/gone");
	link_to("lib/lost", "none/n");
	link_to("top", "/none/at/all");
	link_to("var/run", "/realrun");
	link_to("run", "/var/run");
	link_to("passwd", "data/passwd");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	file_tree_remove(&tree);
	return 0;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) char *path = NULL;
		char want[256];

		snprintf(want, sizeof(want), "%s%s", tree.root, rows[i].want);
		assert_int_equal(rooted_path_resolve(tree.root, rows[i].path, &path), 0);
		assert_string_equal(path, want);
	}
}

/* Our own root is nothing to be looked at; nor can one be that is not there. */
static void test_no_root(void **state)
{
	_cleanup_(freep) char *own = NULL, *none = NULL;

	(void)state;
	assert_int_equal(rooted_path_resolve("", "/proc/self", &own), 0);
	assert_string_equal(own, "/proc/self");
	assert_int_equal(rooted_path_resolve("/no/where", "/etc/passwd", &none), 0);
	assert_string_equal(none, "/no/where/etc/passwd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_root),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
