/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers that a runtime is to be asked about: first those for which somebody waits, then
 * those of which it is good to know more; each once. One owner at a time.
 */
#pragma once

#include <stdbool.h>

#include "base/list.h"
#include "event/container.h"

struct ask_queue {
	struct list waited_for, wanted;
	size_t n, max;
};

void ask_queue_init(struct ask_queue *q, size_t max);
void ask_queue_done(struct ask_queue *q);

/* 0, -ENOSPC, -ENOMEM. */
int ask_queue_put(struct ask_queue *q, const char id[CONTAINER_ID_LEN], bool is_waited_for);
/* false: there is none (that somebody waits for, if only those are asked for). */
bool ask_queue_take(struct ask_queue *q, bool only_waited_for, char ret_id[CONTAINER_ID_LEN],
		    bool *ret_is_waited_for);
