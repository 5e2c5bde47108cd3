/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults, values, the folders of an instance, and how memory is shared out. */
#include "settings_text.h"

#include "base/log.h"
#include "probe/probe.h"

static void test_defaults(void **state)
{
	_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
	struct proc_limits limits;
	struct memory_plan plan;
	char findings[256];

	(void)state;
	assert_int_equal(load("", NULL, 0, &s, findings, sizeof(findings)), 0);
	assert_string_equal(findings, "");
	assert_string_equal(s.instance, "default");
	assert_null(s.node_name);
	assert_int_equal(s.ring_bytes, 16 * 1024 * 1024);
	assert_int_equal(s.hooks, PROBE_HOOKS_AUTO);
	assert_int_equal(s.log_level, LOG_LEVEL_INFO);
	assert_int_equal(s.log_format, LOG_FORMAT_TEXT);
	assert_string_equal(s.control_socket, "/run/proctrail/default.sock");
	assert_null(s.metrics_listen);
	assert_int_equal(s.max_bytes, 128 * 1024 * 1024);
	assert_string_equal(s.state_directory, "/run/proctrail");
	assert_string_equal(s.pin_directory, "/sys/fs/bpf/proctrail");
	assert_false(s.keep_on_stop);
	assert_int_equal(s.cgroup_budget, 0);
	assert_int_equal(s.container_wait_ns, 200000000);
	assert_int_equal(s.container_sources.n, 5);
	assert_int_equal(s.crio_roots.n, 1);
	assert_string_equal(s.crio_roots.items[0], "/run/containers/storage");
	assert_int_equal(s.cri_sockets.n, 3);
	assert_int_equal(agent_settings_plan(&s, 1, &plan, &limits), 0);
	assert_memory_equal(&limits, &proc_limits_default, sizeof(limits));
	assert_int_equal(plan.table_bytes, limits.max_bytes);
}

/* Each instance has its folders; on bpffs no name has a dot. */
static void test_folders(void **state)
{
	static const struct {
		const char *text, *state, *pins;
	} cases[] = {
		{ "", "/run/proctrail/default", "/sys/fs/bpf/proctrail/default" },
		{ "Instance: a.b.c", "/run/proctrail/a.b.c", "/sys/fs/bpf/proctrail/a+b+c" },
		{ "Instance: i\nStateDirectory: /x.y\nPinDirectory: none", "/x.y/i", NULL },
		{ "Instance: i\nStateDirectory: none\nPinDirectory: /b.c", NULL, "/b.c/i" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
		_cleanup_(freep) char *folder = NULL, *pins = NULL;
		char findings[256];

		assert_int_equal(load(cases[i].text, NULL, 0, &s, findings, sizeof(findings)), 0);
		assert_int_equal(agent_settings_folders(&s, &folder, &pins), 0);
		assert_true(!folder == !cases[i].state && !pins == !cases[i].pins);
		if (folder)
			assert_string_equal(folder, cases[i].state);
		if (pins)
			assert_string_equal(pins, cases[i].pins);
	}
}

/* The table gets what MaxMemory leaves it, and no more than TableMemory. */
static void test_plan(void **state)
{
	static const struct {
		const char *text;
		size_t n_flushers;
		int r;
		uint64_t table_bytes;
	} cases[] = {
		{ "MaxMemory: 128MiB\nTableMemory: 16MiB", 1, 0, 16 << 20 },
		{ "MaxMemory: 80MiB\nRingSize: 32MiB", 1, 0, 29 << 19 },
		{ "MaxMemory: 64MiB\nRingSize: 32MiB\nStateDirectory: none", 1, 0, 29 << 19 },
		{ "MaxMemory: 48MiB\nRingSize: 16MiB", 1, -ENOSPC, 0 },
		{ "MaxMemory: 64MiB\nRingSize: 16MiB", 40, -ENOSPC, 0 },
	};

	(void)state;
	log_setup((enum log_level) - 1, LOG_FORMAT_TEXT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
		struct memory_plan plan = { 0 };
		struct proc_limits limits;
		char findings[256];

		assert_int_equal(load(cases[i].text, NULL, 0, &s, findings, sizeof(findings)), 0);
		assert_int_equal(agent_settings_plan(&s, cases[i].n_flushers, &plan, &limits),
				 cases[i].r);
		assert_int_equal(plan.table_bytes, cases[i].table_bytes);
	}
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
}

static void test_values(void **state)
{
	_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
	char findings[256];

	(void)state;
	setenv("PT_NODE", "n1", 1);
	assert_int_equal(
		load("Instance: b-1\nNodeName: ${PT_NODE}\nRingSize: 1MiB\nHooks: raw\nLogLevel: debug\n"
		     "LogFormat: json\nMetricsListen: \"[::1]:9464\"\nTableUsers: 2048\n",
		     NULL, 0, &s, findings, sizeof(findings)),
		0);
	assert_string_equal(findings, "");
	assert_string_equal(s.node_name, "n1");
	assert_int_equal(s.ring_bytes, 1024 * 1024);
	assert_int_equal(s.hooks, PROBE_HOOKS_RAW);
	assert_int_equal(s.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(s.log_format, LOG_FORMAT_JSON);
	assert_string_equal(s.control_socket, "/run/proctrail/b-1.sock");
	assert_string_equal(s.metrics_listen, "[::1]:9464");
	assert_int_equal(s.table_users, 2048);
}

static void test_no_file(void **state)
{
	_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
	_cleanup_(diag_done) struct diag d = { 0 };

	(void)state;
	assert_int_equal(agent_settings_load("/nowhere.yaml", NULL, 0, &d, &s), -EINVAL);
	assert_string_equal(d.entries[0].message, "cannot be opened: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_folders),
		cmocka_unit_test(test_plan),	 cmocka_unit_test(test_values),
		cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
