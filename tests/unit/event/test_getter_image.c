/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of an image and of its parent, whole, unknown and missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include <cmocka.h>

#include "sample.h"

static void test_sample(void **state)
{
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	assert_field(&s, "exec_id", "djQzYzExMjA0LnNxYS5uYTEzMTozNDYzOTcwNzQ4MDA2ODI4MDoxNDg3NDk=");
	assert_field(&s, "ktime", "34639707480068280");
	assert_field(&s, "pid", "148749");
	assert_field(&s, "uid", "3000");
	assert_field(&s, "uid.container", "3000");
	assert_field(&s, "user", "user");
	assert_field(&s, "binary", "/usr/bin/python3");
	assert_field(&s, "arguments", "-m http.server 8000");
	assert_field(&s, "cwd", "/workspace/loongcollector_community_test");
	assert_field(&s, "cap.permitted", "");
	assert_field(&s, "container.id", "(absent)");
	assert_field(&s, "arguments.truncated", "(absent)");
	assert_field(&s, "cwd.truncated", "(absent)");
	assert_field(&s, "argc", "4");
	assert_field(&s, "argv", "python3|-m|http.server|8000|");
	assert_field(&s, "arguments.bytes", "33");
	assert_field(&s, "parent.exec_id",
		     "djQzYzExMjA0LnNxYS5uYTEzMTozNDYxODUyNzQ4MDAwMDAwMDozNDE2MTM2");
	assert_field(&s, "parent.ktime", "34618527480000000");
	assert_field(&s, "parent.pid", "3416136");
	assert_field(&s, "parent.arguments", "");
	assert_field(&s, "ancestors", "3416136:/usr/bin/bash");
}

/* The uid of its own namespace, and that it has none there. */
static void test_user_namespace(void **state)
{
	static const struct {
		uint32_t euid, inner;
		const char *shown;
	} cases[] = {
		{ 3000, 3000, "3000" },		 { 100000, 0, "0" },
		{ 0, 4294967294, "4294967294" }, { 4294967294, 1, "1" },
		{ 3000, EVENT_UID_UNKNOWN, "" }, { 0, EVENT_UID_UNKNOWN, "" },
	};
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		s.cred.euid = cases[i].euid;
		s.cred.euid_shift = cases[i].inner - cases[i].euid;
		assert_field(&s, "uid.container", cases[i].shown);
	}
	s.image.flags = IMAGE_STUB;
	assert_field(&s, "uid.container", "");
	s.image.cred = &cred_unknown;
}

static const char *const parent_keys[] = {
	"parent.exec_id",   "parent.pid", "parent.uid",	  "parent.user",	 "parent.binary",
	"parent.arguments", "parent.cwd", "parent.ktime", "parent.container.id", "ancestors",
};

static void test_no_parent(void **state)
{
	_cleanup_(sample_done) struct sample s;
	size_t i;

	(void)state;
	sample_init(&s);
	s.image.parent = NULL;
	for (i = 0; i < ARRAY_SIZE(parent_keys); i++)
		assert_field(&s, parent_keys[i], "(absent)");
}

/* A parent of which only the identity is known. */
static void test_stub_parent(void **state)
{
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.parent = (struct image){ .key = s.parent.key, .flags = IMAGE_STUB };
	assert_field(&s, "parent.exec_id",
		     "djQzYzExMjA0LnNxYS5uYTEzMTozNDYxODUyNzQ4MDAwMDAwMDozNDE2MTM2");
	assert_field(&s, "parent.pid", "3416136");
	assert_field(&s, "parent.uid", "");
	assert_field(&s, "parent.user", "");
	assert_field(&s, "parent.binary", "");
	assert_field(&s, "parent.arguments", "");
	assert_field(&s, "parent.cwd", "");
	assert_field(&s, "ancestors", "3416136:");
}

/* A process of which only the end was seen. */
static void test_unknown_program(void **state)
{
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.image.program = NULL;
	s.image.user = NULL;
	assert_field(&s, "uid", "3000");
	assert_field(&s, "user", "");
	assert_field(&s, "binary", "");
	assert_field(&s, "arguments", "");
	assert_field(&s, "cwd", "");
	assert_field(&s, "argc", "");
	assert_field(&s, "argv", "");
	assert_field(&s, "arguments.bytes", "");
	assert_field(&s, "arguments.truncated", "(absent)");
}

