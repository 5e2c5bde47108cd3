/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is there besides what the stream tells: passes of the task iterator, and what the iterator
 * may not show completed from /proc. Run on the reader thread, at start and after a loss.
 */
#pragma once

#include "agent/reader.h"

/*
 * At a start from nothing: first a pass, then the programs are attached, then the pass that counts:
 * nothing is missed that ends in between. 0 or a negative errno, after an error was logged.
 */
int snapshot_first(struct reader *r);

/*
 * The programs are attached: a pass that repairs the table. What it does not find has ended, and
 * does so with an event. 0 or a negative errno, after an error was logged.
 */
int snapshot_again(struct reader *r);

/*
 * Whether the iterator shows all processes of the machine: it walks the pid namespace of whoever
 * opens it. Where it does not, what it leaves out must not be taken for ended.
 */
bool snapshot_sees_all(void);
