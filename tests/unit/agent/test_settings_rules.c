/* SPDX-License-Identifier: Apache-2.0 */
/* Every finding, at the place of its key; and values that stand. */
#include "settings_text.h"

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
	  AT "19: ContainerSources: expected a value or a list of values, not a map\n" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_root),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_listen_for_others),
	};

	unsetenv("PT_NONE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
