/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a pipeline can be given. */
#pragma once

#include "event/batch.h"

/* One exec of a program of which nothing else is known. Borrowed, and always the same. */
static inline const struct batch *one_event(void)
{
	static struct program program = { .refs = 1 };
	static struct image image = { .key = { .start_ns = 1, .pid = 1 },
				      .refs = 1,
				      .cred = &cred_unknown,
				      .program = &program };
	static const struct node node = { .name = STR("node"), .address = STR("10.0.0.1") };
	static struct event event = {
		.call = CALL_EXECVE, .image = &image, .node = &node, .tid = 1
	};
	static const struct batch batch = { .events = &event, .n = 1, .cap = 1 };

	return &batch;
}
