/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of containers that never were: one digit, 64 times. */
#pragma once

#include <string.h>

#include "event/container.h"

/* Until the fifteenth next call. */
static inline const char *container_id(char digit)
{
	static _Thread_local char ids[16][CONTAINER_ID_LEN + 1];
	static _Thread_local unsigned int next;
	char *id = ids[next++ % 16];

	memset(id, digit, CONTAINER_ID_LEN);
	return id;
}
