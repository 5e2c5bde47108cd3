/* SPDX-License-Identifier: Apache-2.0 */
/* On the thread of the filter that counts. */
#include "processor/undecided.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"

#define LOG_UNIT "processor"
#define SAY_EVERY_NS UINT64_C(60000000000)

static void say(struct undecided *u, const char *name)
{
	log_warn("%s: kept records that it could not decide on, because a value takes too long to "
		 "search: %" PRIu64,
		 name, u->n);
	u->n = 0;
}

void undecided_count(struct undecided *u, const char *name)
{
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);

	u->n++;
	if (u->said_at_ns && now - u->said_at_ns < SAY_EVERY_NS)
		return;
	u->said_at_ns = now;
	say(u, name);
}

void undecided_stop(struct undecided *u, const char *name)
{
	if (u->n)
		say(u, name);
}
