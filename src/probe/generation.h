/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A generation: the programs that one agent attached, and their maps. Each has switches and
 * counters of its own; the ring may be shared with others. Pinned, it is a folder with a file for
 * each part. The maps are pinned before the first program, the programs in the order of attaching,
 * and they go in the same order, the maps last: so what is there tells how far it was.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/probe.h"

enum generation_part {
	PART_RING,
	PART_KNOBS,
	PART_STREAMS,
	PART_CLAIM, /* shared with the generations before it; one that lacks it records all twice */
	PART_EXIT,  /* from here on links, in the order of attaching */
	PART_EXEC,
	PART_CGROUP,
	PART_FORK,
	_PART_MAX,
};
#define PART_LINKS PART_EXIT

struct generation {
	uint16_t number;
	int fds[_PART_MAX]; /* owned; -1: is not there */
	uint32_t ring_id;   /* of the ring's map */
	uint32_t ring_bytes;
	uint64_t ring_base;
	uint32_t streams_size; /* of one CPU's value */
	uint64_t end; /* once it was let go and its last counters were told: of its records */
	struct probe_misses misses; /* until it was succeeded */
};

void generation_init(struct generation *g, uint16_t number);
void generation_done(struct generation *g);

/*
 * Takes up what is pinned, after looking at each part's type and sizes. 0 or a negative errno:
 *   -ENODATA  it was never attached, or was let go and read to its end: nothing is lost with it
 *   -EBADMSG  something else is there than what an agent leaves; *reterr says what (static text)
 */
int generation_read(const char *folder, uint16_t number, struct generation *ret,
		    const char **reterr);

/* Fills in ring_id and streams_size from the maps. 0 or a negative errno. */
int generation_describe(struct generation *g);

bool generation_is_complete(const struct generation *g); /* all its programs are attached */
bool generation_is_attached(const struct generation *g); /* any is */

/*
 * What the kernel counted of programs (bpf_prog_info.recursion_misses), by the part that each is
 * attached as; -1: there is none. 0 or a negative errno.
 */
int generation_count_misses(const int programs[_PART_MAX], struct probe_misses *ret);
/* The same of those that are attached. -EPERM: the kernel does not tell us. */
int generation_read_misses(const struct generation *g, struct probe_misses *ret);

/* Pins one part; the first makes the folder. 0 or a negative errno. */
int generation_pin(const struct generation *g, const char *folder, enum generation_part part);

/*
 * Detaches the programs of all these: all exits, then all execs and so on. Nobody runs any of them
 * any more when it returns. `folder`: where they are pinned, or NULL.
 */
void generation_let_go(struct generation *gs, size_t n, const char *folder);

/* Removes whatever is pinned of it. */
void generation_remove(const char *folder, uint16_t number);
