/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When the reader is woken. For whoever has included the kernel's types and bpf_helpers.h. */
#pragma once

#include "abi/knobs.h"

/*
 * Waking the reader costs more than everything else together (an interrupt to the CPU itself, and a
 * switch): it is woken when it said that it sleeps for long, and when the ring crosses a mark, else
 * it comes by timer.
 */
static __always_inline __u64 wake_flags(struct knobs *k, __u64 filled, __u32 size)
{
	if (k->armed) {
		k->armed = 0;
		return BPF_RB_FORCE_WAKEUP;
	}
	if (filled < k->wake_bytes && filled + size >= k->wake_bytes)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}