static void test_capabilities(void **state)
{
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.cred.permitted = 1;
	s.cred.effective = 2;
	s.cred.inheritable = 5;
	assert_field(&s, "cap.permitted", "CAP_CHOWN");
	assert_field(&s, "cap.effective", "CAP_DAC_OVERRIDE");
	assert_field(&s, "cap.inheritable", "CAP_CHOWN CAP_DAC_READ_SEARCH");
}

/* The limit counts argv as it is, argv[0] and NULs included, and leaves no half character. */
static void test_cut_by_view(void **state)
{
	static const struct {
		uint32_t max_args;
		const char *arguments, *argv, *truncated;
	} cases[] = {
		{ 12, "\xc3\xa4\xe4\xb8\xad \"b c\"", "p|\xc3\xa4\xe4\xb8\xad|b c|", "(absent)" },
		{ 11, "\xc3\xa4\xe4\xb8\xad \"b c\"", "p|\xc3\xa4\xe4\xb8\xad|b c", "true" },
		{ 10, "\xc3\xa4\xe4\xb8\xad \"b \"", "p|\xc3\xa4\xe4\xb8\xad|b ", "true" },
		{ 9, "\xc3\xa4\xe4\xb8\xad b", "p|\xc3\xa4\xe4\xb8\xad|b", "true" },
		{ 8, "\xc3\xa4\xe4\xb8\xad", "p|\xc3\xa4\xe4\xb8\xad|", "true" },
		{ 7, "\xc3\xa4\xe4\xb8\xad", "p|\xc3\xa4\xe4\xb8\xad", "true" },
		{ 6, "\xc3\xa4", "p|\xc3\xa4", "true" },
		{ 5, "\xc3\xa4", "p|\xc3\xa4", "true" },
		{ 3, "", "p|", "true" },
		{ 1, "", "p", "true" },
		{ 0, "", "", "true" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		sample_set_text(&s, PROGRAM_ARGS, STR("p\0\xc3\xa4\xe4\xb8\xad\0b c\0"));
		s.parent.program = s.program;
		s.view.max_args = cases[i].max_args;
		assert_field(&s, "arguments", cases[i].arguments);
		assert_field(&s, "parent.arguments", cases[i].arguments);
		assert_field(&s, "argv", cases[i].argv);
		assert_field(&s, "arguments.truncated", cases[i].truncated);
	}
}

static void test_cut_before(void **state)
{
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.program->flags = PROGRAM_ARGS_CUT | PROGRAM_CWD_CUT;
	s.program->argc = 0;
	sample_set_text(&s, PROGRAM_ARGS, STR("p\0ab\xc3"));
	assert_field(&s, "arguments", "ab");
	assert_field(&s, "arguments.truncated", "true");
	assert_field(&s, "cwd.truncated", "true");
	assert_field(&s, "argc", "");
}

static void test_argc_counted(void **state)
{
	static const struct {
		struct str args;
		const char *argc;
	} cases[] = {
		{ STR(""), "0" },      { STR("a"), "1" },    { STR("a\0"), "1" },
		{ STR("a\0\0"), "2" }, { STR("a\0b"), "2" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		s.program->argc = 0;
		sample_set_text(&s, PROGRAM_ARGS, cases[i].args);
		assert_field(&s, "argc", cases[i].argc);
	}
}

static void test_ancestors(void **state)
{
	struct image images[40] = { 0 };
	_cleanup_(sample_done) struct sample s;
	char text[8192];
	size_t i, n = 0;

	(void)state;
	sample_init(&s);
	for (i = 0; i < ARRAY_SIZE(images); i++) {
		images[i].key.pid = (uint32_t)(100 + i);
		images[i].parent = i + 1 < ARRAY_SIZE(images) ? &images[i + 1] : NULL;
	}
	sample_set_text(&s, PROGRAM_BINARY, STR("/opt/my \"tool\""));
	images[1].program = s.program;
	s.image.parent = &images[0];
	sample_value(&s, "ancestors", text, sizeof(text));
	assert_int_equal(strncmp(text, "100: \"101:/opt/my \\\"tool\\\"\" 102: ", 33), 0);
	for (i = 0; text[i]; i++)
		n += text[i] == ':';
	assert_int_equal(n, 32);
	assert_string_equal(text + strlen(text) - 5, " 131:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample),	       cmocka_unit_test(test_no_parent),
		cmocka_unit_test(test_stub_parent),    cmocka_unit_test(test_unknown_program),
		cmocka_unit_test(test_capabilities),   cmocka_unit_test(test_cut_by_view),
		cmocka_unit_test(test_cut_before),     cmocka_unit_test(test_argc_counted),
		cmocka_unit_test(test_user_namespace), cmocka_unit_test(test_ancestors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
