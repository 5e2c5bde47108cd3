/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the agent's life share: start.c opens everything and begins the stream, agent.c
 * reads until it is told to stop, replay.c does all that for a recording. On the reader thread, or
 * on the one that has its place (agent/relief.h).
 */
#pragma once

#include <time.h>

#include "agent/agent.h"
#include "agent/config_watch.h"
#include "agent/losses.h"
#include "agent/memory.h"
#include "agent/observer.h"
#include "agent/pipelines.h"
#include "agent/reader.h"
#include "agent/relief.h"
#include "agent/sources.h"
#include "agent/store.h"
#include "base/clock.h"

struct agent {
	const struct agent_options *options;
	struct pipelines pipelines;
	struct config_watch config_watch;
	struct probe *probe;
	struct facts *facts;
	struct recording_writer *writer;
	struct recording_reader *recording;
	struct store *store;
	struct sources sources;
	struct enrichment enrichment;
	struct naming naming;
	struct reader reader;
	struct losses losses;
	struct memory_watch memory;
	struct proc_limits limits; /* of the table */
	struct observer observer;
	struct relief *relief;
	int relief_result; /* how reading in the reader's place ended */
	int epoll_fd, signal_fd;
	bool has_signals, has_changes; /* to be read, as epoll had it */
	uint64_t started_ns;
	uint64_t stop_ns;	  /* when the signal came; 0: it has not */
	bool wants_reload;	  /* SIGHUP came */
	uint64_t change_ns;	  /* when a file last changed; 0: all changes are taken */
	uint64_t first_change_ns; /* of those that are not taken */
	bool owes_snapshots;	  /* to pipelines that have begun */
	bool is_live;
};

/* start.c: pipelines first, so that what is wrong shows before anything is touched. */

/* 0, -EINVAL, or a negative errno, after errors were printed or logged. */
int life_load_pipelines(struct agent *a);
int life_start_pipelines(struct agent *a);
int life_start_reader(struct agent *a);
/* All of it, up to a stream that has begun. The same. */
int life_start(struct agent *a);

/*
 * What the table and the queues may take, after the pipelines have changed. Where MaxMemory does
 * not do for as many flushers, the log says so, and each part gets the least that it works with.
 */
void life_share_memory_anew(struct agent *a);
/* What the sensor collects: after the pipelines have changed. */
void life_set_demand(struct agent *a);
/*
 * Hands the living processes to the pipelines that have just begun and ask for them. 0 or -ENOMEM.
 */
int life_deliver_snapshots(struct agent *a);

/* agent.c: for whoever waits. */
reader_give_up_fn life_give_up;
/* Takes the signals that have come; true once one was to stop. */
bool life_is_told_to_stop(struct agent *a);
/*
 * The end: lets the flushers finish, `why` being how reading ended, and says how that is told: 0 or
 * a negative errno, logged.
 */
void life_stop_pipelines(struct agent *a, int why);
int life_end(int why);

/* replay.c. 0 or a negative errno, logged. */
int life_replay(struct agent *a);
