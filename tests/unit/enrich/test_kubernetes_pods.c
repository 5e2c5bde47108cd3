/* SPDX-License-Identifier: Apache-2.0 */
/* The node's pods: what has changed, what a new list lacks, the limits, and who is whose. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/kubernetes_pods.h"

#include "kubernetes_case.h"

#define WITH_CONTAINER(name, uid, id)                                 \
	"{'metadata':{'name':'" name "','namespace':'ns','uid':'" uid \
	"'},'status':{'containerStatuses':[{'name':'c','containerID':'containerd://" id "'}]}}"

static void put(struct kubernetes_pods *pods, const char *text, int r)
{
	assert_int_equal(kubernetes_pods_put(pods, parse_pod(text)), r);
}

/* The names of those that have changed, in their order. */
static void assert_changed(struct kubernetes_pods *pods, const char *expected)
{
	struct kubernetes_entry *e;
	char names[64] = "";
	size_t n = 0;

	while ((e = kubernetes_pods_next_changed(pods)))
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s",
				      e->pod->facts.texts[CONTAINER_POD_NAME]);
	assert_string_equal(names, expected);
}

static void test_changes(void **state)
{
	struct kubernetes_pods pods = { .max = 10 };

	(void)state;
	put(&pods, POD("a", "1", ""), 0);
	put(&pods, POD("b", "2", OWNED("batch/v1", "Job", "j", "x")), 0);
	assert_changed(&pods, "ab");
	put(&pods, POD("a", "1", ",'resourceVersion':'9'"), 0);
	assert_changed(&pods, "");
	put(&pods, POD("a", "1", ",'labels':{'x':'y'}"), 0);
	assert_changed(&pods, "a");
	kubernetes_pods_workload_changed(&pods, pods.entries[1].workload);
	assert_changed(&pods, "b");
	assert_int_equal(pods.workloads.n, 1);
	kubernetes_pods_remove(&pods, "2");
	kubernetes_pods_remove(&pods, "nobody");
	assert_int_equal(pods.n, 1);
	assert_int_equal(pods.workloads.n, 0);
	kubernetes_pods_done(&pods);
}

static void test_whoever_is_not_in_a_list_has_gone(void **state)
{
	struct kubernetes_pods pods = { .max = 10 };

	(void)state;
	put(&pods, POD("a", "1", ""), 0);
	put(&pods, POD("b", "2", ""), 0);
	put(&pods, POD("c", "3", ""), 0);
	kubernetes_pods_begin_list(&pods);
	put(&pods, POD("b", "2", ""), 0);
	put(&pods, POD("d", "4", ""), 0);
	kubernetes_pods_end_list(&pods);
	assert_int_equal(pods.n, 2);
	kubernetes_pods_done(&pods);
	assert_int_equal(pods.bytes, 0);
}

static void test_limits(void **state)
{
	struct kubernetes_pods pods = { .max = 2 };

	(void)state;
	put(&pods, POD("a", "1", ""), 0);
	put(&pods, POD("b", "2", ""), 0);
	put(&pods, POD("c", "3", OWNED("batch/v1", "Job", "j", "x")), -ENOSPC);
	assert_int_equal(pods.workloads.n, 0);
	put(&pods, POD("a", "1", ",'labels':{'x':'y'}"), 0);
	assert_int_equal(pods.n_left_out, 1);
	pods.max = 10;
	pods.bytes += KUBERNETES_PODS_BYTES - 1000;
	put(&pods, POD("d", "4", ""), -ENOSPC);
	pods.bytes -= KUBERNETES_PODS_BYTES - 1000;
	put(&pods, POD("d", "4", ""), 0);
	kubernetes_pods_done(&pods);
}

static void test_lookup(void **state)
{
	static const struct {
		const char *uid, *namespace, *name, *id, *found;
	} cases[] = {
		{ "2", NULL, NULL, HEX64("f"), "b" },	{ "3", NULL, NULL, HEX64("a"), NULL },
		{ NULL, "ns", "b", HEX64("f"), "b" },	{ NULL, "other", "b", HEX64("f"), NULL },
		{ NULL, NULL, "b", HEX64("f"), NULL },	{ NULL, NULL, NULL, HEX64("a"), "a" },
		{ NULL, NULL, NULL, HEX64("f"), NULL }, { "2", "ns", "a", HEX64("a"), "b" },
	};
	struct kubernetes_pods pods = { .max = 10 };

	(void)state;
	put(&pods, WITH_CONTAINER("a", "1", HEX64("a")), 0);
	put(&pods, WITH_CONTAINER("b", "2", HEX64("b")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct container_facts known = { .texts = {
							 [CONTAINER_POD_UID] = (char *)cases[i].uid,
							 [CONTAINER_NAMESPACE] =
								 (char *)cases[i].namespace,
							 [CONTAINER_POD_NAME] =
								 (char *)cases[i].name,
						 } };
		struct kubernetes_entry *e;

		memcpy(known.id, cases[i].id, CONTAINER_ID_LEN);
		e = kubernetes_pods_lookup(&pods, &known);
		assert_int_equal(e == NULL, cases[i].found == NULL);
		if (e)
			assert_string_equal(e->pod->facts.texts[CONTAINER_POD_NAME],
					    cases[i].found);
	}
	kubernetes_pods_done(&pods);
}

/* Of kubelet, which knows no owners. */
static void test_nobody_is_asked(void **state)
{
	struct kubernetes_pods pods = { .max = 10, .asks_nobody = true };

	(void)state;
	put(&pods, POD("a", "1", OWNED("batch/v1", "Job", "j", "x")), 0);
	assert_null(kubernetes_workloads_next(&pods.workloads));
	assert_true(kubernetes_workload_is_settled(pods.entries[0].workload, pods.entries[0].pod));
	kubernetes_pods_done(&pods);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_whoever_is_not_in_a_list_has_gone),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
