/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/container_facts.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void assert_text(const char *have, const char *want)
{
	if (want)
		assert_string_equal(have, want);
	else
		assert_null(have);
}

static void test_image_names(void **state)
{
	static const struct {
		const char *given, *name, *tag, *digest, *id;
	} rows[] = {
		{ "busybox", "busybox", NULL, NULL, NULL },
		{ "busybox:1.36", "busybox:1.36", "1.36", NULL, NULL },
		{ "host:5000/a/b", "host:5000/a/b", NULL, NULL, NULL },
		{ "host:5000/a/b:t", "host:5000/a/b:t", "t", NULL, NULL },
		{ "a/b:t@sha256:" ID, "a/b:t@sha256:" ID, "t", "sha256:" ID, NULL },
		{ "a/b@sha256:" ID, "a/b@sha256:" ID, NULL, "sha256:" ID, NULL },
		{ "sha256:" ID, NULL, NULL, NULL, "sha256:" ID },
		{ ID, NULL, NULL, NULL, "sha256:" ID },
		{ "a@sha256:short", "a@sha256:short", NULL, NULL, NULL },
		{ "", NULL, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct container_facts f;

		container_facts_init(&f, ID);
		assert_int_equal(container_facts_set_image_name(&f, str_from(rows[i].given)), 0);
		assert_text(f.texts[CONTAINER_IMAGE_NAME], rows[i].name);
		assert_text(f.texts[CONTAINER_IMAGE_TAG], rows[i].tag);
		assert_text(f.texts[CONTAINER_IMAGE_DIGEST], rows[i].digest);
		assert_text(f.texts[CONTAINER_IMAGE_ID], rows[i].id);
		container_facts_done(&f);
	}
}

static void test_what_is_no_id_of_an_image(void **state)
{
	static const char *const wrong[] = { "", "sha256:", "0123", ("sha256:" ID "0"),
					     ("0123456789ABCDEF" ID) };
	struct container_facts f;

	(void)state;
	container_facts_init(&f, ID);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(container_facts_set_image_id(&f, str_from(wrong[i])), 0);
	assert_null(f.texts[CONTAINER_IMAGE_ID]);
	container_facts_done(&f);
}

static void set(struct container_facts *f, enum container_text which, const char *text)
{
	assert_int_equal(container_facts_set(f, which, str_from(text)), 0);
}

static void test_merging_adds_and_updating_replaces(void **state)
{
	struct container_facts a, b, c;
	bool changed = false;

	(void)state;
	container_facts_init(&a, ID);
	container_facts_init(&b, ID);
	set(&a, CONTAINER_NAME, "old");
	set(&b, CONTAINER_NAME, "new");
	set(&b, CONTAINER_RUNTIME, "docker");
	b.bits = CONTAINER_IS_PRIVILEGED;
	b.started_ns = 5;

	assert_int_equal(container_facts_merge(&a, &b, &changed), 0);
	assert_true(changed);
	assert_string_equal(a.texts[CONTAINER_NAME], "old");
	assert_string_equal(a.texts[CONTAINER_RUNTIME], "docker");
	assert_int_equal(a.started_ns, 5);
	assert_int_equal(a.bits, CONTAINER_IS_PRIVILEGED);
	assert_int_equal(container_facts_merge(&a, &b, &changed), 0);
	assert_false(changed);

	assert_int_equal(container_facts_update(&a, &b, &changed), 0);
	assert_true(changed);
	assert_string_equal(a.texts[CONTAINER_NAME], "new");
	assert_int_equal(container_facts_update(&a, &b, &changed), 0);
	assert_false(changed);

	assert_int_equal(container_facts_dup(&a, &c), 0);
	assert_memory_equal(c.id, ID, CONTAINER_ID_LEN);
	assert_string_equal(c.texts[CONTAINER_NAME], "new");
	container_facts_done(&a);
	container_facts_done(&b);
	container_facts_done(&c);
}

static void test_long_texts_are_cut(void **state)
{
	_cleanup_(freep) char *text = malloc(2 * CONTAINER_LABEL_BYTES);
	struct container_facts f;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 2 * CONTAINER_LABEL_BYTES);
	container_facts_init(&f, ID);
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		assert_int_equal(container_facts_set(
					 &f, i,
					 (struct str){ .p = text, .n = 2 * CONTAINER_LABEL_BYTES }),
				 0);
	assert_int_equal(strlen(f.texts[CONTAINER_NAME]), CONTAINER_TEXT_BYTES);
	assert_int_equal(strlen(f.texts[CONTAINER_POD_LABELS]), CONTAINER_LABEL_BYTES);
	container_facts_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image_names),
		cmocka_unit_test(test_what_is_no_id_of_an_image),
		cmocka_unit_test(test_merging_adds_and_updating_replaces),
		cmocka_unit_test(test_long_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
