/* SPDX-License-Identifier: Apache-2.0 */
/* A world with a shell in it, which the agent saw exec: the forker of most tests. */
#pragma once

#include "world.h"

static const struct image_key shell = { .pid = 10, .start_ns = 1000, .exec_count = 5 };

static inline void setup_shell(struct world *w)
{
	world_init(w, NULL, NULL);
	world_feed(w, record_user(1000, "ann"));
	world_feed(w, record_exec(&(struct exec_spec){ .id = shell,
						       .parent = KEY(0, 0, 4),
						       .euid = 1000,
						       .filename = "/bin/sh",
						       .cwd = "/home/ann",
						       .exe = "/bin/dash",
						       .args = RECORD_ARGS("sh\0-i") }));
}

static inline const struct event *feed_exec(struct world *w, struct image_key id,
					    struct image_key parent, const char *filename)
{
	return world_feed(w, record_exec(&(struct exec_spec){
				     .id = id, .parent = parent, .filename = filename }));
}
