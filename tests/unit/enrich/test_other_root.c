/* SPDX-License-Identifier: Apache-2.0 */
/* Roots that do their best to lead elsewhere. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "enrich/other_root.h"
#include "other_folder.h"

static int setup(void **state)
{
	struct other_folder *f = calloc(1, sizeof(*f));

	other_make(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	other_remove(*state);
	free(*state);
	return 0;
}

/* 0 and the name of uid 0; a negative errno. */
static int name_of_root(const struct other_folder *f, char *ret)
{
	_cleanup_(closep) int root = open(f->path, O_PATH | O_DIRECTORY), fd = -1;
	_cleanup_(passwd_freep) struct passwd *p = NULL;
	struct passwd_identity id;
	struct str name;
	int r;

	fd = other_root_open_passwd(root, &id);
	if (fd < 0)
		return fd;
	r = other_root_read_passwd(fd, &id, &p);
	if (r < 0)
		return r;
	name = passwd_lookup(p, 0);
	snprintf(ret, 64, "%.*s", (int)name.n, name.p);
	return 0;
}

static void test_plain(void **state)
{
	char name[64];

	other_write(*state, "etc/passwd", "boss:x:0:0::/:\n");
	assert_int_equal(name_of_root(*state, name), 0);
	assert_string_equal(name, "boss");
}

static void test_nothing(void **state)
{
	char name[64];

	assert_int_equal(name_of_root(*state, name), -ENOENT);
}

/* Links stay below the root: what they would lead to on the host is not what is found. */
static void test_links(void **state)
{
	static const char *const targets[] = { "/real", "../real", "../../../../../../real",
					       "/../real" };
	char name[64];

	other_write(*state, "real", "inner:x:0:0::/:\n");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		unlink(other_path(*state, "etc/passwd"));
		assert_int_equal(symlink(targets[i], other_path(*state, "etc/passwd")), 0);
		assert_int_equal(name_of_root(*state, name), 0);
		assert_string_equal(name, "inner");
	}
}

static void test_links_that_lead_nowhere(void **state)
{
	static const char *const targets[] = { "/proc/1/environ", "/proc/self/root/etc/passwd",
					       "../../../../../../etc/passwd.of.the.host",
					       "/etc/passwd" };
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		unlink(other_path(*state, "etc/passwd"));
		assert_int_equal(symlink(targets[i], other_path(*state, "etc/passwd")), 0);
		assert_true(name_of_root(*state, name) < 0);
	}
	unlink(other_path(*state, "etc/passwd"));
	rmdir(other_path(*state, "etc"));
	assert_int_equal(symlink("/etc", other_path(*state, "etc")), 0);
	assert_int_equal(name_of_root(*state, name), -ELOOP);
}

/* The magic links of /proc lead out of any root: they are not followed. */
static void test_magic_links(void **state)
{
	_cleanup_(closep) int fd = -1;
	struct passwd_identity id;

	(void)state;
	fd = open("/proc", O_PATH | O_DIRECTORY);
	assert_true(other_root_open_passwd(fd, &id) < 0);
	closep(&fd);
	fd = open("/proc/self", O_PATH | O_DIRECTORY);
	assert_int_equal(other_root_open_passwd(fd, &id), -ENOENT); /* not root/etc/passwd */
}

static void test_no_regular_file(void **state)
{
	char name[64];

	assert_int_equal(mkdir(other_path(*state, "etc/passwd"), 0755), 0);
	assert_int_equal(name_of_root(*state, name), -EINVAL);
	rmdir(other_path(*state, "etc/passwd"));
	assert_int_equal(mkfifo(other_path(*state, "etc/passwd"), 0644), 0);
	assert_int_equal(name_of_root(*state, name), -EINVAL); /* and nobody waited for a writer */
	unlink(other_path(*state, "etc/passwd"));
	if (mknod(other_path(*state, "etc/passwd"), S_IFCHR | 0644, makedev(1, 5)) == 0)
		assert_int_equal(name_of_root(*state, name), -EINVAL);
}

static void test_huge(void **state)
{
	char name[64];

	other_write(*state, "etc/passwd", "boss:x:0:0::/:\n");
	assert_int_equal(truncate(other_path(*state, "etc/passwd"), OTHER_ROOT_PASSWD_MAX), 0);
	assert_int_equal(name_of_root(*state, name), 0);
	assert_int_equal(truncate(other_path(*state, "etc/passwd"), OTHER_ROOT_PASSWD_MAX + 1), 0);
	assert_int_equal(name_of_root(*state, name), -EFBIG);
}

static uint32_t own_mnt_ns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	return (uint32_t)st.st_ino;
}

static void test_processes(void **state)
{
	const struct other_root_host elsewhere = { .dev = 0, .ino = 0 };
	struct other_root_host host;
	struct stat st;
	uint32_t parent;

	(void)state;
	assert_int_equal(stat("/", &st), 0);
	host = (struct other_root_host){ .dev = st.st_dev, .ino = st.st_ino };
	assert_int_equal(other_root_of_process(&host, (uint32_t)getpid(), own_mnt_ns(), &parent),
			 -EAGAIN);
	assert_int_equal(parent, getppid());
	assert_int_equal(other_root_of_process(&host, (uint32_t)getpid(), 1, &parent), -ESRCH);
	assert_int_equal(other_root_of_process(&host, 0x7ffffff0, own_mnt_ns(), &parent), -ESRCH);
	{
		_cleanup_(closep) int fd = other_root_of_process(&elsewhere, (uint32_t)getpid(),
								 own_mnt_ns(), &parent);

		assert_true(fd >= 0 || fd == -EAGAIN); /* the tests may run in a chroot */
	}
	assert_int_equal(other_root_of_folder(&host, "/"), -EAGAIN);
	assert_int_equal(other_root_of_folder(&host, "/nowhere/at/all"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_that_lead_nowhere, setup, teardown),
		cmocka_unit_test(test_magic_links),
		cmocka_unit_test_setup_teardown(test_no_regular_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge, setup, teardown),
		cmocka_unit_test(test_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
