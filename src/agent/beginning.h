/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the stream begins: from nothing; or where a dead agent, or one that left the probe to us, has
 * stopped: its journal is folded, and what has waited in the ring since comes first. On the reader
 * thread.
 */
#pragma once

#include "agent/enrichment.h"
#include "agent/reader.h"

/*
 * Everything that the reader is given is open, and nothing has been read. Afterwards all programs
 * are attached, the table knows all processes, and all that happened before is delivered, but for
 * what is held. 0 or a negative errno, after an error was logged.
 */
int beginning_run(struct reader *r, struct enrichment *e);
