/* SPDX-License-Identifier: Apache-2.0 */
/* Every setting: its key, its default, its range, and what the documentation says of it. */
#include <string.h>

#include "agent/settings.h"
#include "base/log.h"
#include "enrich/kubernetes.h"
#include "probe/probe.h"

#define RING_MIN (256 * 1024)
#define RING_MAX (1024 * 1024 * 1024)

#define CONTAINER_WAIT_MAX_NS 10000000000LL

static const char *const source_names[] = {
	"files", "docker", "podman", "cri", "kubernetes", "none"
};
static const char *const hooks_names[] = { "auto", "btf", "raw", NULL };
static const char *const kubernetes_names[] = { "auto", "off", "api", "kubelet", NULL };
static const char *const level_names[] = { "error", "warning", "info", "debug", NULL };
static const char *const format_names[] = { "text", "json", NULL };

_Static_assert(PROBE_HOOKS_AUTO == 0 && PROBE_HOOKS_BTF == 1 && PROBE_HOOKS_RAW == 2,
	       "hooks_names");
_Static_assert(KUBERNETES_AUTO == 0 && KUBERNETES_OFF == 1 && KUBERNETES_API == 2 &&
		       KUBERNETES_KUBELET == 3,
	       "kubernetes_names");
_Static_assert(LOG_LEVEL_ERR == 0 && LOG_LEVEL_DEBUG == 3, "level_names");
_Static_assert(LOG_FORMAT_TEXT == 0 && LOG_FORMAT_JSON == 1, "format_names");

static const char *check_source(const char *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(source_names); i++)
		if (strcmp(item, source_names[i]) == 0)
			return NULL;
	return "files, docker, podman, cri, kubernetes or none";
}

static const char *check_path(const char *item)
{
	return *item == '/' ? NULL : "an absolute path";
}

