/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was there before the agent: two passes of the task iterator around attaching the programs,
 * and what the iterator may not show completed from /proc. Runs on the reader thread, at start.
 */
#pragma once

#include "agent/reader.h"

/*
 * First a pass, then the programs are attached, then the pass that counts: nothing is missed that
 * ends in between. 0 or a negative errno, after an error was logged.
 */
int snapshot_run(struct reader *r);
