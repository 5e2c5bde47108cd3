/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file is looked for, and in which order. */
#include "enrich/user_lookup.h"
#include "other_folder.h"

static struct other_root_host own_root(void)
{
	struct stat st;

	assert_int_equal(stat("/", &st), 0);
	return (struct other_root_host){ .dev = st.st_dev, .ino = st.st_ino };
}

static enum user_lookup_result look(const struct user_question *q, const char *folder,
				    struct user_lookup *ret)
{
	const struct other_root_host host = own_root();

	*ret = (struct user_lookup){ .fd = -1 };
	return user_lookup(&host, q, folder, ret);
}

static bool is_early(const struct user_question *q)
{
	const struct other_root_host host = own_root();

	return user_lookup_is_early(&host, q);
}

static void test_nobody_there(void **state)
{
	struct user_question q = { .mnt_ns = 1, .pids = { 0x7ffffff0 }, .n_pids = 1 };
	struct user_lookup found;
	struct other_folder f;

	(void)state;
	other_make(&f);
	assert_int_equal(look(&q, NULL, &found), USER_LOOKUP_GONE);
	assert_int_equal(look(&q, "/nowhere/at/all", &found), USER_LOOKUP_GONE);
	assert_int_equal(look(&q, f.path, &found), USER_LOOKUP_GONE); /* nothing is in it */
	other_write(&f, "etc/passwd", "a:x:1:\n");
	assert_int_equal(look(&q, f.path, &found), USER_LOOKUP_FOUND);
	assert_int_equal(found.pid, 0);
	assert_true(found.identity.size == 7);
	closep(&found.fd);
	other_remove(&f);
}

/*
 * Whoever has the host's root still is in a container that is being set up: the folder must wait.
 */
static void test_being_set_up(void **state)
{
	struct user_question q = { .pids = { (uint32_t)getpid() }, .n_pids = 1 };
	struct user_lookup found;
	struct other_folder f;
	struct stat st;

	(void)state;
	other_make(&f);
	other_write(&f, "etc/passwd", "a:x:1:\n");
	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	q.mnt_ns = (uint32_t)st.st_ino;
	assert_int_equal(look(&q, f.path, &found), USER_LOOKUP_LATER);
	assert_true(is_early(&q));
	q.pids[q.n_pids++] = 0x7ffffff0; /* one of them is enough */
	assert_true(is_early(&q));
	q.mnt_ns++;
	assert_false(is_early(&q)); /* nobody of them is there */
	other_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nobody_there),
					    cmocka_unit_test(test_being_set_up) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
