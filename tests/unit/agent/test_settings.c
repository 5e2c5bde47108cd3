/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from a file, from flags, from both; every finding; and where the control socket is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/settings.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "probe/probe.h"

#define FILE_NAME "/tmp/proctrail-settings.yaml"

#define SOURCES "files, docker, podman, cri, kubernetes or none"

static int load(const char *text, const struct agent_flag *flags, size_t n_flags,
		struct agent_settings *ret, char *findings, size_t size)
{
	_cleanup_(diag_done) struct diag d = { 0 };
	_cleanup_(fclosep) FILE *f = fopen(FILE_NAME, "we");
	FILE *said = fmemopen(findings, size, "w");
	int r;

	memset(findings, 0, size);
	assert_non_null(f);
	fputs(text, f);
	fflush(f);
	r = agent_settings_load(FILE_NAME, flags, n_flags, &d, ret);
	diag_print(&d, said);
	fclose(said);
	unlink(FILE_NAME);
	return r;
}

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

/* Whatever slashes are at its end: what is put behind it begins with one. */
static void test_host_root(void **state)
{
	static const struct {
		const char *text, *root, *passwd;
	} cases[] = {
		{ "", "", "/etc/passwd" },
		{ "HostRoot: /", "", "/etc/passwd" },
		{ "HostRoot: /tmp", "/tmp", "/tmp/etc/passwd" },
		{ "HostRoot: /tmp//", "/tmp", "/tmp/etc/passwd" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
		_cleanup_(freep) char *passwd = NULL;
		char findings[256];

		assert_int_equal(load(cases[i].text, NULL, 0, &s, findings, sizeof(findings)), 0);
		assert_string_equal(s.host_root, cases[i].root);
		assert_int_equal(agent_settings_host_path(&s, "/etc/passwd", &passwd), 0);
		assert_string_equal(passwd, cases[i].passwd);
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

#define AT FILE_NAME ":1:"
#define LISTEN "expected an address of the loopback interface such as 127.0.0.1:9464, or none, not "

static const struct {
	const char *text, *findings;
} rows[] = {
	{ "[]", AT "1: expected a map of settings such as 'RingSize: 16MiB'\n" },
	{ "RingSiz: 1MiB", AT "1: RingSiz: unknown key; did you mean 'RingSize'?\n" },
	{ "RingSize: 3MiB", AT "11: RingSize: expected a power of two such as 8MiB or 16MiB\n" },
	{ "RingSize: 4KiB", AT "11: RingSize: expected a size from 256KiB to 1GiB, not '4KiB'\n" },
	{ "Instance: ''",
	  AT "11: Instance: expected 1 to 64 letters, digits, '-', '_' or '.', not ''\n" },
	{ "Instance: ../x",
	  AT "11: Instance: expected 1 to 64 letters, digits, '-', '_' or '.', not '../x'\n" },
	{ "NodeName: ''", AT "11: NodeName: expected 1 to 64 bytes, not 0\n" },
	{ "HostRoot: host", AT "11: HostRoot: expected an absolute path, not 'host'\n" },
	{ "HostRoot: /no/where",
	  AT "11: HostRoot: there is no folder '/no/where': No such file or directory\n" },
	{ "HostRoot: /etc/passwd", AT "11: HostRoot: '/etc/passwd' is no folder\n" },
	{ "ControlSocket: run/x",
	  AT "16: ControlSocket: expected an absolute path or none, not 'run/x'\n" },
	{ "ControlSocket: "
	  "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  AT "16: ControlSocket: too long: a socket's path may have at most 107 bytes\n" },
	{ "MetricsListen: 0.0.0.0:1", AT "16: MetricsListen: " LISTEN "'0.0.0.0:1'\n" },
	{ "MetricsListen: 127.0.0.1", AT "16: MetricsListen: " LISTEN "'127.0.0.1'\n" },
	{ "MetricsListen: 0.0.0.0\nMetricsRemote: true", AT
	  "16: MetricsListen: expected an address such as 0.0.0.0:9464 or [::]:9464, or none, not '0.0.0.0'\n" },
	{ "MetricsListen: ::0:1\nMetricsRemote: true", AT
	  "16: MetricsListen: expected an address such as 0.0.0.0:9464 or [::]:9464, or none, not '::0:1'\n" },
	{ "MetricsListen: 127.0.0.1:0", AT "16: MetricsListen: " LISTEN "'127.0.0.1:0'\n" },
	{ "MetricsListen: '::1:80'", AT "16: MetricsListen: " LISTEN "'::1:80'\n" },
	{ "MetricsListen: '[::]:80'", AT "16: MetricsListen: " LISTEN "'[::]:80'\n" },
	{ "LogLevel: loud",
	  AT "11: LogLevel: expected error, warning, info or debug, not 'loud'\n" },
	{ "ContainerWait: 11s",
	  AT "16: ContainerWait: expected a duration from 0s to 10s, not '11s'\n" },
	{ "ContainerWait: -1s",
	  AT "16: ContainerWait: expected a duration such as 500ms, 10s, 2m or 1h, not '-1s'\n" },
	{ "ContainerWait: 200",
	  AT "16: ContainerWait: expected a duration such as 500ms, 10s, 2m or 1h, not '200'\n" },
	{ "ContainerWait: soon",
	  AT "16: ContainerWait: expected a duration such as 500ms, 10s, 2m or 1h, not 'soon'\n" },
	{ "ContainerSources: [files, dokcer]",
	  AT "27: ContainerSources[1]: expected " SOURCES ", not 'dokcer'\n" },
	{ "ContainerSources: files,docker",
	  AT "19: ContainerSources: expected " SOURCES ", not 'files,docker'\n" },
	{ "ContainerSources: [none, files]",
	  AT "19: ContainerSources: none and others exclude each other\n" },
	{ "ContainerSources: {a: b}",
	  AT "19: ContainerSources: expected a single value, not a map\n" },
	{ "TableContainers: 63",
	  AT "18: TableContainers: expected a number from 64 to 1048576, not '63'\n" },
	{ "DockerRoots: var/lib/docker",
	  AT "14: DockerRoots: expected an absolute path, not 'var/lib/docker'\n" },
	{ "PodmanRoots: ['']", AT "15: PodmanRoots[0]: expected an absolute path, not ''\n" },
	{ "ContainerdRoots: [/a, b]",
	  AT "23: ContainerdRoots[1]: expected an absolute path, not 'b'\n" },
	{ "CrioRoots: .", AT "12: CrioRoots: expected an absolute path, not '.'\n" },
	{ "DockerSockets: unix:///run/docker.sock",
	  AT "16: DockerSockets: expected an absolute path, not 'unix:///run/docker.sock'\n" },
	{ "PodmanSockets: none", AT "16: PodmanSockets: expected an absolute path, not 'none'\n" },
	{ "CriSockets: [~]", AT "14: CriSockets[0]: has no value\n" },
	{ "createTime: 1", AT
	  "1: createTime: unknown key; expected Instance, NodeName, HostRoot, RingSize, MaxMemory, JournalSize, CgroupBudget, KeepOnStop, StateDirectory, PinDirectory, TableMemory, "
	  "TableProcesses, TableUsers, TableCgroups, TableContainers, ContainerWait, ContainerSources, DockerRoots, PodmanRoots, ContainerdRoots, "
	  "CrioRoots, DockerSockets, PodmanSockets, CriSockets, Kubernetes, Kubeconfig, KubernetesServer, KubernetesNode, KubernetesInsecure, KubernetesAnnotations, Hooks, LogLevel, LogFormat, ControlSocket, "
	  "MetricsListen or MetricsRemote\n" },
	/* All of them in one go. */
	{ "LogLevel: ${PT_NONE}\nRingSize: 3MiB\nHooks: rwa\n", FILE_NAME
	  ":1:11: LogLevel: the environment variable 'PT_NONE' is not set; set it, or write "
	  "${PT_NONE:-DEFAULT}\n" FILE_NAME
	  ":3:8: Hooks: unknown value 'rwa'; did you mean 'raw'?\n" FILE_NAME
	  ":2:11: RingSize: expected a power of two such as 8MiB or 16MiB\n" },
};

static void test_findings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
		char findings[2048];

		assert_int_equal(load(rows[i].text, NULL, 0, &s, findings, sizeof(findings)),
				 -EINVAL);
		assert_string_equal(findings, rows[i].findings);
	}
}

static void test_listen(void **state)
{
	static const char *const right[] = { "127.0.0.1:1", "127.9.9.9:65535", "[::1]:9464",
					     "localhost:80" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
		const struct agent_flag flag = { "MetricsListen", right[i] };
		char findings[256];

		assert_int_equal(load("", &flag, 1, &s, findings, sizeof(findings)), 0);
		assert_string_equal(s.metrics_listen, right[i]);
	}
}

static void test_listen_for_others(void **state)
{
	static const char *const right[] = { "0.0.0.0:1", "[::]:9464", "10.1.2.3:80",
					     "127.0.0.1:80" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		_cleanup_(agent_settings_done) struct agent_settings s = { 0 };
		const struct agent_flag flags[] = { { "MetricsListen", right[i] },
						    { "MetricsRemote", "true" } };
		char findings[256];

		assert_int_equal(load("", flags, 2, &s, findings, sizeof(findings)), 0);
		assert_string_equal(s.metrics_listen, right[i]);
		assert_true(s.metrics_remote);
	}
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
		cmocka_unit_test(test_folders),	    cmocka_unit_test(test_plan),
		cmocka_unit_test(test_defaults),    cmocka_unit_test(test_values),
		cmocka_unit_test(test_flags_win),   cmocka_unit_test(test_findings),
		cmocka_unit_test(test_listen),	    cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_host_root),   cmocka_unit_test(test_lists),
		cmocka_unit_test(test_wrong_items), cmocka_unit_test(test_listen_for_others),
	};

	unsetenv("PT_NONE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
