/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time as one number: nanoseconds of one of the system's clocks.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND_NS 1000000000u
#define CLOCK_MS_NS UINT64_C(1000000)

static inline uint64_t clock_now_ns(clockid_t clock)
{
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * CLOCK_SECOND_NS + (uint64_t)now.tv_nsec;
}
