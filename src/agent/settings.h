/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What concerns the agent as a whole and no single pipeline: agent.yaml, and flags of the same
 * names, from one table. A flag wins over the file, the file over the default.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/memory.h"
#include "conf/diag.h"
#include "conf/option.h"
#include "proc/table.h"

#define AGENT_SETTINGS_PATH "/etc/proctrail/agent.yaml" /* read when it is there */

struct agent_settings {
	char *instance;	     /* never empty; "default" */
	char *node_name;     /* NULL: the machine's */
	char *host_root;     /* no slash at its end; "": the agent's own */
	uint64_t ring_bytes; /* a power of two */
	uint64_t max_bytes;  /* of memory, for all of the agent */
	uint64_t journal_bytes;
	int64_t cgroup_budget; /* execs per second; 0: no bound */
	bool keep_on_stop;
	char *state_directory; /* of all instances; NULL: nothing survives the agent */
	char *pin_directory;   /* of all instances, on bpffs; NULL: nothing is pinned */
	uint64_t table_bytes;
	int64_t table_images, table_users, table_cgroups, table_containers;
	uint64_t container_wait_ns;	      /* 0: records never wait */
	struct string_list container_sources; /* names of sources; empty: nobody is asked */
	struct string_list docker_roots, podman_roots, containerd_roots, crio_roots;
	struct string_list docker_sockets, podman_sockets, cri_sockets;
	int kubernetes;						/* enum kubernetes_mode */
	char *kubeconfig, *kubernetes_server, *kubernetes_node; /* NULL: not said */
	bool kubernetes_insecure;
	struct string_list kubernetes_annotations;
	int hooks;	      /* enum probe_hooks */
	int log_level;	      /* enum log_level */
	int log_format;	      /* enum log_format */
	char *control_socket; /* a path; NULL: none */
	char *metrics_listen; /* ADDRESS:PORT; NULL: none */
	bool metrics_remote;  /* other hosts may ask */
};

/* diag_entry.file of what is wrong with a flag; its path is the name of the setting */
#define AGENT_FLAGS_NAME "command line"

extern const struct option agent_settings_options[];

/* A setting given by a flag: `name` as in the table. Borrowed. */
struct agent_flag {
	const char *name, *value;
};

/*
 * Fills *ret from a file (NULL: AGENT_SETTINGS_PATH if there is one, else the defaults) and the
 * flags. 0; -EINVAL with the findings in diag; -ENOMEM. agent_settings_done() in every case, *ret
 * being zeroed before.
 */
int agent_settings_load(const char *path, const struct agent_flag *flags, size_t n_flags,
			struct diag *reterr, struct agent_settings *ret);
void agent_settings_done(struct agent_settings *s);

/*
 * A path of the host, as the agent finds it: links are meant from HostRoot on. The caller frees it.
 * 0 or -ENOMEM.
 */
int agent_settings_host_path(const struct agent_settings *s, const char *path, char **ret);

/*
 * The instance's own folders: what survives the agent, and what is pinned. The caller frees them;
 * NULL where there is to be none. 0 or -ENOMEM.
 */
int agent_settings_folders(const struct agent_settings *s, char **ret_state, char **ret_pins);

/*
 * How the memory is shared out among so many flushers, and the bounds of the process table. 0;
 * -ENOSPC, logged: MaxMemory is too small.
 */
int agent_settings_plan(const struct agent_settings *s, size_t n_flushers, struct memory_plan *ret,
			struct proc_limits *ret_limits);

/*
 * Where an instance's control socket is unless it is told otherwise; the caller frees it. 0 or
 * -ENOMEM.
 */
int agent_control_socket(const char *instance, char **ret);
