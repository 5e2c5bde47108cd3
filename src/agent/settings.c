/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the agent's settings. A flag is put into the tree of the file as if it stood there,
 * so that both are judged by the same rules; what is said about it names the flag's place as
 * "command line".
 */
#include "agent/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rooted_path.h"
#include "conf/scalar.h"
#include "enrich/kubernetes.h"
#include "probe/probe.h"

#define LOG_UNIT "settings"

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

/* Where a key stands: in the file, on the command line, or nowhere. */
struct source {
	const struct conf_node *map;
	struct diag *reterr;
};

static struct position position_of(const struct source *src, const char *key)
{
	const struct conf_node *node = conf_node_lookup(src->map, key);

	return node ? node->at : src->map->at;
}

#define finding(src, key, ...) \
	diag_add((src)->reterr, DIAG_ERROR, position_of((src), (key)), (key), __VA_ARGS__)

static bool is_instance_name(const char *name)
{
	size_t n = strlen(name);

	return n && n <= 64 && *name != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
		       n;
}

static bool is_port(const char *text)
{
	int64_t port = 0;

	return scalar_parse_int(text, &port) == 0 && port >= 1 && port <= 65535;
}

static bool is_loopback(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strcmp(address, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_address(const char *address)
{
	struct in6_addr any;

	return inet_pton(AF_INET, address, &any) == 1 || inet_pton(AF_INET6, address, &any) == 1;
}

/* ADDRESS:PORT or [ADDRESS]:PORT; of the loopback interface, or of any. */
static bool is_endpoint(const char *text, bool is_remote)
{
	_cleanup_(freep) char *address = NULL;
	const char *colon = strrchr(text, ':');
	bool has_brackets;

	if (!colon || colon == text || !is_port(colon + 1))
		return false;
	has_brackets = *text == '[' && colon[-1] == ']' && colon - text > 2;
	address = has_brackets ? strndup(text + 1, (size_t)(colon - text) - 2)
			       : strndup(text, (size_t)(colon - text));
	return address && (is_loopback(address) || (is_remote && is_address(address))) &&
	       (has_brackets || !strchr(address, ':'));
}

static void check_names(const struct agent_settings *s, const struct source *src)
{
	if (s->instance && !is_instance_name(s->instance))
		finding(src, "Instance",
			"expected 1 to 64 letters, digits, '-', '_' or '.', not '%s'", s->instance);
	if (s->node_name && (!*s->node_name || strlen(s->node_name) > 64))
		finding(src, "NodeName", "expected 1 to 64 bytes, not %zu", strlen(s->node_name));
}

static void check_folder(const char *path, const char *key, const struct source *src)
{
	if (path && *path != '/')
		finding(src, key, "expected an absolute path or none, not '%s'", path);
}

/* That it is a mount of the host nobody can tell; that it is a folder at least. */
static void check_host_root(const struct agent_settings *s, const struct source *src)
{
	struct stat st;

	if (!s->host_root || !*s->host_root)
		return;
	if (*s->host_root != '/')
		finding(src, "HostRoot", "expected an absolute path, not '%s'", s->host_root);
	else if (stat(s->host_root, &st) < 0)
		finding(src, "HostRoot", "there is no folder '%s': %s", s->host_root,
			strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		finding(src, "HostRoot", "'%s' is no folder", s->host_root);
}

static void check_places(const struct agent_settings *s, const struct source *src)
{
	if (s->ring_bytes & (s->ring_bytes - 1))
		finding(src, "RingSize", "expected a power of two such as 8MiB or 16MiB");
	check_folder(s->state_directory, "StateDirectory", src);
	check_folder(s->pin_directory, "PinDirectory", src);
	check_host_root(s, src);
	if (s->control_socket && *s->control_socket != '/')
		finding(src, "ControlSocket", "expected an absolute path or none, not '%s'",
			s->control_socket);
	if (s->control_socket && strlen(s->control_socket) > 107)
		finding(src, "ControlSocket",
			"too long: a socket's path may have at most 107 bytes");
	if (s->metrics_listen && !is_endpoint(s->metrics_listen, s->metrics_remote))
		finding(src, "MetricsListen",
			s->metrics_remote
				? "expected an address such as 0.0.0.0:9464 or [::]:9464, or none, not '%s'"
				: "expected an address of the loopback interface such as 127.0.0.1:9464, or none, not '%s'",
			s->metrics_listen);
}

static void drop_slashes(char *path)
{
	size_t n = path ? strlen(path) : 0;

	while (n && path[n - 1] == '/')
		path[--n] = '\0';
}

static void drop_none(char **text)
{
	_cleanup_(freep) char *none = NULL;

	if (*text && strcmp(*text, "none") == 0)
		none = TAKE_PTR(*text);
}

/* `none` stands alone, for a list without anybody. */
static void settle_sources(struct string_list *list, const struct source *src)
{
	_cleanup_(freep) char *none = NULL;
	bool has_none = false;

	for (size_t i = 0; i < list->n; i++)
		has_none |= strcmp(list->items[i], "none") == 0;
	if (has_none && list->n > 1)
		finding(src, "ContainerSources", "none and others exclude each other");
	else if (has_none)
		none = TAKE_PTR(list->items[--list->n]);
}

int agent_control_socket(const char *instance, char **ret)
{
	char *path = NULL;

	if (asprintf(&path, "/run/proctrail/%s.sock", instance) < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
}

static int settle(struct agent_settings *s, const struct source *src)
{
	size_t n_errors = src->reterr->n_errors;
	int r = 0;

	check_names(s, src);
	if (!s->control_socket && s->instance && src->reterr->n_errors == n_errors)
		r = agent_control_socket(s->instance, &s->control_socket);
	if (r < 0)
		return r;
	drop_none(&s->control_socket);
	drop_none(&s->state_directory);
	drop_none(&s->pin_directory);
	drop_none(&s->metrics_listen);
	drop_slashes(s->host_root);
	settle_sources(&s->container_sources, src);
	check_places(s, src);
	return src->reterr->n_errors > n_errors ? -EINVAL : 0;
}

static struct conf_node *find_value(struct conf_node *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->items[i];
	return NULL;
}

static int make_scalar(struct str text, struct conf_node **ret)
{
	_cleanup_(conf_node_freep) struct conf_node *node = calloc(1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->kind = CONF_SCALAR;
	node->at = (struct position){ .file = AGENT_FLAGS_NAME };
	node->text = strndup(text.p, text.n);
	if (!node->text)
		return -ENOMEM;
	*ret = TAKE_PTR(node);
	return 0;
}

static int append_item(struct conf_node *list, struct conf_node **item)
{
	struct conf_node **grown = reallocarray(list->items, list->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->items = grown;
	list->items[list->n++] = TAKE_PTR(*item);
	return 0;
}

/* Items with a comma between them, as the table writes a default. */
static int make_list(const char *text, struct conf_node **ret)
{
	_cleanup_(conf_node_freep) struct conf_node *list = calloc(1, sizeof(*list));
	int r = list ? 0 : -ENOMEM;
	size_t n;

	if (r < 0)
		return r;
	list->kind = CONF_LIST;
	list->at = (struct position){ .file = AGENT_FLAGS_NAME };
	for (; r == 0 && *text; text += n + (text[n] == ',')) {
		_cleanup_(conf_node_freep) struct conf_node *item = NULL;

		n = strcspn(text, ",");
		r = make_scalar((struct str){ .p = text, .n = n }, &item);
		if (r == 0)
			r = append_item(list, &item);
	}
	if (r == 0)
		*ret = TAKE_PTR(list);
	return r;
}

static bool is_list(const char *name)
{
	for (const struct option *o = agent_settings_options; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o->type == OPTION_STRINGS || o->type == OPTION_CHECKED;
	return false;
}

static int append_pair(struct conf_node *map, struct conf_node **key, struct conf_node **value)
{
	struct conf_node **grown;

	grown = reallocarray(map->keys, map->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	map->keys = grown;
	grown = reallocarray(map->items, map->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	map->items = grown;
	map->keys[map->n] = TAKE_PTR(*key);
	map->items[map->n++] = TAKE_PTR(*value);
	return 0;
}

/* In place of what the file says. */
static int put_flag(struct conf_node *map, const struct agent_flag *flag)
{
	_cleanup_(conf_node_freep) struct conf_node *key = NULL, *value = NULL;
	struct conf_node *old = find_value(map, flag->name);
	int r;

	r = is_list(flag->name) ? make_list(flag->value, &value)
				: make_scalar(str_from(flag->value), &value);
	if (r < 0)
		return r;
	if (old) {
		struct conf_node tmp = *old;

		*old = *value;
		*value = tmp;
		return 0;
	}
	r = make_scalar(str_from(flag->name), &key);
	return r < 0 ? r : append_pair(map, &key, &value);
}

static int parse(const char *path, struct diag *reterr, struct conf_node **ret)
{
	bool is_there = path || access(AGENT_SETTINGS_PATH, F_OK) == 0;
	int r;

	if (!is_there)
		return conf_parse_text(AGENT_FLAGS_NAME, "{}", 2, reterr, ret);
	r = conf_parse_file(path ? path : AGENT_SETTINGS_PATH, reterr, ret);
	if (r < 0)
		return r;
	if ((*ret)->kind != CONF_MAP) {
		diag_add(reterr, DIAG_ERROR, (*ret)->at, "",
			 "expected a map of settings such as 'RingSize: 16MiB'");
		return -EINVAL;
	}
	return conf_expand_env(*ret, reterr) == -ENOMEM ? -ENOMEM
							: 0; /* other findings count in the end */
}

int agent_settings_load(const char *path, const struct agent_flag *flags, size_t n_flags,
			struct diag *reterr, struct agent_settings *ret)
{
	_cleanup_(conf_node_freep) struct conf_node *map = NULL;
	size_t n_errors = reterr->n_errors;
	int r;

	r = parse(path, reterr, &map);
	for (size_t i = 0; r == 0 && i < n_flags; i++)
		r = put_flag(map, &flags[i]);
	if (r == 0)
		r = options_apply(agent_settings_options, map, "", NULL, ret, reterr);
	if (r == -ENOMEM || !map)
		return r;
	r = settle(ret, &(struct source){ .map = map, .reterr = reterr });
	return r == 0 && reterr->n_errors > n_errors ? -EINVAL : r;
}

void agent_settings_done(struct agent_settings *s)
{
	options_done(agent_settings_options, s);
}

int agent_settings_host_path(const struct agent_settings *s, const char *path, char **ret)
{
	return rooted_path_resolve(s->host_root, path, ret);
}

static int join(const char *folder, const char *name, char **ret)
{
	char *path = NULL;

	if (folder && asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
}

int agent_settings_folders(const struct agent_settings *s, char **ret_state, char **ret_pins)
{
	_cleanup_(freep) char *state = NULL, *pins = NULL;

	if (join(s->state_directory, s->instance, &state) < 0 ||
	    join(s->pin_directory, s->instance, &pins) < 0)
		return -ENOMEM;
	/* No name on bpffs has a dot (kernel/bpf/inode.c: bpf_lookup), and no instance a plus. */
	for (char *dot = pins ? strrchr(pins, '/') : NULL; dot && (dot = strchr(dot, '.'));)
		*dot = '+';
	*ret_state = TAKE_PTR(state);
	*ret_pins = TAKE_PTR(pins);
	return 0;
}

/* The ring, and the journal with the file that the next one is written over. */
static uint64_t shared_bytes(const struct agent_settings *s)
{
	return s->ring_bytes + (s->state_directory ? 2 * s->journal_bytes : 0);
}

int agent_settings_plan(const struct agent_settings *s, size_t n_flushers, struct memory_plan *ret,
			struct proc_limits *ret_limits)
{
	uint64_t shared = shared_bytes(s), least = memory_plan_least(shared, n_flushers);
	struct memory_plan plan;
	int r;

	r = memory_plan(s->max_bytes, shared, n_flushers, &plan);
	if (r < 0) {
		log_err("MaxMemory is too small: RingSize, JournalSize and %zu flushers take at least %" PRIu64
			" MiB",
			n_flushers, (least + (1 << 20) - 1) >> 20);
		return r;
	}
	if (plan.table_bytes > s->table_bytes)
		plan.table_bytes = s->table_bytes;
	*ret = plan;
	*ret_limits = (struct proc_limits){
		.max_images = (size_t)s->table_images,
		.max_bytes = plan.table_bytes,
		.max_users = (size_t)s->table_users,
		.max_cgroups = (size_t)s->table_cgroups,
		.max_containers = (size_t)s->table_containers,
	};
	return 0;
}
