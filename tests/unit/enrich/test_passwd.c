/* SPDX-License-Identifier: Apache-2.0 */
/* What is an entry of a passwd file, and what is not; files that are not what they seem. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "enrich/passwd.h"

static int file_of(const void *text, size_t n)
{
	int fd = memfd_create("passwd", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct passwd *read_text(const void *text, size_t n)
{
	_cleanup_(closep) int fd = file_of(text, n);
	struct passwd *p = NULL;

	assert_int_equal(passwd_read(fd, (off_t)n, 1024, &p), 0);
	return p;
}

static void assert_name(const struct passwd *p, uint32_t uid, const char *name)
{
	struct str s = passwd_lookup(p, uid);

	assert_int_equal(s.n, strlen(name));
	assert_memory_equal(s.p, name, s.n);
}

static void test_entries(void **state)
{
	static const char text[] = "toor:x:0:0::/:\n"
				   "root:x:0:0::/:\n"
				   "# comment:x:7:\n"
				   "\n"
				   "+::::::\n"
				   ":x:8:0::/:\n"
				   "noid:x\n"
				   "word:x:abc:0::/:\n"
				   "negative:x:-1:0::/:\n"
				   "large:x:4294967296:0::/:\n"
				   "hu\0ge:x:6:0::/:\n"
				   "good:x:9:0::/:\n"
				   "last:x:4294967294:0::/:";
	_cleanup_(passwd_freep) struct passwd *p = read_text(text, sizeof(text) - 1);

	(void)state;
	assert_name(p, 0, "toor");
	assert_name(p, 9, "good");
	assert_name(p, 4294967294, "last");
	for (uint32_t uid = 1; uid < 9; uid++)
		assert_name(p, uid, "");
	assert_name(p, 4294967295, "");
	assert_true(passwd_bytes(p) > sizeof(text));
	assert_name(NULL, 0, "");
}

static void test_empty(void **state)
{
	_cleanup_(passwd_freep) struct passwd *p = read_text("", 0);

	(void)state;
	assert_name(p, 0, "");
}

/* It may have become shorter, or longer, since it was looked at. */
static void test_size_is_not_the_file_s(void **state)
{
	_cleanup_(closep) int fd = file_of("a:x:1:\nb:x:2:\n", 14);
	_cleanup_(passwd_freep) struct passwd *longer = NULL, *shorter = NULL;

	(void)state;
	assert_int_equal(passwd_read(fd, 7, 1024, &longer), 0);
	assert_name(longer, 1, "a");
	assert_name(longer, 2, "");
	assert_int_equal(passwd_read(fd, 1000, 1024, &shorter), 0);
	assert_name(shorter, 2, "b");
	assert_int_equal(passwd_read(fd, 1025, 1024, &shorter), -EFBIG);
	assert_int_equal(passwd_read(-1, 10, 1024, &shorter), -EBADF);
}

static void test_identity(void **state)
{
	struct stat st = { .st_dev = 1, .st_ino = 2, .st_size = 3, .st_mtime = 4, .st_ctime = 5 };
	struct passwd_identity a = passwd_identity_of(&st), b = a;

	(void)state;
	assert_true(passwd_identity_eq(&a, &b));
	b.ctime.tv_nsec++;
	assert_false(passwd_identity_eq(&a, &b));
	b = a;
	b.ino++;
	assert_false(passwd_identity_eq(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_size_is_not_the_file_s),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
