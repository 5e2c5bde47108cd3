/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are read, and things that are not files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "conf/node.h"

static void print_diag(const struct diag *d, char *to, size_t size)
{
	FILE *f = fmemopen(to, size, "w");

	memset(to, 0, size);
	assert_non_null(f);
	diag_print(d, f);
	fclose(f);
}

static void assert_file_refused(const char *path, const char *expected)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	struct conf_node *root = NULL;
	char printed[512], wanted[512];

	assert_int_equal(conf_parse_file(path, &d, &root), -EINVAL);
	assert_null(root);
	print_diag(&d, printed, sizeof(printed));
	snprintf(wanted, sizeof(wanted), "%s: %s\n", path, expected);
	assert_string_equal(printed, wanted);
}

static void test_files(void **state)
{
	char folder[] = "/tmp/test_node.XXXXXX", path[64];
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	_cleanup_(diag_done) struct diag d = { 0 };
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_file_refused(folder, "expected a file, not a folder");
	assert_file_refused("/dev/null", "expected a file, not a device");
	snprintf(path, sizeof(path), "%s/f", folder);
	assert_file_refused(path, "cannot be opened: No such file or directory");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_file_refused(path, "expected a file, not a pipe");
	unlink(path);

	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "a: b\n", 5), 5);
	assert_int_equal(conf_parse_file(path, &d, &root), 0);
	assert_string_equal(conf_node_lookup(root, "a")->text, "b");
	assert_string_equal(root->at.file, path);
	assert_int_equal(ftruncate(fd, 100 * 1024 * 1024), 0);
	close(fd);
	assert_file_refused(path, "too large: a configuration may have at most 1048576 bytes");
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
