/* SPDX-License-Identifier: Apache-2.0 */
/* What the lists of images say of one, and when they are read again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "enrich/image_list.h"
#include <cmocka.h>

#include "container_ids.h"
#include "file_tree.h"

#define HEX(digit)                                                                                \
	digit digit digit digit digit digit digit digit digit digit digit digit digit digit digit \
		digit
#define IMAGE HEX("0123")
#define OTHER HEX("4567")
#define ONE "sha256:" HEX("1111")
#define TWO "sha256:" HEX("2222")

#define DOCKER(references) "{\"Repositories\":{" references "}}"
#define REFERENCE(repository, what, image) \
	"\"" repository "\":{\"" repository what "\":\"sha256:" image "\"}"
#define STORAGE(image, more) "[{\"id\":\"" image "\"" more "}]"

static struct {
	struct file_tree tree;
	struct image_list list;
} t;

/* *ret is the caller's; NULL: none is known. */
static int digest_in(enum image_list_form form, const char *name, char **ret)
{
	_cleanup_(container_facts_done) struct container_facts f;
	int r;

	container_facts_init(&f, container_id('a'));
	assert_int_equal(container_facts_set_image_id(&f, STR(IMAGE)), 0);
	assert_int_equal(container_facts_set_image_name(&f, str_from(name)), 0);
	r = image_list_add(&t.list, form, file_tree_path(&t.tree, "list"), &f);
	*ret = TAKE_PTR(f.texts[CONTAINER_IMAGE_DIGEST]);
	return r;
}

static void assert_digest(enum image_list_form form, const char *name, int want_r, const char *want)
{
	_cleanup_(freep) char *digest = NULL;

	assert_int_equal(digest_in(form, name, &digest), want_r);
	if (want)
		assert_string_equal(digest, want);
	else
		assert_null(digest);
}

static void test_lists(void **state)
{
	static const struct {
		enum image_list_form form;
		const char *text;
		int r;
		const char *digest;
	} rows[] = {
		{ IMAGE_LIST_DOCKER, DOCKER(REFERENCE("web", "@" ONE, IMAGE)), 0, ONE },
		/* its own repository's, or any */
		{ IMAGE_LIST_DOCKER,
		  DOCKER(REFERENCE("a", "@" TWO, IMAGE) "," REFERENCE("web", "@" ONE, IMAGE)), 0,
		  ONE },
		{ IMAGE_LIST_DOCKER, DOCKER(REFERENCE("a", "@" TWO, IMAGE)), 0, TWO },
		/* of another image; a tag alone; nothing; no list */
		{ IMAGE_LIST_DOCKER, DOCKER(REFERENCE("web", "@" ONE, OTHER)), 0, NULL },
		{ IMAGE_LIST_DOCKER, DOCKER(REFERENCE("web", ":1", IMAGE)), 0, NULL },
		{ IMAGE_LIST_DOCKER, DOCKER("\"web\":7,\"b\":{\"b@x\":[]}"), 0, NULL },
		{ IMAGE_LIST_DOCKER, "[]", 0, NULL },
		{ IMAGE_LIST_DOCKER, "{\"Repositories\":", -EBADMSG, NULL },
		{ IMAGE_LIST_STORAGE,
		  STORAGE(IMAGE, ",\"digest\":\"" ONE "\",\"names\":[\"web:1\"]"), 0, ONE },
		{ IMAGE_LIST_STORAGE,
		  STORAGE(IMAGE,
			  ",\"names\":[\"a\"],\"big-data-digests\":{\"manifest\":\"" TWO "\"}"),
		  0, TWO },
		/* without a name; without a digest; another one; no list */
		{ IMAGE_LIST_STORAGE, STORAGE(IMAGE, ",\"digest\":\"" ONE "\",\"names\":null"), 0,
		  NULL },
		{ IMAGE_LIST_STORAGE, STORAGE(IMAGE, ",\"names\":[\"web:1\"]"), 0, NULL },
		{ IMAGE_LIST_STORAGE, STORAGE(OTHER, ",\"digest\":\"" ONE "\",\"names\":[\"a\"]"),
		  0, NULL },
		{ IMAGE_LIST_STORAGE, "[", -EBADMSG, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		file_tree_put(&t.tree, "list", rows[i].text);
		image_list_init(&t.list);
		assert_digest(rows[i].form, "web:1", rows[i].r, rows[i].digest);
		image_list_done(&t.list);
	}
}

static void replace(const char *text)
{
	char from[256];

	file_tree_put(&t.tree, "new", text);
	memcpy(from, file_tree_path(&t.tree, "new"), sizeof(from));
	assert_int_equal(rename(from, file_tree_path(&t.tree, "list")), 0);
}

/* As long as it is the same file it is not read; another one is. */
static void test_again(void **state)
{
	struct timespec times[2] = { 0 };

	(void)state;
	image_list_init(&t.list);
	replace(DOCKER(REFERENCE("web", "@" ONE, IMAGE)));
	assert_digest(IMAGE_LIST_DOCKER, "web:1", 0, ONE);
	times[1] = t.list.file.st_mtim;
	file_tree_put(&t.tree, "list", DOCKER(REFERENCE("web", "@" TWO, IMAGE)));
	assert_int_equal(utimensat(AT_FDCWD, file_tree_path(&t.tree, "list"), times, 0), 0);
	assert_digest(IMAGE_LIST_DOCKER, "web:1", 0, ONE);
	replace(DOCKER(""));
	assert_digest(IMAGE_LIST_DOCKER, "web:1", 0, NULL);
	replace(DOCKER(REFERENCE("web", "@" TWO, IMAGE)));
	assert_digest(IMAGE_LIST_DOCKER, "web:1", 0, TWO);
	assert_int_equal(unlink(file_tree_path(&t.tree, "list")), 0);
	assert_digest(IMAGE_LIST_DOCKER, "web:1", -ENOENT, NULL);
	image_list_done(&t.list);
}

static int make(void **state)
{
	(void)state;
	file_tree_make(&t.tree);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	file_tree_remove(&t.tree);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists, make, drop),
		cmocka_unit_test_setup_teardown(test_again, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
