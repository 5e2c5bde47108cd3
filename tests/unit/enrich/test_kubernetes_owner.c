/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever controls an object is its owner; what is no reference is nobody's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kubernetes_case.h"

#define REF(kind, name, rest) \
	"{'apiVersion':'v','kind':'" kind "','name':'" name "','uid':'u'" rest "}"

static void test_owners(void **state)
{
	static const struct {
		const char *references, *kind, *name;
	} cases[] = {
		{ "[]", NULL, NULL },
		{ "null", NULL, NULL },
		{ "{}", NULL, NULL },
		{ "[" REF("A", "a", "") "]", "A", "a" },
		{ "[" REF("A", "a", "") "," REF("B", "b", "") "]", "A", "a" },
		{ "[" REF("A", "a", "") "," REF("B", "b", ",'controller':true") "]", "B", "b" },
		{ "[" REF("A", "a", ",'controller':true") "," REF("B", "b",
								  ",'controller':true") "]",
		  "A", "a" },
		{ "[" REF("A", "a", ",'controller':'true'") "," REF("B", "b",
								    ",'controller':true") "]",
		  "B", "b" },
		{ "[{'kind':'A'}]", NULL, NULL },
		{ "[{'name':'a'}]", NULL, NULL },
		{ "[{'kind':7,'name':'a'}]", NULL, NULL },
		{ "[7]", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kubernetes_owner owner;
		char text[512];
		json_t *json;

		snprintf(text, sizeof(text), "{'ownerReferences':%s}", cases[i].references);
		json = parse_json(text);
		assert_int_equal(kubernetes_owner_parse(json, &owner), 0);
		json_decref(json);
		assert_int_equal(owner.kind == NULL, cases[i].kind == NULL);
		if (owner.kind) {
			assert_string_equal(owner.kind, cases[i].kind);
			assert_string_equal(owner.name, cases[i].name);
		}
		kubernetes_owner_done(&owner);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
