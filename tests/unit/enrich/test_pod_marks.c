/* SPDX-License-Identifier: Apache-2.0 */
/* What the labels and annotations of a container say of its pod, as each runtime writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/json_file.h"
#include "enrich/pod_marks.h"

#include "container_ids.h"

static const struct {
	const char *marks;
	const char *name, *namespace, *uid, *container;
	uint32_t bits;
} rows[] = {
	/* Kubelet's labels, which Docker and CRI-O have. */
	{ "{\"io.kubernetes.pod.name\":\"web-0\",\"io.kubernetes.pod.namespace\":\"shop\","
	  "\"io.kubernetes.pod.uid\":\"u-1\",\"io.kubernetes.container.name\":\"main\"}",
	  "web-0", "shop", "u-1", "main", 0 },
	/* containerd's annotations. */
	{ "{\"io.kubernetes.cri.container-type\":\"container\","
	  "\"io.kubernetes.cri.sandbox-name\":\"web-0\","
	  "\"io.kubernetes.cri.sandbox-namespace\":\"shop\",\"io.kubernetes.cri.sandbox-uid\":\"u-1\","
	  "\"io.kubernetes.cri.container-name\":\"main\"}",
	  "web-0", "shop", "u-1", "main", 0 },
	/* Each way in which a sandbox is told: it has no name of a container, whatever it says. */
	{ "{\"io.kubernetes.cri.container-type\":\"sandbox\","
	  "\"io.kubernetes.cri.sandbox-name\":\"web-0\",\"io.kubernetes.cri.container-name\":\"x\"}",
	  "web-0", NULL, NULL, NULL, CONTAINER_IS_SANDBOX },
	{ "{\"io.kubernetes.cri-o.ContainerType\":\"sandbox\",\"io.kubernetes.pod.name\":\"web-0\","
	  "\"io.kubernetes.container.name\":\"POD\"}",
	  "web-0", NULL, NULL, NULL, CONTAINER_IS_SANDBOX },
	{ "{\"io.kubernetes.docker.type\":\"podsandbox\",\"io.kubernetes.pod.name\":\"web-0\"}",
	  "web-0", NULL, NULL, NULL, CONTAINER_IS_SANDBOX },
	{ "{\"io.kubernetes.container.name\":\"POD\"}", NULL, NULL, NULL, NULL,
	  CONTAINER_IS_SANDBOX },
	/* Near to it. */
	{ "{\"io.kubernetes.container.name\":\"pod\"}", NULL, NULL, NULL, "pod", 0 },
	{ "{\"io.kubernetes.cri.container-type\":\"sandboxed\"}", NULL, NULL, NULL, NULL, 0 },
	{ "{\"io.kubernetes.cri.container-type\":[\"sandbox\"]}", NULL, NULL, NULL, NULL, 0 },
	{ "{\"container-type\":\"sandbox\",\"pod.name\":\"x\"}", NULL, NULL, NULL, NULL, 0 },
	/* What is no text is nothing. */
	{ "{\"io.kubernetes.pod.name\":1,\"io.kubernetes.pod.namespace\":null,"
	  "\"io.kubernetes.pod.uid\":{\"a\":\"b\"},\"io.kubernetes.container.name\":[\"c\"]}",
	  NULL, NULL, NULL, NULL, 0 },
	{ "{\"io.kubernetes.pod.name\":\"\"}", NULL, NULL, NULL, NULL, 0 },
	{ "{}", NULL, NULL, NULL, NULL, 0 },
	{ "[\"io.kubernetes.pod.name\",\"x\"]", NULL, NULL, NULL, NULL, 0 },
	{ "null", NULL, NULL, NULL, NULL, 0 },
	{ "\"io.kubernetes.container.name\"", NULL, NULL, NULL, NULL, 0 },
};

static void assert_text(const struct container_facts *f, enum container_text which,
			const char *want)
{
	if (want)
		assert_string_equal(f->texts[which], want);
	else
		assert_null(f->texts[which]);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(json_unrefp)
			json_t *marks = json_loads(rows[i].marks, JSON_DECODE_ANY, NULL);
		_cleanup_(container_facts_done) struct container_facts f;

		assert_non_null(marks);
		container_facts_init(&f, container_id('a'));
		assert_int_equal(pod_marks_take(marks, &f), 0);
		assert_text(&f, CONTAINER_POD_NAME, rows[i].name);
		assert_text(&f, CONTAINER_NAMESPACE, rows[i].namespace);
		assert_text(&f, CONTAINER_POD_UID, rows[i].uid);
		assert_text(&f, CONTAINER_POD_CONTAINER, rows[i].container);
		assert_int_equal(f.bits, rows[i].bits);
	}
}

static void test_nothing(void **state)
{
	_cleanup_(container_facts_done) struct container_facts f;

	(void)state;
	container_facts_init(&f, container_id('a'));
	assert_int_equal(pod_marks_take(NULL, &f), 0);
	assert_int_equal(f.bits, 0);
	assert_null(f.texts[CONTAINER_POD_NAME]);
}

/* What is not said leaves what was known; other bits stay. */
static void test_adds(void **state)
{
	_cleanup_(json_unrefp)
		json_t *marks = json_loads("{\"io.kubernetes.pod.name\":\"new\"}", 0, NULL);
	_cleanup_(container_facts_done) struct container_facts f;

	(void)state;
	container_facts_init(&f, container_id('a'));
	f.bits = CONTAINER_IS_KNOWN;
	assert_int_equal(container_facts_set(&f, CONTAINER_POD_NAME, STR("old")), 0);
	assert_int_equal(container_facts_set(&f, CONTAINER_NAMESPACE, STR("shop")), 0);
	assert_int_equal(pod_marks_take(marks, &f), 0);
	assert_text(&f, CONTAINER_POD_NAME, "new");
	assert_text(&f, CONTAINER_NAMESPACE, "shop");
	assert_int_equal(f.bits, CONTAINER_IS_KNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_adds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
