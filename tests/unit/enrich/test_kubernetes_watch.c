/* SPDX-License-Identifier: Apache-2.0 */
/* What a status means, and a list that fails: it is begun, and never ended. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/kubernetes_watch.h"

static void test_status(void **state)
{
	static const struct {
		long status;
		int r;
	} cases[] = {
		{ 200, 0 },	     { 401, -EKEYEXPIRED }, { 403, -EPERM },
		{ 410, -ESTALE },    { 429, -EBUSY },	    { 404, -EREMOTEIO },
		{ 500, -EREMOTEIO }, { 0, -EREMOTEIO },	    { 301, -EREMOTEIO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(kubernetes_status_error(cases[i].status), cases[i].r);
}

static void begin(void *ctx)
{
	*(int *)ctx += 1;
}

static int pod(void *ctx, const json_t *one)
{
	(void)ctx;
	(void)one;
	fail();
	return 0;
}

static void end(void *ctx)
{
	(void)ctx;
	fail();
}

static void test_nobody_there(void **state)
{
	int n_begun = 0;
	const struct kubernetes_watch_handler handler = { .begin_list = begin,
							  .pod = pod,
							  .gone = pod,
							  .end_list = end,
							  .followed = end,
							  .ctx = &n_begun };
	struct kubernetes_access access;
	struct http *http = NULL;
	struct kubernetes_watch w = {
		.access = &access, .handler = &handler, .node = "node-1", .version = "7"
	};

	(void)state;
	if (http_new(&http) < 0) {
		print_message("libcurl is not installed\n");
		skip();
	}
	w.http = http;
	kubernetes_access_init(&access);
	assert_int_equal(kubernetes_access_set_server(&access, STR("http://127.0.0.1:1")), 0);
	assert_true(kubernetes_watch_list(&w, "/pods") < 0);
	assert_true(kubernetes_watch_list_node(&w) < 0);
	assert_int_equal(n_begun, 2);
	assert_true(kubernetes_watch_follow(&w) < 0);
	assert_string_equal(w.version, "7"); /* from there it goes on */
	assert_int_equal(w.n_events, 0);
	kubernetes_access_done(&access);
	http_free(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
