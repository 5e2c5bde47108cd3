/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test comes to. UNDECIDED: it was given up, for want of memory or because a value took too
 * long to search. Whoever filters keeps such a record: nobody hides by what he calls himself.
 */
#pragma once

#include <stdbool.h>

enum outcome { OUTCOME_NO, OUTCOME_YES, OUTCOME_UNDECIDED };

static inline enum outcome outcome_from(bool holds)
{
	return holds ? OUTCOME_YES : OUTCOME_NO;
}

static inline enum outcome outcome_not(enum outcome o)
{
	return o == OUTCOME_UNDECIDED ? o : o == OUTCOME_NO ? OUTCOME_YES : OUTCOME_NO;
}
