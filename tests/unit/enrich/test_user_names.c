/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "enrich/user_names.h"

static char path[] = "/tmp/test_user_names.XXXXXX";

static void write_file(const char *text)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void assert_name(const struct user_names *u, uint32_t uid, const char *name)
{
	struct str s = user_names_lookup(u, uid);

	assert_int_equal(s.n, strlen(name));
	assert_memory_equal(s.p, name, s.n);
}

static int setup(void **state)
{
	struct user_names *u = NULL;
	int fd;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	close(fd);
	assert_int_equal(user_names_new(path, &u), 0);
	*state = u;
	return 0;
}

static int teardown(void **state)
{
	assert_null(user_names_free(*state));
	unlink(path);
	return 0;
}

static void finds_names(void **state)
{
	struct user_names *u = *state;

	assert_name(u, 0, "");
	write_file("root:x:0:0:root:/root:/bin/bash\n"
		   "daemon:*:1:1::/:/bin/false\n"
		   "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
		   "last:x:4294967294:0::/:");
	assert_true(user_names_refresh(u));
	assert_name(u, 0, "root");
	assert_name(u, 1, "daemon");
	assert_name(u, 65534, "nobody");
	assert_name(u, 4294967294, "last");
	assert_name(u, 2, "");
	assert_name(u, 4294967295, "");
}

static void takes_the_first_of_two(void **state)
{
	struct user_names *u = *state;

	write_file("toor:x:0:0::/:\nroot:x:0:0::/:\nx:x:5:0::/:\nother:x:0:0::/:\n");
	user_names_refresh(u);
	assert_name(u, 0, "toor");
	assert_name(u, 5, "x");
}

static void passes_over_what_is_no_entry(void **state)
{
	struct user_names *u = *state;

	write_file("# comment:x:7:\n"
		   "\n"
		   "+::::::\n"
		   ":x:8:0::/:\n"
		   "noid:x\n"
		   "word:x:abc:0::/:\n"
		   "negative:x:-1:0::/:\n"
		   "large:x:4294967296:0::/:\n"
		   "huge:x:99999999999999999999999:0::/:\n"
		   "good:x:9:0::/:\n");
	user_names_refresh(u);
	assert_name(u, 7, "");
	assert_name(u, 8, "");
	assert_name(u, 9, "good");
	assert_name(u, 0, "");
	assert_name(u, 4294967295, "");
}

static void sees_changes_and_only_those(void **state)
{
	struct user_names *u = *state;

	write_file("a:x:5:0::/:\n");
	assert_true(user_names_refresh(u));
	assert_false(user_names_refresh(u));
	write_file("bb:x:5:0::/:\n");
	assert_true(user_names_refresh(u));
	assert_name(u, 5, "bb");
	unlink(path);
	assert_false(user_names_refresh(u));
	assert_name(u, 5, "bb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_names, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_the_first_of_two, setup, teardown),
		cmocka_unit_test_setup_teardown(passes_over_what_is_no_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(sees_changes_and_only_those, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
