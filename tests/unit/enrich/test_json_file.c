/* SPDX-License-Identifier: Apache-2.0 */
/* What a runtime has written, or what somebody has put in its place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "enrich/json_file.h"

#include "file_tree.h"

static struct file_tree tree;

/* What comes of a file of this text; where it is read, the text that it has at "a" is left. */
static int read_text(const char *text, size_t n, char *ret, size_t size)
{
	_cleanup_(json_unrefp) json_t *json = NULL;
	struct str at;
	int r;

	file_tree_put_bytes(&tree, "x.json", text, n);
	r = json_file_read(file_tree_path(&tree, "x.json"), &json);
	assert_int_equal(r == 0, json != NULL);
	at = JSON_TEXT(json, "a");
	snprintf(ret, size, "%.*s", (int)at.n, at.p);
	return r;
}

static void test_contents(void **state)
{
	static const struct {
		struct str text;
		int r;
		const char *a;
	} rows[] = {
		{ STR("{\"a\":\"b\"}"), 0, "b" },
		{ STR(" [1, 2]\n"), 0, "" },
		{ STR("{\"a\":\"b\"}{\"a\":\"c\"}"), -EBADMSG, "" },
		{ STR("{\"a\":\"b\""), -EBADMSG, "" },
		{ STR("{\"a\":\"b"), -EBADMSG, "" },
		{ STR("{\"a\":\"\\"), -EBADMSG, "" },
		{ STR("{\"a\":\"\\u00"), -EBADMSG, "" },
		{ STR("\\"), -EBADMSG, "" },
		{ STR(""), -EBADMSG, "" },
		{ STR("\0\0\0\0"), -EBADMSG, "" },
		{ STR("{\"a\":\"\xff\xfe\"}"), -EBADMSG, "" },
		{ STR("\xef\xbb\xbf{\"a\":\"b\"}"), -EBADMSG, "" },
		{ STR("\x7f"
		      "ELF\2\1\1"),
		  -EBADMSG, "" },
		/* A label that an image brings along does not hide the rest. */
		{ STR("{\"b\\u0000\":\"\",\"a\":\"b\"}"), 0, "b" },
		{ STR("{\"a\":\"b\\u0000c\"}"), 0,
		  "b\xef\xbf\xbd"
		  "c" },
		{ STR("{\"a\":\"\\u0000\\u0000\"}"), 0, "\xef\xbf\xbd\xef\xbf\xbd" },
		{ STR("{\"a\":\"b\\\\u0000\"}"), 0, "b\\u0000" },
		{ STR("{\"a\":\"\\\\\\u0000\"}"), 0, "\\\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char a[64];

		assert_int_equal(read_text(rows[i].text.p, rows[i].text.n, a, sizeof(a)),
				 rows[i].r);
		assert_string_equal(a, rows[i].a);
	}
}

/* The name of the one that is found, or why none is. */
static void test_find(void **state)
{
	static const struct {
		const char *text;
		int r;
		const char *name;
	} rows[] = {
		{ "[{\"id\":\"x\",\"a\":\"1\"},{\"id\":\"y\",\"a\":\"2\"}]", 0, "2" },
		{ "[{\"id\":\"yy\",\"a\":\"1\"},{\"id\":\"y\",\"a\":\"2\"}]", 0, "2" },
		{ "[{\"a\":\"2\", \"id\" : \"y\"}]", 0, "2" },
		{ "[ { \"id\":\"y\",\"a\":\"2\"}]", 0, "2" },
		/* as a text in another one */
		{ "[{\"id\":\"x\",\"a\":\",{\\\"id\\\":\\\"y\\\",\\\"a\\\":\\\"1\\\"}\"},"
		  "{\"id\":\"y\",\"a\":\"2\"}]",
		  0, "2" },
		{ "[{\"id\":\"x\",\"a\":\",{\\\"id\\\":\\\"y\\\"}\"}]", -ENOENT, "" },
		{ "[{\"id\":\"x\",\"b\":{\"id\":\"y\",\"a\":\"1\"}}]", -ENOENT, "" },
		{ "[]", -ENOENT, "" },
		{ "{\"id\":\"y\",\"a\":\"2\"}", -ENOENT, "" },
		{ "[{\"id\":\"y\",\"a\":\"2\"", -EBADMSG, "" },
		{ "[{\"id\":\"y", -EBADMSG, "" },
		{ "[{\"id\":\"", -EBADMSG, "" },
		{ "", -EBADMSG, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_unrefp) json_t *json = NULL;

		file_tree_put_bytes(&tree, "x.json", rows[i].text, strlen(rows[i].text));
		assert_int_equal(json_file_find(file_tree_path(&tree, "x.json"), STR("y"), &json),
				 rows[i].r);
		assert_true(str_eq(JSON_TEXT(json, "a"), str_from(rows[i].name)));
	}
}

/* So deep that whoever goes down has to stop. */
static void test_deep(void **state)
{
	enum { DEPTH = 100000 };
	_cleanup_(freep) char *text = malloc(DEPTH);
	char a[64];

	(void)state;
	assert_non_null(text);
	memset(text, '[', DEPTH);
	assert_int_equal(read_text(text, DEPTH, a, sizeof(a)), -EBADMSG);
}

static int make_folder(const char *path)
{
	return mkdir(path, 0700);
}

static int make_fifo(const char *path)
{
	return mkfifo(path, 0600);
}

static int make_loop(const char *path)
{
	return symlink(path, path);
}

static int make_dangling(const char *path)
{
	return symlink("/nowhere/at/all", path);
}

static int make_link(const char *path)
{
	return symlink("real.json", path);
}

static int make_device(const char *path)
{
	return symlink("/dev/zero", path);
}

/* A terabyte that takes no room. */
static int make_huge(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : ftruncate(fd, 1LL << 40);
}

static int make_too_large(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : ftruncate(fd, JSON_FILE_MAX + 1);
}

static int make_nothing(const char *path)
{
	(void)path;
	return 0;
}

/* Nothing of it waits for a writer, or reads without an end. */
static void test_what_is_no_file(void **state)
{
	static const struct {
		int (*make)(const char *path);
		int r;
	} rows[] = {
		{ make_link, 0 },	  { make_nothing, -ENOENT }, { make_dangling, -ENOENT },
		{ make_loop, -ELOOP },	  { make_folder, -EINVAL },  { make_fifo, -EINVAL },
		{ make_device, -EINVAL }, { make_huge, -EFBIG },     { make_too_large, -EFBIG },
	};

	(void)state;
	file_tree_put(&tree, "real.json", "{}");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_unrefp) json_t *json = NULL;
		char name[32];

		snprintf(name, sizeof(name), "%zu", i);
		assert_int_equal(rows[i].make(file_tree_path(&tree, name)), 0);
		assert_int_equal(json_file_read(file_tree_path(&tree, name), &json), rows[i].r);
		assert_int_equal(rows[i].r == 0, json != NULL);
	}
}

