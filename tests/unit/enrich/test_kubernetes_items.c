/* SPDX-License-Identifier: Apache-2.0 */
/* Lists whole, empty, in any order, cut at every byte; items that their reader refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "enrich/kubernetes_items.h"
#include "enrich/kubernetes_json.h"

static int note(void *ctx, const json_t *item)
{
	struct buf *names = ctx;
	const char *name = kubernetes_json_text(item, "name");

	buf_printf(names, "%s,", name);
	return strcmp(name, "bad") == 0 ? -ERANGE : 0;
}

static int split(const char *body, size_t n, struct buf *names, struct kubernetes_page *page)
{
	*page = (struct kubernetes_page){ 0 };
	return kubernetes_items((struct str){ .p = body, .n = n }, note, names, page);
}

static void test_lists(void **state)
{
	static const struct {
		const char *body, *names;
		int r;
		const char *version, *next;
	} cases[] = {
		{ "{\"items\":[]}", "", 0, "", "" },
		{ "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"t==\"},"
		  "\"items\":[{\"name\":\"a\"},{\"name\":\"b\"}]}\n",
		  "a,b,", 0, "7", "t==" },
		{ " { \"items\" : [ {\"name\":\"a\"} , {\"name\":\"b\"} ] , \"metadata\" : "
		  "{\"resourceVersion\":\"7\"} } ",
		  "a,b,", 0, "7", "" },
		{ "{\"x\":{\"items\":[{\"name\":\"no\"}]},\"items\":[{\"name\":\"]}\\\"\"}]}",
		  "]}\",", 0, "", "" },
		{ "{\"items\":null,\"metadata\":{\"resourceVersion\":\"7\"}}", "", 0, "7", "" },
		{ "{\"items\":[1,[],null]}", ",,,", 0, "", "" },
		{ "{\"items\":[{\"name\":\"a\"},{\"name\":\"bad\"},{\"name\":\"c\"}]}", "a,bad,",
		  -ERANGE, "", "" },
		{ "{\"items\":[{\"name\":\"a\"},]}", "a,", -EBADMSG, "", "" },
		{ "{\"items\":[{\"name\":\"a\"}{\"name\":\"b\"}]}", "a,", -EBADMSG, "", "" },
		{ "{\"metadata\":{\"resourceVersion\":\"7\"}}", "", -EBADMSG, "", "" },
		{ "{\"items\" []}", "", -EBADMSG, "", "" },
		{ "{7:[]}", "", -EBADMSG, "", "" },
		{ "[]", "", -EBADMSG, "", "" },
		{ "{}", "", -EBADMSG, "", "" },
		{ "", "", -EBADMSG, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf names = { 0 };
		struct kubernetes_page page;

		assert_int_equal(split(cases[i].body, strlen(cases[i].body), &names, &page),
				 cases[i].r);
		assert_true(str_eq(buf_str(&names), str_from(cases[i].names)));
		assert_string_equal(page.version, cases[i].version);
		assert_string_equal(page.next, cases[i].next);
	}
}

static void test_cut_anywhere(void **state)
{
	static const char body[] = "{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"name\":"
				   "\"a\"},{\"name\":\"b\"}]}";

	(void)state;
	for (size_t n = 0; n < sizeof(body) - 1; n++) {
		_cleanup_(buf_done) struct buf names = { 0 };
		_cleanup_(freep) char *copy = malloc(n + 1); /* so that a sanitizer sees its end */
		struct kubernetes_page page;

		memcpy(copy, body, n);
		assert_int_equal(split(copy, n, &names, &page), -EBADMSG);
		assert_string_equal(page.version, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
