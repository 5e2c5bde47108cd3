/* SPDX-License-Identifier: Apache-2.0 */
/* Whose work pods do: derived, answered, refused; and that it is forgotten with the last pod. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/kubernetes_workload.h"

#include "kubernetes_case.h"

#define SET(name) OWNED("apps/v1", "ReplicaSet", name, "s")
#define HASH(h) ",'labels':{'pod-template-hash':'" h "'}"

/* Before anybody was asked: kind NULL where it is not settled. */
static void test_before_an_answer(void **state)
{
	static const struct {
		const char *pod;
		const char *path, *kind, *name;
	} cases[] = {
		{ POD("n", "u", ""), NULL, "pod", "n" },
		{ POD("n", "u", OWNED("v1", "Node", "node", "x")), NULL, "pod", "n" },
		{ POD("n", "u", OWNED("apps/v1", "StatefulSet", "db", "x")), NULL, "statefulset",
		  "db" },
		{ POD("n", "u", OWNED("example.com/v1", "ReplicaSet", "r", "x")), NULL,
		  "replicaset", "r" },
		{ POD("n", "u", SET("web-5d")),
		  "/apis/apps/v1/namespaces/ns/replicasets/web-5d?resourceVersion=0", NULL, NULL },
		{ POD("n", "u", SET("web-5d") HASH("5d")),
		  "/apis/apps/v1/namespaces/ns/replicasets/web-5d?resourceVersion=0", "deployment",
		  "web" },
		{ POD("n", "u", SET("web-5d") HASH("d")),
		  "/apis/apps/v1/namespaces/ns/replicasets/web-5d?resourceVersion=0", NULL, NULL },
		{ POD("n", "u", SET("-5d") HASH("5d")),
		  "/apis/apps/v1/namespaces/ns/replicasets/-5d?resourceVersion=0", NULL, NULL },
		{ POD("n", "u", OWNED("batch/v1", "Job", "../x?", "x")),
		  "/apis/batch/v1/namespaces/ns/jobs/..%2Fx%3F?resourceVersion=0", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(kubernetes_pod_freep) struct kubernetes_pod *pod =
			parse_pod(cases[i].pod);
		_cleanup_(container_facts_done) struct container_facts f = { 0 };
		struct kubernetes_workloads all = { 0 };
		struct kubernetes_workload *w;

		assert_int_equal(kubernetes_workload_get(&all, pod, &w), 0);
		assert_int_equal(w == NULL, cases[i].path == NULL);
		if (w)
			assert_string_equal(w->path, cases[i].path);
		assert_int_equal(kubernetes_workload_describe(w, pod, &f), 0);
		assert_int_equal(kubernetes_workload_is_settled(w, pod), cases[i].kind != NULL);
		assert_int_equal(f.texts[CONTAINER_WORKLOAD_KIND] == NULL, cases[i].kind == NULL);
		if (cases[i].kind) {
			assert_string_equal(f.texts[CONTAINER_WORKLOAD_KIND], cases[i].kind);
			assert_string_equal(f.texts[CONTAINER_WORKLOAD_NAME], cases[i].name);
		}
		kubernetes_workload_put(&all, w);
		assert_int_equal(all.n, 0);
		kubernetes_workloads_done(&all);
	}
}

static void test_answers(void **state)
{
	static const struct {
		const char *answer;
		int r;
		const char *kind, *name;
	} cases[] = {
		{ "{\"metadata\":{\"uid\":\"s\",\"ownerReferences\":[{\"kind\":\"Deployment\",\"name\":\"w\"}]}}",
		  0, "deployment", "w" },
		{ "{\"metadata\":{\"uid\":\"s\"}}", 0, "replicaset", "web-5d" },
		{ "{\"metadata\":{\"uid\":\"t\",\"ownerReferences\":[{\"kind\":\"D\",\"name\":\"w\"}]}}",
		  -EBADMSG, "deployment", "web" },
		{ "{}", -EBADMSG, "deployment", "web" },
		{ "", -EBADMSG, "deployment", "web" },
		{ "{\"metadata\":{\"uid\":\"s\"", -EBADMSG, "deployment", "web" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(kubernetes_pod_freep) struct kubernetes_pod *pod =
			parse_pod(POD("n", "u", SET("web-5d") HASH("5d")));
		_cleanup_(container_facts_done) struct container_facts f = { 0 };
		struct kubernetes_workloads all = { 0 };
		struct kubernetes_workload *w;
		int r;

		assert_int_equal(kubernetes_workload_get(&all, pod, &w), 0);
		assert_ptr_equal(kubernetes_workloads_next(&all), w);
		r = kubernetes_workload_answer(w, str_from(cases[i].answer));
		assert_int_equal(r, cases[i].r);
		if (r < 0)
			kubernetes_workload_failed(w, true, 0);
		assert_null(kubernetes_workloads_next(&all));
		assert_int_equal(kubernetes_workload_describe(w, pod, &f), 0);
		assert_string_equal(f.texts[CONTAINER_WORKLOAD_KIND], cases[i].kind);
		assert_string_equal(f.texts[CONTAINER_WORKLOAD_NAME], cases[i].name);
		kubernetes_workloads_done(&all);
	}
}

/* One of many pods is asked for once; failures come later and later, to a limit. */
static void test_counting_and_retries(void **state)
{
	_cleanup_(
		kubernetes_pod_freep) struct kubernetes_pod *a = parse_pod(POD("a", "1", SET("w"))),
							    *b = parse_pod(POD("b", "2", SET("w"))),
							    *c = parse_pod(POD("c", "3", SET("x")));
	struct kubernetes_workloads all = { 0 };
	struct kubernetes_workload *of_a, *of_b, *of_c;
	uint64_t before = 0;

	(void)state;
	assert_int_equal(kubernetes_workload_get(&all, a, &of_a), 0);
	assert_int_equal(kubernetes_workload_get(&all, b, &of_b), 0);
	assert_int_equal(kubernetes_workload_get(&all, c, &of_c), 0);
	assert_ptr_equal(of_a, of_b);
	assert_ptr_not_equal(of_a, of_c);
	for (int i = 0; i < 20; i++) {
		kubernetes_workload_failed(of_a, false, 1000);
		assert_true(of_a->due_ns >= before);
		before = of_a->due_ns;
	}
	assert_int_equal(before, 1000 + 600000000000u);
	assert_ptr_equal(kubernetes_workloads_next(&all), of_c);
	kubernetes_workload_put(&all, of_a);
	assert_int_equal(all.n, 2);
	kubernetes_workload_put(&all, of_b);
	assert_int_equal(all.n, 1);
	kubernetes_workload_put(&all, NULL);
	kubernetes_workloads_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_an_answer),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_counting_and_retries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
