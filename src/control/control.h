/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running agent tells about itself, by HTTP: GET and HEAD, no bodies, few connections.
 *
 *   /metrics  Prometheus text
 *   /healthz  200 or 503, {"healthy":false,"reasons":["…"]}
 *   /livez    the same, of what a restart could mend: a reader that does not turn
 *   /status   JSON, on the unix socket only: {"version","pid","instance","uptime_seconds",
 *             "health":{…},"agent":{…},"metrics":[…]}; health is as above, metrics are as
 *             metrics_format_json() writes them
 *
 * `agent` is what the agent has handed over. Of it `proctrail status` prints, where they are there:
 * node, hooks ("btf"), ring_bytes, and of each of pipelines: name, path, state ("running"), error.
 *
 * A thread of its own for each socket.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "control/health.h"
#include "metrics/metrics.h"

struct control_options {
	const char *socket;   /* path of the unix socket; NULL: none */
	const char *listen;   /* ADDRESS:PORT; NULL: none */
	bool allow_remote;    /* `listen` may be an address that other hosts reach */
	const char *instance; /* borrowed for good */
};

struct control;

/* `m` and `h` are borrowed for good. 0 or a negative errno, after an error was logged. */
int control_new(const struct control_options *options, struct metrics *m, struct health *h,
		struct control **ret);

/* Ends the threads. No callback of the metrics runs after it. */
struct control *control_free(struct control *c);
DEFINE_CLEANUP(struct control *, control_free)

/* A JSON object, copied: the part `agent` of /status, until the next. 0 or -ENOMEM. Any thread. */
int control_set_state(struct control *c, struct str json);
