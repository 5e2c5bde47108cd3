/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as containerd and CRI-O fill them, and such as have nothing in them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "enrich/cri_facts.h"
#include <cmocka.h>

#define ID "946b9260349ce04ad10cc650f3b2e7c54240a56e5a651fa8ad8c730e2cdc338f"
#define IMAGE "sha256:dd76d13e8fb6adf9d0d82cdf199ab18d2003ae4412d77c31afeab3eeea524fe1"
#define DIGEST "sha256:c9f20a59235ce5c774f7a6cbae99f4f240d6241e5169d5bf735ed4ee421ea3f1"

static void assert_text(const struct container_facts *f, enum container_text which,
			const char *expected)
{
	if (expected)
		assert_string_equal(f->texts[which], expected);
	else
		assert_null(f->texts[which]);
}

static Cri__Label label(const char *key, const char *value)
{
	Cri__Label l = CRI__LABEL__INIT;

	l.key = (char *)key;
	l.value = (char *)value;
	return l;
}

static void test_container(void **state)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	Cri__Label name = label("io.kubernetes.container.name", "main");
	Cri__Label pod = label("io.kubernetes.pod.name", "web-1");
	Cri__Label namespace = label("io.kubernetes.pod.namespace", "shop");
	Cri__Label uid = label("io.kubernetes.pod.uid", "5f2a");
	Cri__Label other = label("app", "web");
	Cri__Label *labels[] = { &name, &other, &pod, &namespace, &uid };
	Cri__ContainerMetadata metadata = CRI__CONTAINER_METADATA__INIT;
	Cri__ImageSpec image = CRI__IMAGE_SPEC__INIT;
	Cri__Container c = CRI__CONTAINER__INIT;

	(void)state;
	metadata.name = "main";
	image.image = "localhost/shop/web:1.2";
	c.id = ID;
	c.metadata = &metadata;
	c.image = &image;
	c.image_ref = IMAGE;
	c.labels = labels;
	c.n_labels = ARRAY_SIZE(labels);
	assert_int_equal(cri_facts_of_container(&c, STR("containerd"), &f), 0);
	assert_memory_equal(f.id, ID, CONTAINER_ID_LEN);
	assert_text(&f, CONTAINER_NAME, "main");
	assert_text(&f, CONTAINER_RUNTIME, "containerd");
	assert_text(&f, CONTAINER_IMAGE_ID, IMAGE);
	assert_text(&f, CONTAINER_IMAGE_NAME, "localhost/shop/web:1.2");
	assert_text(&f, CONTAINER_IMAGE_TAG, "1.2");
	assert_text(&f, CONTAINER_POD_NAME, "web-1");
	assert_text(&f, CONTAINER_NAMESPACE, "shop");
	assert_text(&f, CONTAINER_POD_UID, "5f2a");
	assert_text(&f, CONTAINER_POD_CONTAINER, "main");
	assert_int_equal(f.bits, CONTAINER_IS_KNOWN);
}

/* CRI-O's reference is the repository's, its id has a field of its own. */
static void test_image_ref(void **state)
{
	static const struct {
		const char *ref, *image_id, *id, *digest;
	} cases[] = {
		{ IMAGE, "", IMAGE, NULL },
		{ "localhost/web@" DIGEST, "", NULL, DIGEST },
		{ "localhost/web@" DIGEST, IMAGE, IMAGE, DIGEST },
		{ "dd76d13e8fb6adf9d0d82cdf199ab18d2003ae4412d77c31afeab3eeea524fe1", "", IMAGE,
		  NULL },
		{ "localhost/web:1", "", NULL, NULL },
		{ "", "", NULL, NULL },
		{ "@", "@", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(container_facts_done) struct container_facts f = { 0 };
		Cri__Container c = CRI__CONTAINER__INIT;

		c.id = ID;
		c.image_ref = (char *)cases[i].ref;
		c.image_id = (char *)cases[i].image_id;
		assert_int_equal(cri_facts_of_container(&c, STR("cri-o"), &f), 0);
		assert_text(&f, CONTAINER_IMAGE_ID, cases[i].id);
		assert_text(&f, CONTAINER_IMAGE_DIGEST, cases[i].digest);
	}
}

static void test_sandbox(void **state)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 }, added = { 0 };
	Cri__PodSandboxMetadata metadata = CRI__POD_SANDBOX_METADATA__INIT;
	Cri__PodSandbox s = CRI__POD_SANDBOX__INIT;

	(void)state;
	metadata.name = "web-1";
	metadata.namespace_ = "shop";
	metadata.uid = "5f2a";
	s.id = ID;
	s.created_at = 1795949184115587551;
	s.metadata = &metadata;
	assert_int_equal(cri_facts_of_sandbox(&s, STR("containerd"), &f), 0);
	assert_text(&f, CONTAINER_NAME, "web-1");
	assert_text(&f, CONTAINER_POD_NAME, "web-1");
	assert_text(&f, CONTAINER_NAMESPACE, "shop");
	assert_text(&f, CONTAINER_POD_UID, "5f2a");
	assert_text(&f, CONTAINER_POD_CONTAINER, NULL);
	assert_int_equal(f.started_ns, 1795949184115587551);
	assert_int_equal(f.bits, CONTAINER_IS_KNOWN | CONTAINER_IS_SANDBOX);
	assert_int_equal(cri_facts_add_pod(&added, &s), 0);
	assert_text(&added, CONTAINER_POD_UID, "5f2a");
	assert_text(&added, CONTAINER_NAME, NULL);
}

static void test_empty(void **state)
{
	static const char *const wrong[] = { "", "x", ID "0", "../../etc/passwd" };
	_cleanup_(container_facts_done) struct container_facts f = { 0 }, g = { 0 };
	Cri__Container c = CRI__CONTAINER__INIT;
	Cri__PodSandbox s = CRI__POD_SANDBOX__INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		c.id = s.id = (char *)wrong[i];
		assert_int_equal(cri_facts_of_container(&c, STR("x"), &f), -EBADMSG);
		assert_int_equal(cri_facts_of_sandbox(&s, STR("x"), &f), -EBADMSG);
	}
	c.id = s.id = ID;
	s.created_at = -1;
	assert_int_equal(cri_facts_of_container(&c, STR_EMPTY, &f), 0);
	assert_text(&f, CONTAINER_NAME, NULL);
	assert_text(&f, CONTAINER_RUNTIME, NULL);
	assert_int_equal(cri_facts_of_sandbox(&s, STR_EMPTY, &g), 0);
	assert_int_equal(g.started_ns, 0);
	assert_int_equal(cri_facts_add_pod(&g, &s), 0);
	assert_text(&g, CONTAINER_POD_NAME, NULL);
}

static void test_digest(void **state)
{
	char *digests[] = { "a@sha256:1", "localhost/web@sha256:2" };
	Cri__Image image = CRI__IMAGE__INIT;

	(void)state;
	assert_string_equal(cri_facts_digest(&image, "web"), "");
	image.repo_digests = digests;
	image.n_repo_digests = ARRAY_SIZE(digests);
	assert_string_equal(cri_facts_digest(&image, "localhost/web:1"), "sha256:2");
	assert_string_equal(cri_facts_digest(&image, ""), "sha256:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container), cmocka_unit_test(test_image_ref),
		cmocka_unit_test(test_sandbox),	  cmocka_unit_test(test_empty),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
