/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "sample.h"

#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Which field shows which text. */
static const struct {
	enum container_text which;
	const char *field;
} rows[] = {
	{ CONTAINER_NAME, "container.name" },
	{ CONTAINER_RUNTIME, "container.runtime" },
	{ CONTAINER_IMAGE_ID, "container.image.id" },
	{ CONTAINER_IMAGE_NAME, "container.image.name" },
	{ CONTAINER_IMAGE_TAG, "container.image.tag" },
	{ CONTAINER_IMAGE_DIGEST, "container.image.digest" },
	{ CONTAINER_NAMESPACE, "k8s.namespace" },
	{ CONTAINER_POD_NAME, "k8s.pod.name" },
	{ CONTAINER_POD_UID, "k8s.pod.uid" },
	{ CONTAINER_POD_CONTAINER, "k8s.container.name" },
	{ CONTAINER_WORKLOAD_NAME, "k8s.workload.name" },
	{ CONTAINER_WORKLOAD_KIND, "k8s.workload.kind" },
	{ CONTAINER_POD_LABELS, "k8s.pod.labels" },
	{ CONTAINER_POD_ANNOTATIONS, "k8s.pod.annotations" },
};
_Static_assert(ARRAY_SIZE(rows) == _CONTAINER_TEXT_MAX, "every text has a field");

/* The text of number i is the letter of that number, i + 1 times: each has another length. */
static void fill(struct sample *s, char text[256])
{
	uint32_t n = 0;

	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++) {
		memset(text + n, 'a' + i, (size_t)i + 1);
		s->container.ends[i] = n += (uint32_t)i + 1;
	}
	s->container.text = text;
}

static void sample_contain(struct sample *s)
{
	sample_init(s);
	memcpy(s->container.id, ID, CONTAINER_ID_LEN);
	s->cgroup.container = &s->container;
	s->image.cgroup = s->parent.cgroup = &s->cgroup;
}

static void assert_texts(struct sample *s)
{
	char want[_CONTAINER_TEXT_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(want, 'a' + rows[i].which, rows[i].which + 1);
		want[rows[i].which + 1] = '\0';
		assert_field(s, rows[i].field, want);
	}
}

static void test_texts(void **state)
{
	_cleanup_(sample_done) struct sample s;
	char text[256];

	(void)state;
	sample_contain(&s);
	assert_field(&s, "container.id", ID);
	assert_field(&s, "parent.container.id", ID);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_field(&s, rows[i].field, "(absent)");
	fill(&s, text);
	assert_texts(&s);
}

static void test_outside(void **state)
{
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	for (int i = 0; i < 2; i++) {
		assert_field(&s, "container.id", "(absent)");
		assert_field(&s, "parent.container.id", "(absent)");
		assert_field(&s, "container.name", "(absent)");
		assert_field(&s, "container.privileged", "(absent)");
		assert_field(&s, "container.started", "(absent)");
		s.image.cgroup = s.parent.cgroup = &s.cgroup; /* one that is no container's */
	}
}

static void test_facts(void **state)
{
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_contain(&s);
	assert_field(&s, "container.privileged", "(absent)");
	assert_field(&s, "container.started", "(absent)");
	assert_field(&s, "container.entry", "(absent)");
	assert_field(&s, "container.exec", "(absent)");
	s.container.bits = CONTAINER_IS_PRIVILEGED;
	s.container.started_ns = 1758701451000000012;
	s.image.flags = IMAGE_ENTRY;
	assert_field(&s, "container.privileged", "true");
	assert_field(&s, "container.started", "1758701451.000000012");
	s.container.began_ns = 1758701450000000034; /* it is known earlier, so it is shown */
	assert_field(&s, "container.started", "1758701450.000000034");
	assert_field(&s, "container.entry", "true");
	s.image.flags = IMAGE_ENTERED;
	assert_field(&s, "container.exec", "true");
}

/* A record of a container has what is of the container, and nothing of a process. */
static void test_record_of_its_own(void **state)
{
	_cleanup_(sample_done) struct sample s;
	char text[256];

	(void)state;
	sample_contain(&s);
	fill(&s, text);
	s.event = (struct event){ .call = CALL_CONTAINER,
				  .container = &s.container,
				  .node = &s.node };
	assert_texts(&s);
	assert_field(&s, "container.id", ID);
	assert_field(&s, "call_name", "container");
	assert_field(&s, "__time__", "0");
	for (size_t i = 0; i < n_fields; i++)
		if (!(fields[i].in & FIELD_IN_CONTAINER))
			assert_field(&s, fields[i].name, "(absent)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_record_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
