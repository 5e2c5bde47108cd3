/* SPDX-License-Identifier: Apache-2.0 */
/* Options that are wrong are refused; a source that is off, or whose server is away, answers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "container_ids.h"
#include "enrich/kubernetes.h"
#include "listener_sink.h"

#define NOWHERE "/nowhere/at/all"

static int make(const struct kubernetes_options *options, struct listener_sink *sink,
		struct kubernetes **ret)
{
	const struct container_sink to = listener_sink_of(sink);

	return kubernetes_new(options, &to, ret);
}

static void test_wrong(void **state)
{
	static const struct kubernetes_options cases[] = {
		{ .mode = KUBERNETES_API, .node_name = "n", .account = NOWHERE },
		{ .mode = KUBERNETES_API,
		  .node_name = "n",
		  .account = NOWHERE,
		  .server = "ftp://a" },
	};
	struct listener_sink sink;
	struct kubernetes *k = NULL;

	(void)state;
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	unsetenv("KUBERNETES_SERVICE_HOST");
	listener_sink_init(&sink);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(make(&cases[i], &sink, &k), -EINVAL);
	assert_null(k);
	assert_null(kubernetes_source.free(NULL));
	listener_sink_done(&sink);
}

/* Whoever asks is answered, whatever there is to ask. */
static void test_answers(void **state)
{
	static const struct {
		struct kubernetes_options options;
		enum source_status status;
	} cases[] = {
		{ { .mode = KUBERNETES_OFF, .node_name = "n" }, SOURCE_OFF },
		{ { .mode = KUBERNETES_AUTO, .node_name = "n", .account = NOWHERE }, SOURCE_OFF },
		{ { .mode = KUBERNETES_KUBELET,
		    .node_name = "n",
		    .server = "http://127.0.0.1:1",
		    .account = NOWHERE },
		  SOURCE_CONNECTING },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct container_facts f;
		struct listener_sink sink;
		struct source_state s;
		struct kubernetes *k = NULL;

		listener_sink_init(&sink);
		assert_int_equal(make(&cases[i].options, &sink, &k), 0);
		container_facts_init(&f, container_id('a'));
		assert_int_equal(container_facts_set(&f, CONTAINER_POD_UID, STR("u-1")), 0);
		kubernetes_source.ask(k, &f);
		container_facts_done(&f);
		listener_sink_wait(&sink, "answered aaaa\n", 1);
		kubernetes_source.state(k, &s);
		if (cases[i].status != s.status)
			print_message("case %zu\n", i);
		assert_true(s.status == cases[i].status || s.error == -ELIBACC);
		assert_int_equal(s.questions, 1);
		assert_null(kubernetes_source.free(k));
		listener_sink_done(&sink);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