const struct option agent_settings_options[] = {
	OPT_STRING(
		struct agent_settings, "Instance", instance, .def = "default",
		.help = "The name of this agent among those on this machine: letters, digits, `-`, `_` and `.`, at "
			"most 64. Instances live side by side."),
	OPT_STRING(
		struct agent_settings, "NodeName", node_name,
		.help = "The node in `exec_id`, at most 64 bytes; without it the machine's own name."),
	OPT_STRING(
		struct agent_settings, "HostRoot", host_root, .def = "/",
		.help = "Where the host's files are: its passwd file and what its container runtimes keep are looked up "
			"below this folder. For an agent in a container, which has to be in the host's pid namespace and "
			"does not start elsewhere."),
	OPT_SIZE(struct agent_settings, "RingSize", ring_bytes, .def = "16MiB", .min = RING_MIN,
		 .max = RING_MAX,
		 .help = "The buffer between the kernel and the agent: a power of two, and at least four times the "
			 "largest record that the pipelines ask for (see `MaxArgumentBytes`)."),
	OPT_SIZE(
		struct agent_settings, "MaxMemory", max_bytes, .def = "128MiB",
		.min = 32 * 1024 * 1024, .max = 1024LL * 1024 * 1024 * 1024,
		.help = "What the whole agent may take, the ring, the journal and the flushers' queues included. What is left for "
			"the process table follows from it; above it the oldest is forgotten first."),
	OPT_SIZE(
		struct agent_settings, "JournalSize", journal_bytes, .def = "8MiB",
		.min = 1024 * 1024, .max = 1024LL * 1024 * 1024,
		.help = "How large the journal may grow, on a tmpfs, before it is written anew, over the one before: so "
			"it takes twice as much. More where what has to be kept of the living processes is a third of it."),
	OPT_INT(struct agent_settings, "CgroupBudget", cgroup_budget, .def = "0", .min = 0,
		.max = 1000000,
		.help = "How many programs each control group may execute in a second, on all CPUs together, and be "
			"recorded; of what is above it the execs are left out first, above four times as many the "
			"clones, and exits never. What is left out is reported. 0: no bound."),
	OPT_BOOL(
		struct agent_settings, "KeepOnStop", keep_on_stop, .def = "false",
		.help = "What a stop by SIGTERM or SIGINT leaves behind: with `true` the probe goes on recording into the "
			"ring, for the agent that is started next (an upgrade); `proctrail detach` ends it. With "
			"`false` nothing. A crash always leaves it."),
	OPT_STRING(
		struct agent_settings, "StateDirectory", state_directory, .def = "/run/proctrail",
		.help = "Where the journal lies by which an agent that is started again knows all that the last one knew: "
			"a folder on a tmpfs, with one of its own for each instance, or `none`."),
	OPT_STRING(
		struct agent_settings, "PinDirectory", pin_directory,
		.def = "/sys/fs/bpf/proctrail",
		.help = "Where the probe is pinned, so that it goes on recording while no agent runs: a folder on a bpffs, "
			"with one of its own for each instance, or `none`."),
	OPT_SIZE(struct agent_settings, "TableMemory", table_bytes, .def = "64MiB",
		 .min = 1024 * 1024, .max = 64LL * 1024 * 1024 * 1024,
		 .help = "What the process table may take. Above it the processes that ended longest ago are "
			 "forgotten first; each is counted."),
	OPT_INT(struct agent_settings, "TableProcesses", table_images, .def = "262144", .min = 1024,
		.max = 16777216,
		.help = "How many processes the table may hold, those included that have ended and are still "
			"somebody's parent."),
	OPT_INT(struct agent_settings, "TableUsers", table_users, .def = "65536", .min = 1024,
		.max = 16777216, .help = "How many users the table may hold."),
	OPT_INT(struct agent_settings, "TableCgroups", table_cgroups, .def = "16384", .min = 1024,
		.max = 16777216, .help = "How many control groups the table may hold."),
	OPT_INT(struct agent_settings, "TableContainers", table_containers, .def = "4096",
		.min = 64, .max = 1048576,
		.help = "How many containers the table may hold; those used longest ago are forgotten first."),
	OPT_DURATION(
		struct agent_settings, "ContainerWait", container_wait_ns, .def = "200ms", .min = 0,
		.max = CONTAINER_WAIT_MAX_NS,
		.help = "How long the records of a container wait for what it is called, when that is not known at once; "
			"nobody else's wait. Afterwards they go out as they are, and a record `container` tells the "
			"rest when it is known. `0s`: they never wait."),
	OPT_CHECKED(
		struct agent_settings, "ContainerSources", container_sources,
		.def = "files,docker,podman,cri,kubernetes", .check_item = check_source,
		.help = "Who is asked about containers: `files` (what the runtimes write on disk), `docker`, `podman` and "
			"`cri` (their sockets, where they are there), `kubernetes`. `none`: nobody."),
	OPT_CHECKED(
		struct agent_settings, "DockerRoots", docker_roots, .def = "/var/lib/docker",
		.check_item = check_path,
		.help = "Where Docker keeps its data, one or more folders. Below HostRoot, as the next ones."),
	OPT_CHECKED(
		struct agent_settings, "PodmanRoots", podman_roots,
		.def = "/var/lib/containers/storage", .check_item = check_path,
		.help = "Where podman stores containers: of root, and of users who have their own."),
	OPT_CHECKED(struct agent_settings, "ContainerdRoots", containerd_roots,
		    .def = "/run/containerd", .check_item = check_path,
		    .help = "Where containerd keeps the state of what runs."),
	OPT_CHECKED(struct agent_settings, "CrioRoots", crio_roots,
		    .def = "/run/containers/storage", .check_item = check_path,
		    .help = "Where CRI-O keeps the state of what runs."),
	OPT_CHECKED(struct agent_settings, "DockerSockets", docker_sockets,
		    .def = "/run/docker.sock", .check_item = check_path,
		    .help = "Where Docker listens: the first one that is there is asked."),
	OPT_CHECKED(struct agent_settings, "PodmanSockets", podman_sockets,
		    .def = "/run/podman/podman.sock", .check_item = check_path,
		    .help = "Where podman's service listens."),
	OPT_CHECKED(
		struct agent_settings, "CriSockets", cri_sockets,
		.def = "/run/containerd/containerd.sock,/run/crio/crio.sock,/run/cri-dockerd.sock",
		.check_item = check_path, .help = "Where a runtime serves CRI."),
	OPT_ENUM(
		struct agent_settings, "Kubernetes", kubernetes, .def = "auto",
		.names = kubernetes_names,
		.help = "Who is asked about pods: `api` (the API server: one watch of this node's pods), `kubelet`, `off`; "
			"`auto` asks the API server where Kubeconfig or a pod's service account says how."),
	OPT_STRING(
		struct agent_settings, "Kubeconfig", kubeconfig,
		.help = "The file that says how the API server is reached; without it the service account of the "
			"agent's own pod."),
	OPT_STRING(
		struct agent_settings, "KubernetesServer", kubernetes_server,
		.help = "`https://HOST:PORT`, in place of what Kubeconfig or the pod's environment says; of kubelet, "
			"`https://127.0.0.1:10250` by default."),
	OPT_STRING(
		struct agent_settings, "KubernetesNode", kubernetes_node,
		.help = "This node's name in Kubernetes, where it is not NodeName or the machine's own."),
	OPT_BOOL(struct agent_settings, "KubernetesInsecure", kubernetes_insecure, .def = "false",
		 .help = "Whatever certificate the server shows is taken for its own: for tests."),
	OPT_STRINGS(
		struct agent_settings, "KubernetesAnnotations", kubernetes_annotations,
		.help = "Which annotations of pods `k8s.pod.annotations` shows: names, or beginnings of names that end "
			"in `*`."),
	OPT_ENUM(struct agent_settings, "Hooks", hooks, .def = "auto", .names = hooks_names,
		 .help = "Which kind of tracepoint to use: `btf` is faster, `raw` works on every kernel, `auto` takes "
			 "`btf` where the kernel has it."),
	OPT_ENUM(struct agent_settings, "LogLevel", log_level, .def = "info", .names = level_names,
		 .help = "What is logged on stderr: this and what is more severe."),
	OPT_ENUM(struct agent_settings, "LogFormat", log_format, .def = "text",
		 .names = format_names,
		 .help = "How it is logged: `text` for key=value, or `json`."),
	OPT_STRING(
		struct agent_settings, "ControlSocket", control_socket,
		.help = "The socket that `proctrail status` asks, for root only: an absolute path, or `none`; "
			"without it `/run/proctrail/INSTANCE.sock`."),
	OPT_STRING(
		struct agent_settings, "MetricsListen", metrics_listen, .def = "none",
		.help = "Where Prometheus finds the metrics: ADDRESS:PORT on the loopback interface, such as "
			"`127.0.0.1:9464` or `[::1]:9464`, or `none`."),
	OPT_BOOL(
		struct agent_settings, "MetricsRemote", metrics_remote, .def = "false",
		.help = "Whether `MetricsListen` may be an address that other hosts reach, such as `0.0.0.0:9464` in a pod "
			"with an address of its own. Whoever reaches it may read the metrics, and nothing else."),
	{ .type = OPTION_END },
};
