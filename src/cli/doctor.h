/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `proctrail doctor` looks at: the host (doctor_host.c), the programs (doctor_bpf.c), the
 * sources of what is known of containers (doctor_sources.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/settings.h"
#include "cli/diagnosis.h"

struct source_state;
struct source_tried;

/* By what uname(2) says. */
void doctor_kernel(struct diagnosis *d, const char *release, const char *version);
/* By a set of capabilities, as CapEff of /proc/self/status. */
void doctor_capabilities(struct diagnosis *d, uint64_t effective);
/* By whether bpffs is mounted, and a set of capabilities. */
void doctor_bpffs(struct diagnosis *d, bool is_mounted, uint64_t effective);
/* By the lines of /proc/cgroups; `hierarchy` as trial_cgroup_hierarchy() says. */
void doctor_cgroups(struct diagnosis *d, const char *cgroups, uint32_t hierarchy);

/* Everything about this host, the above included; its files are below `host_root` ("": /). */
void doctor_host(struct diagnosis *d, const char *host_root);

/* Loads each program and lets it go, then a ring of this size and a pass of the iterator. */
void doctor_bpf(struct diagnosis *d, uint64_t ring_bytes);

/* By how a source does. */
void doctor_source(struct diagnosis *d, const struct source_tried *one,
		   const struct source_state *state);

/* Asks each source that the settings name. */
void doctor_sources(struct diagnosis *d, const struct agent_settings *settings);
