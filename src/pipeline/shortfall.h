/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an outlet has dropped and has not reported in its stream yet, by reason. Kept in the
 * outlet's custody slot as well, so that it is still reported when the agent dies before. Belongs
 * to the outlet's lock.
 */
#pragma once

#include "pipeline/chunk.h"
#include "pipeline/custody.h"

struct shortfall {
	struct loss sums[_DROP_MAX]; /* in no report yet; until_ns is not set */
	bool is_owed[_DROP_MAX];
	struct custody_slot *slot; /* or NULL; reports that are not in custody yet included */
};

/* Takes over what is in a slot. */
void shortfall_set_slot(struct shortfall *s, struct custody_slot *slot);

/*
 * Adds records first … end - 1 of a chunk; of a report, what it was about. `since_ns` is when the
 * last record before them was, 0: there is none.
 */
void shortfall_add(struct shortfall *s, enum drop why, const struct chunk *c, size_t first,
		   size_t end, int64_t since_ns);
/* Records of which nobody knows how many they are. */
void shortfall_add_unreadable(struct shortfall *s);

bool shortfall_any(const struct shortfall *s);

/* Moves what is owed for one of the reasons into a report. False: there is nothing. */
bool shortfall_take(struct shortfall *s, int64_t until_ns, struct loss *ret);
/* That report was not made after all. */
void shortfall_put_back(struct shortfall *s, const struct loss *report);
/* That report is in custody: a kill cannot make it forgotten. */
void shortfall_settle(struct shortfall *s, const struct loss *report);
