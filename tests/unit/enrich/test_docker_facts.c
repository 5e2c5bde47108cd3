/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as Docker 20.10 and podman 4.3 give them, shortened; and such as nobody should give. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "enrich/docker_facts.h"
#include <cmocka.h>

#define ID "b621b187f354f35c42cd772483c8eb8f625d47d30cfa16aa54faea15a3b1657c"
#define IMAGE "sha256:dd76d13e8fb6adf9d0d82cdf199ab18d2003ae4412d77c31afeab3eeea524fe1"
#define DIGEST "sha256:c9f20a59235ce5c774f7a6cbae99f4f240d6241e5169d5bf735ed4ee421ea3f1"

static json_t *load(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(json);
	return json;
}

static void assert_text(const struct container_facts *f, enum container_text which,
			const char *expected)
{
	if (expected)
		assert_string_equal(f->texts[which], expected);
	else
		assert_null(f->texts[which]);
}

static void test_inspect(void **state)
{
	_cleanup_(json_unrefp) json_t *answer = load(
		"{\"Id\":\"" ID "\",\"Name\":\"/web\",\"Image\":\"" IMAGE "\","
		"\"State\":{\"StartedAt\":\"2026-11-29T10:46:24.115587551Z\"},"
		"\"HostConfig\":{\"Privileged\":true},"
		"\"Config\":{\"Image\":\"localhost:5000/shop/web:1.2\",\"Labels\":{\"a\":\"b\"}}}");
	_cleanup_(container_facts_done) struct container_facts f = { 0 };

	(void)state;
	assert_int_equal(docker_facts_of_inspect(answer, STR("docker"), &f), 0);
	assert_memory_equal(f.id, ID, CONTAINER_ID_LEN);
	assert_text(&f, CONTAINER_NAME, "web");
	assert_text(&f, CONTAINER_RUNTIME, "docker");
	assert_text(&f, CONTAINER_IMAGE_ID, IMAGE);
	assert_text(&f, CONTAINER_IMAGE_NAME, "localhost:5000/shop/web:1.2");
	assert_text(&f, CONTAINER_IMAGE_TAG, "1.2");
	assert_text(&f, CONTAINER_POD_NAME, NULL);
	assert_int_equal(f.started_ns, 1795949184115587551);
	assert_int_equal(f.bits, CONTAINER_IS_KNOWN | CONTAINER_IS_PRIVILEGED);
}

static void test_never_started(void **state)
{
	_cleanup_(json_unrefp) json_t *answer =
		load("{\"Id\":\"" ID
		     "\",\"Name\":\"/x\",\"State\":{\"StartedAt\":\"0001-01-01T00:00:00Z\"},"
		     "\"Config\":{\"Image\":\"" IMAGE "\",\"Labels\":null}}");
	_cleanup_(container_facts_done) struct container_facts f = { 0 };

	(void)state;
	assert_int_equal(docker_facts_of_inspect(answer, STR("docker"), &f), 0);
	assert_int_equal(f.started_ns, 0);
	assert_int_equal(f.bits, CONTAINER_IS_KNOWN);
	/* Started by the image's id: it has no name. */
	assert_text(&f, CONTAINER_IMAGE_ID, IMAGE);
	assert_text(&f, CONTAINER_IMAGE_NAME, NULL);
}

static void test_item(void **state)
{
	_cleanup_(json_unrefp) json_t *item =
		load("{\"Id\":\"" ID
		     "\",\"Names\":[\"/web\"],\"Image\":\"shop\",\"ImageID\":\"" IMAGE "\"}");
	_cleanup_(container_facts_done) struct container_facts f = { 0 };

	(void)state;
	assert_int_equal(docker_facts_of_item(item, STR("podman"), &f), 0);
	assert_text(&f, CONTAINER_NAME, "web");
	assert_text(&f, CONTAINER_RUNTIME, "podman");
	assert_text(&f, CONTAINER_IMAGE_ID, IMAGE);
	assert_text(&f, CONTAINER_IMAGE_NAME, "shop");
	assert_text(&f, CONTAINER_IMAGE_TAG, NULL);
}

#define POD_LABELS(container)                                                 \
	"\"io.kubernetes.pod.name\":\"web-7d9c5b-abcde\","                    \
	"\"io.kubernetes.pod.namespace\":\"shop\","                           \
	"\"io.kubernetes.pod.uid\":\"5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a\"," \
	"\"io.kubernetes.container.name\":\"" container "\""

static void test_pod(void **state)
{
	_cleanup_(json_unrefp) json_t *main =
		load("{\"Id\":\"" ID
		     "\",\"Names\":[\"/k8s_main\"],\"Labels\":{" POD_LABELS("main") "}}");
	_cleanup_(json_unrefp) json_t *sandbox = load(
		"{\"Id\":\"" ID "\",\"Names\":[\"/k8s_POD\"],\"Labels\":{" POD_LABELS("POD") "}}");
	_cleanup_(container_facts_done) struct container_facts f = { 0 }, s = { 0 };

	(void)state;
	assert_int_equal(docker_facts_of_item(main, STR("docker"), &f), 0);
	assert_text(&f, CONTAINER_NAMESPACE, "shop");
	assert_text(&f, CONTAINER_POD_NAME, "web-7d9c5b-abcde");
	assert_text(&f, CONTAINER_POD_UID, "5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a");
	assert_text(&f, CONTAINER_POD_CONTAINER, "main");
	assert_int_equal(f.bits, CONTAINER_IS_KNOWN);
	assert_int_equal(docker_facts_of_item(sandbox, STR("docker"), &s), 0);
	assert_text(&s, CONTAINER_POD_NAME, "web-7d9c5b-abcde");
	assert_text(&s, CONTAINER_POD_CONTAINER, NULL);
	assert_int_equal(s.bits, CONTAINER_IS_KNOWN | CONTAINER_IS_SANDBOX);
}

