/* SPDX-License-Identifier: Apache-2.0 */
/* Pods: their identity, which they may lie about, their labels, what makes two the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kubernetes_case.h"

#define HASH "0123456789abcdef0123456789abcdef"
#define MIRROR(mirror, hash)                                     \
	",'annotations':{'kubernetes.io/config.mirror':'" mirror \
	"','kubernetes.io/config.hash':'" hash "'}"

static void test_identity(void **state)
{
	static const struct {
		const char *more, *uid;
	} cases[] = {
		{ "", "u" },
		{ MIRROR(HASH, HASH), HASH },
		{ MIRROR(HASH, "ffff"), "u" },
		{ MIRROR("u2", "u2"), "u" },
		{ MIRROR("5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a",
			 "5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a"),
		  "u" },
		{ ",'annotations':{'kubernetes.io/config.hash':'" HASH "'}", "u" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(kubernetes_pod_freep) struct kubernetes_pod *pod = NULL;
		char text[512];

		snprintf(text, sizeof(text),
			 "{'metadata':{'name':'n','namespace':'ns','uid':'u'%s}}", cases[i].more);
		pod = parse_pod(text);
		assert_string_equal(pod->facts.texts[CONTAINER_POD_UID], cases[i].uid);
		assert_string_equal(pod->facts.texts[CONTAINER_POD_NAME], "n");
		assert_string_equal(pod->facts.texts[CONTAINER_NAMESPACE], "ns");
	}
}

static void test_what_is_no_pod(void **state)
{
	static const char *const cases[] = {
		"{}",
		"[]",
		"{'metadata':[]}",
		"{'metadata':{'name':'n','namespace':'ns'}}",
		"{'metadata':{'name':'n','uid':'u'}}",
		"{'metadata':{'namespace':'ns','uid':'u'}}",
		"{'metadata':{'name':7,'namespace':'ns','uid':'u'}}",
	};
	const struct kubernetes_selection none = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kubernetes_pod *pod = NULL;
		json_t *json = parse_json(cases[i]);

		assert_int_equal(kubernetes_pod_parse(json, &none, &pod), -EBADMSG);
		assert_null(pod);
		json_decref(json);
	}
}

static void test_annotations_are_chosen(void **state)
{
	static const struct {
		const char *names[2];
		size_t n;
		const char *expected;
	} cases[] = {
		{ { NULL }, 0, NULL },
		{ { "a" }, 1, "a=1" },
		{ { "a", "nowhere" }, 2, "a=1" },
		{ { "x/*" }, 1, "x/b=2 x/c=3" },
		{ { "*" }, 1, "a=1 ab=4 x/b=2 x/c=3" },
		{ { "" }, 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(kubernetes_pod_freep) struct kubernetes_pod *pod = NULL;
		const struct kubernetes_selection selection = {
			.names = (char *const *)cases[i].names, .n = cases[i].n
		};
		json_t *json = parse_json(POD(
			"n", "u", ",'annotations':{'x/c':'3','ab':'4','a':'1','x/b':'2','n':7}"));

		assert_int_equal(kubernetes_pod_parse(json, &selection, &pod), 0);
		json_decref(json);
		assert_int_equal(pod->facts.texts[CONTAINER_POD_ANNOTATIONS] == NULL,
				 cases[i].expected == NULL);
		if (cases[i].expected)
			assert_string_equal(pod->facts.texts[CONTAINER_POD_ANNOTATIONS],
					    cases[i].expected);
	}
}

/* A label is there as a whole or not at all. */
static void test_labels_have_a_limit(void **state)
{
	const struct kubernetes_selection none = { 0 };
	_cleanup_(kubernetes_pod_freep) struct kubernetes_pod *pod = NULL;
	json_t *json = parse_json(POD("n", "u", "")), *labels = json_object();
	const char *text;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%04d", i);
		json_object_set_new(labels, key, json_string("value"));
	}
	json_object_set_new(json_object_get(json, "metadata"), "labels", labels);
	assert_int_equal(kubernetes_pod_parse(json, &none, &pod), 0);
	json_decref(json);
	text = pod->facts.texts[CONTAINER_POD_LABELS];
	assert_true(strlen(text) <= CONTAINER_LABEL_BYTES && strlen(text) > 10000);
	assert_string_equal(text + strlen(text) - strlen("=value"), "=value");
}

static void test_equality(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ POD("n", "u", ""), POD("n", "u", ""), true },
		{ POD("n", "u", ",'resourceVersion':'1'"), POD("n", "u", ",'resourceVersion':'2'"),
		  true },
		{ POD("n", "u", ",'annotations':{'a':'b'}"), POD("n", "u", ""), true },
		{ POD("n", "u", ",'labels':{'a':'b'}"), POD("n", "u", ""), false },
		{ POD("n", "u", OWNED("v", "A", "a", "1")), POD("n", "u", ""), false },
		{ POD("n", "u", ""),
		  "{'metadata':{'name':'n','namespace':'ns','uid':'u'},'status':{'containerStatuses':"
		  "[{'name':'c','containerID':'" HEX64("a") "'}]}}",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(kubernetes_pod_freep) struct kubernetes_pod *a = parse_pod(cases[i].a),
								      *b = parse_pod(cases[i].b);

		assert_int_equal(kubernetes_pod_is_equal(a, b), cases[i].equal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_what_is_no_pod),
		cmocka_unit_test(test_annotations_are_chosen),
		cmocka_unit_test(test_labels_have_a_limit),
		cmocka_unit_test(test_equality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
