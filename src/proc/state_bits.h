/* SPDX-License-Identifier: Apache-2.0 */
/* How the flags of images and processes stand in a state: for state.c and restore.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"
#include "event/image.h"
#include "proc/table.h"

struct state_bit {
	uint32_t flag, bit;
};

static const struct state_bit state_image_bits[] = {
	{ IMAGE_KTHREAD, EVENT_IMAGE_KTHREAD },	      { IMAGE_STUB, EVENT_IMAGE_STUB },
	{ IMAGE_NEVER_EXEC, EVENT_IMAGE_NEVER_EXEC }, { IMAGE_EXITED, EVENT_IMAGE_EXITED },
	{ IMAGE_ENTRY, EVENT_IMAGE_ENTRY },	      { IMAGE_ENTERED, EVENT_IMAGE_ENTERED },
	{ IMAGE_INSIDE, EVENT_IMAGE_INSIDE },
};

static const struct state_bit state_process_bits[] = {
	{ PROCESS_LIVE, EVENT_IMAGE_LIVE },
	{ PROCESS_LIVE_IMAGE, EVENT_IMAGE_LIVE_IMAGE },
	{ PROCESS_TOLD, EVENT_IMAGE_TOLD },
	{ PROCESS_DYING, EVENT_IMAGE_DYING },
};

static inline uint32_t state_to_bits(const struct state_bit *map, size_t n, uint32_t flags)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= flags & map[i].flag ? map[i].bit : 0;
	return bits;
}

static inline uint32_t state_to_flags(const struct state_bit *map, size_t n, uint32_t bits)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < n; i++)
		flags |= bits & map[i].bit ? map[i].flag : 0;
	return flags;
}
