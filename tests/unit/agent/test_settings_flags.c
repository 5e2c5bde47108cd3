/* SPDX-License-Identifier: Apache-2.0 */
/* Flags beside a file: who wins, lists, and what is said of a wrong item. */
#include "settings_text.h"

#include "base/log.h"

static void test_flags_win(void **state)
{
	static const struct agent_flag flags[] = {
		{ "RingSize", "2MiB" },
		{ "RingSize", "4MiB" },
		{ "LogLevel", "error" },
		{ "ControlSocket", "none" },
	};
	_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
	char findings[256];

	(void)state;
	assert_int_equal(load("LogLevel: debug\nLogFormat: json\nControlSocket: /x\n", flags,
			      ARRAY_SIZE(flags), &s, findings, sizeof(findings)),
			 0);
	assert_int_equal(s.ring_bytes, 4 * 1024 * 1024);
	assert_int_equal(s.log_level, LOG_LEVEL_ERR);
	assert_int_equal(s.log_format, LOG_FORMAT_JSON);
	assert_null(s.control_socket);
}

/* As a text of items with a comma between them. */
static void assert_list(const struct string_list *list, const char *want)
{
	char have[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += (size_t)snprintf(have + n, sizeof(have) - n, "%s%s", i ? "," : "",
				      list->items[i]);
	assert_string_equal(have, want);
}

/* Lists from a file and from flags, where a comma is between the items. */
static void test_lists(void **state)
{
	static const struct {
		const char *text, *flag, *sources; /* flag NULL: there is none */
	} cases[] = {
		{ "", NULL, "files,docker,podman,cri,kubernetes" },
		{ "ContainerSources: files", NULL, "files" },
		{ "ContainerSources: [cri, files]", NULL, "cri,files" },
		{ "ContainerSources: []", NULL, "" },
		{ "ContainerSources: none", NULL, "" },
		{ "ContainerSources: [none]", NULL, "" },
		{ "", "files,docker", "files,docker" },
		{ "", "files", "files" },
		{ "", "none", "" },
		{ "", "", "" },
		{ "", "files,", "files" },
		{ "ContainerSources: [cri, files]", "docker,podman", "docker,podman" },
		{ "ContainerSources: none", "docker", "docker" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
		const struct agent_flag flag = { "ContainerSources", cases[i].flag };
		char findings[256];

		assert_int_equal(load(cases[i].text, &flag, cases[i].flag != NULL, &s, findings,
				      sizeof(findings)),
				 0);
		assert_string_equal(findings, "");
		assert_list(&s.container_sources, cases[i].sources);
	}
}

/* What is wrong with an item of a flag is said as it is of a file's. */
static void test_wrong_items(void **state)
{
	static const struct {
		struct agent_flag flag;
		const char *findings;
	} cases[] = {
		{ { "ContainerSources", "files,dokcer" },
		  AGENT_FLAGS_NAME ": ContainerSources[1]: expected " SOURCES ", not 'dokcer'\n" },
		{ { "ContainerSources", "files,,cri" },
		  AGENT_FLAGS_NAME ": ContainerSources[1]: expected " SOURCES ", not ''\n" },
		{ { "ContainerSources", "none,cri" },
		  AGENT_FLAGS_NAME ": ContainerSources: none and others exclude each other\n" },
		{ { "DockerRoots", "/a,b" },
		  AGENT_FLAGS_NAME ": DockerRoots[1]: expected an absolute path, not 'b'\n" },
		{ { "ContainerWait", "1,2" },
		  AGENT_FLAGS_NAME
		  ": ContainerWait: expected a duration such as 500ms, 10s, 2m or 1h, not "
		  "'1,2'\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
		char findings[256];

		assert_int_equal(load("", &cases[i].flag, 1, &s, findings, sizeof(findings)),
				 -EINVAL);
		assert_string_equal(findings, cases[i].findings);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags_win),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_wrong_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