static void test_event(void **state)
{
	static const struct {
		const char *head;
		enum docker_event what;
	} cases[] = {
		{ "\"Type\":\"container\",\"Action\":\"create\"", DOCKER_CREATED },
		{ "\"Type\":\"container\",\"Action\":\"start\"", DOCKER_STARTED },
		{ "\"Type\":\"container\",\"Action\":\"rename\"", DOCKER_RENAMED },
		{ "\"Type\":\"container\",\"Action\":\"destroy\"", DOCKER_DESTROYED },
		{ "\"Type\":\"container\",\"Action\":\"remove\"", DOCKER_DESTROYED },
		{ "\"Type\":\"container\",\"Action\":\"exec_create: /bin/true\"", DOCKER_OTHER },
		{ "\"Type\":\"container\",\"Action\":7", DOCKER_OTHER },
		{ "\"Type\":\"network\",\"Action\":\"create\"", DOCKER_OTHER },
		{ "\"Action\":\"create\"", DOCKER_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(container_facts_done) struct container_facts f = { 0 };
		_cleanup_(json_unrefp) json_t *event = NULL;
		enum docker_event what = _DOCKER_EVENT_MAX;
		char text[512];

		snprintf(text, sizeof(text),
			 "{%s,\"Actor\":{\"ID\":\"" ID
			 "\",\"Attributes\":{\"name\":\"web\",\"image\":\"shop:1\","
			 "\"io.kubernetes.pod.name\":\"p\"}}}",
			 cases[i].head);
		event = load(text);
		assert_int_equal(docker_facts_of_event(event, STR("docker"), &what, &f), 0);
		assert_int_equal(what, cases[i].what);
		assert_text(&f, CONTAINER_NAME, "web");
		assert_text(&f, CONTAINER_IMAGE_TAG, "1");
		assert_text(&f, CONTAINER_POD_NAME, "p");
	}
}

static void test_wrong(void **state)
{
	static const char *const wrong[] = {
		"null",
		"[]",
		"{}",
		"{\"Id\":7}",
		"{\"Id\":\"b621b187f354\"}",
		"{\"Id\":\"" ID "0\"}",
		"{\"Id\":\"B621b187f354f35c42cd772483c8eb8f625d47d30cfa16aa54faea15a3b1657c\"}",
		"{\"Id\":\"../../b187f354f35c42cd772483c8eb8f625d47d30cfa16aa54faea15a3b1657c\"}",
		"{\"Actor\":{\"ID\":null}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(json_unrefp) json_t *json = load(wrong[i]);
		struct container_facts f = { 0 };
		enum docker_event what;

		assert_int_equal(docker_facts_of_item(json, STR("docker"), &f), -EBADMSG);
		assert_int_equal(docker_facts_of_inspect(json, STR("docker"), &f), -EBADMSG);
		assert_int_equal(docker_facts_of_event(json, STR("docker"), &what, &f), -EBADMSG);
		assert_null(f.texts[CONTAINER_RUNTIME]);
	}
}

/* What has the wrong type is unknown; the rest stands. */
static void test_wrong_types(void **state)
{
	_cleanup_(json_unrefp) json_t *answer =
		load("{\"Id\":\"" ID
		     "\",\"Name\":[],\"Image\":\"sha256:zz\",\"State\":7,\"HostConfig\":[],"
		     "\"Config\":{\"Image\":\"x\",\"Labels\":[1]},\"Names\":7,\"Labels\":\"x\"}");
	_cleanup_(container_facts_done) struct container_facts f = { 0 }, g = { 0 };

	(void)state;
	assert_int_equal(docker_facts_of_inspect(answer, STR("docker"), &f), 0);
	assert_text(&f, CONTAINER_NAME, NULL);
	assert_text(&f, CONTAINER_IMAGE_ID, NULL);
	assert_text(&f, CONTAINER_IMAGE_NAME, "x");
	assert_int_equal(docker_facts_of_item(answer, STR("docker"), &g), 0);
	assert_text(&g, CONTAINER_NAME, NULL);
}

static void test_digest(void **state)
{
	static const struct {
		const char *digests, *name, *expected;
	} cases[] = {
		{ "[\"shop@" DIGEST "\"]", "shop:1", DIGEST },
		{ "[\"a@sha256:1\",\"b:5000/shop@sha256:2\"]", "b:5000/shop:1", "sha256:2" },
		{ "[\"a@sha256:1\",\"b@sha256:2\"]", "c", "sha256:1" },
		{ "[7,\"no digest\",\"a@sha256:1\"]", "c", "sha256:1" },
		{ "[]", "c", "" },
		{ "null", "c", "" },
		{ "{}", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(json_unrefp) json_t *digests = load(cases[i].digests);

		assert_string_equal(docker_facts_digest(digests, cases[i].name), cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inspect),	    cmocka_unit_test(test_never_started),
		cmocka_unit_test(test_item),	    cmocka_unit_test(test_pod),
		cmocka_unit_test(test_event),	    cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_wrong_types), cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
