/* SPDX-License-Identifier: Apache-2.0 */
/* Containers by what a status says of them, which may be anything. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kubernetes_case.h"

#define STATUS(id, rest) \
	"{'status':{'containerStatuses':[{'name':'c','containerID':'" id "'" rest "}]}}"
#define ID HEX64("a")
#define DIGEST "sha256:" HEX64("b")

static void assert_text(const struct container_facts *f, enum container_text which,
			const char *expected)
{
	assert_int_equal(f->texts[which] == NULL, expected == NULL);
	if (expected)
		assert_string_equal(f->texts[which], expected);
}

static void test_ids_and_images(void **state)
{
	static const struct {
		const char *json, *runtime, *name, *image_id, *digest;
	} cases[] = {
		{ STATUS("containerd://" ID, ""), "containerd", "c", NULL, NULL },
		{ STATUS("cri-o://" ID, ",'imageID':'" DIGEST "'"), "cri-o", "c", DIGEST, NULL },
		{ STATUS("docker://" ID, ",'imageID':'docker://" DIGEST "'"), "docker", NULL,
		  DIGEST, NULL },
		{ STATUS("docker://" ID, ",'imageID':'docker-pullable://x/y@" DIGEST "'"), "docker",
		  NULL, NULL, DIGEST },
		{ STATUS("containerd://" ID, ",'imageID':'x/y@sha256:12'"), "containerd", "c", NULL,
		  NULL },
		{ STATUS("other://" ID, ",'imageID':7,'image':[]"), NULL, NULL, NULL, NULL },
		{ STATUS(ID, ""), NULL, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kubernetes_containers all;
		json_t *json = parse_json(cases[i].json);

		assert_int_equal(kubernetes_containers_parse(json, "u", &all), 0);
		json_decref(json);
		assert_int_equal(all.n, 1);
		assert_memory_equal(all.items[0].id, ID, CONTAINER_ID_LEN);
		assert_text(&all.items[0], CONTAINER_POD_UID, "u");
		assert_text(&all.items[0], CONTAINER_POD_CONTAINER, "c");
		assert_text(&all.items[0], CONTAINER_RUNTIME, cases[i].runtime);
		assert_text(&all.items[0], CONTAINER_NAME, cases[i].name);
		assert_text(&all.items[0], CONTAINER_IMAGE_ID, cases[i].image_id);
		assert_text(&all.items[0], CONTAINER_IMAGE_DIGEST, cases[i].digest);
		kubernetes_containers_done(&all);
	}
}

static void test_what_has_no_id(void **state)
{
	static const char *const cases[] = {
		"{}",
		"{'status':7}",
		"{'status':{'containerStatuses':7}}",
		"{'status':{'containerStatuses':[7,{},{'containerID':''},{'containerID':7}]}}",
		STATUS("containerd://abc", ""),
		STATUS("containerd://" HEX64("A"), ""),
		STATUS("containerd://" ID "a", ""),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kubernetes_containers all;
		json_t *json = parse_json(cases[i]);

		assert_int_equal(kubernetes_containers_parse(json, "u", &all), 0);
		json_decref(json);
		assert_int_equal(all.n, 0);
		kubernetes_containers_done(&all);
	}
}

static void test_no_more_than_the_limit(void **state)
{
	json_t *statuses = json_array(), *json;
	struct kubernetes_containers all;

	(void)state;
	for (int i = 0; i < 2 * KUBERNETES_CONTAINERS_MAX; i++)
		json_array_append_new(statuses, json_pack("{s:s,s:s}", "name", "c", "containerID",
							  "containerd://" ID));
	json = json_pack("{s:{s:O,s:o}}", "status", "containerStatuses", statuses,
			 "initContainerStatuses", statuses);
	assert_int_equal(kubernetes_containers_parse(json, "u", &all), 0);
	json_decref(json);
	assert_int_equal(all.n, KUBERNETES_CONTAINERS_MAX);
	kubernetes_containers_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_and_images),
		cmocka_unit_test(test_what_has_no_id),
		cmocka_unit_test(test_no_more_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
