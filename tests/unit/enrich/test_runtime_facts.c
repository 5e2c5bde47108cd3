/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "enrich/runtime_facts.h"
#include <cmocka.h>

#include "container_ids.h"

static void test_begin(void **state)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	struct str id = { .p = container_id('a'), .n = CONTAINER_ID_LEN };

	(void)state;
	assert_int_equal(runtime_facts_begin(&f, id, STR("podman")), 0);
	assert_memory_equal(f.id, container_id('a'), CONTAINER_ID_LEN);
	assert_string_equal(f.texts[CONTAINER_RUNTIME], "podman");
	assert_int_equal(f.bits, CONTAINER_IS_KNOWN);
}

static void test_no_id(void **state)
{
	static const struct str wrong[] = {
		{ "", 0 },
		{ "a", 1 },
		STR("946b9260349ce04ad10cc650f3b2e7c54240a56e5a651fa8ad8c730e2cdc338"),
		STR("946b9260349ce04ad10cc650f3b2e7c54240a56e5a651fa8ad8c730e2cdc338g"),
		STR("946b9260349ce04ad10cc650f3b2e7c54240a56e5a651fa8ad8c730e2cdc338\0"),
		STR("946B9260349ce04ad10cc650f3b2e7c54240a56e5a651fa8ad8c730e2cdc338f"),
	};
	struct container_facts f = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(runtime_facts_begin(&f, wrong[i], STR("x")), -EBADMSG);
	assert_null(f.texts[CONTAINER_RUNTIME]);
}

static void test_labels(void **state)
{
	static const struct {
		const char *key, *value;
		enum container_text text; /* where it goes */
		uint32_t bits;
	} cases[] = {
		{ "io.kubernetes.pod.namespace", "shop", CONTAINER_NAMESPACE, 0 },
		{ "io.kubernetes.pod.name", "POD", CONTAINER_POD_NAME, 0 },
		{ "io.kubernetes.pod.uid", "5f2a", CONTAINER_POD_UID, 0 },
		{ "io.kubernetes.container.name", "main", CONTAINER_POD_CONTAINER, 0 },
		{ "io.kubernetes.container.name", "POD", _CONTAINER_TEXT_MAX,
		  CONTAINER_IS_SANDBOX },
		{ "io.kubernetes.pod.uid", "", _CONTAINER_TEXT_MAX, 0 },
		{ "app", "web", _CONTAINER_TEXT_MAX, 0 },
		/* whoever makes a pod may choose such a label */
		{ "io.kubernetes.cri.sandbox-name", "x", _CONTAINER_TEXT_MAX, 0 },
		{ "", "x", _CONTAINER_TEXT_MAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(container_facts_done) struct container_facts f = { 0 };
		struct str value = str_from(cases[i].value);

		assert_int_equal(runtime_facts_take_label(&f, cases[i].key, value), 0);
		assert_int_equal(f.bits, cases[i].bits);
		for (enum container_text t = 0; t < _CONTAINER_TEXT_MAX; t++) {
			if (t == cases[i].text)
				assert_string_equal(f.texts[t], cases[i].value);
			else
				assert_null(f.texts[t]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_no_id),
		cmocka_unit_test(test_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