static void test_below_a_file(void **state)
{
	json_t *json = NULL;

	(void)state;
	file_tree_put(&tree, "real.json", "{}");
	assert_int_equal(json_file_read(file_tree_path(&tree, "real.json/x.json"), &json),
			 -ENOTDIR);
	assert_null(json);
}

/* A step that leads nowhere is no text. */
static void test_texts(void **state)
{
	static const char text[] = "{\"a\":{\"b\":{\"c\":\"d\"},\"n\":1,\"z\":null,\"l\":[\"x\"]},"
				   "\"s\":\"t\",\"e\":\"\"}";
	_cleanup_(json_unrefp) json_t *json = json_loads(text, 0, NULL);

	(void)state;
	assert_non_null(json);
	assert_true(str_eq(JSON_TEXT(json, "a", "b", "c"), STR("d")));
	assert_true(str_eq(JSON_TEXT(json, "s"), STR("t")));
	assert_int_equal(JSON_TEXT(json, "e").n, 0);
	assert_int_equal(JSON_TEXT(json, "a", "b").n, 0);
	assert_int_equal(JSON_TEXT(json, "a", "n").n, 0);
	assert_int_equal(JSON_TEXT(json, "a", "z").n, 0);
	assert_int_equal(JSON_TEXT(json, "a", "l", "x").n, 0);
	assert_int_equal(JSON_TEXT(json, "s", "t").n, 0);
	assert_int_equal(JSON_TEXT(json, "x", "y", "z").n, 0);
	assert_int_equal(JSON_TEXT(NULL, "a").n, 0);
	assert_int_equal(json_text_at(json, (const char *const[]){ NULL }).n, 0);
}

static int make(void **state)
{
	(void)state;
	file_tree_make(&tree);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	file_tree_remove(&tree);
	return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_contents),	    test(test_deep),	     test(test_find),
		test(test_what_is_no_file), test(test_below_a_file), cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
