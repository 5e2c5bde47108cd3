/* SPDX-License-Identifier: Apache-2.0 */
/* What this process itself costs. Read from the system when a page is asked for. */
#pragma once

#include "metrics/metrics.h"

struct process_metrics {
	metric_value cpu_ns, resident_bytes, open_fds, started_s;
};

/* What this process takes of the machine's memory now. 0, or a negative errno. */
int process_resident_bytes(uint64_t *ret);

/* `p` must live as long as m. 0 or a negative errno. */
int process_metrics_add(struct metrics *m, struct process_metrics *p);
