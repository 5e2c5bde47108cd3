/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/* What the feeder hands to its BPF program: records, one behind the other, each in a slot. */
#pragma once

#include <linux/types.h>

#define FEED_SLOTS 96
#define FEED_BYTES 1020 /* of a record, at most */

struct feed_slot {
	__u32 size;
	__u8 data[FEED_BYTES];
};

struct feed {
	__u32 n;
	struct feed_slot slots[FEED_SLOTS];
};
