/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crash points: places where a test lets the process die by SIGKILL, as the kernel would do it to
 * us. They exist in builds with -Dfaults=true alone; everywhere else these macros are nothing, and
 * their names are not in the program. What is armed comes from the environment:
 *
 *     PROCTRAIL_FAULT=name:count[,name:count...]
 *
 * kills at the count-th time (from 1) that some thread passes the point of that name. Any thread;
 * costs a comparison per armed point.
 */
#pragma once

#include <stddef.h>

#ifdef PROCTRAIL_FAULTS

void fault_pass(const char *name);
size_t fault_short(const char *name, size_t n);
void fault_short_end(const char *name);

/* Dies here when its turn has come. */
#define FAULT(name) fault_pass(name)
/*
 * For dying in the middle of a write: how many of n bytes to write, all of them or, when its turn
 * has come, half. Once that is written, FAULT_SHORT_END() of the same name dies.
 */
#define FAULT_SHORT(name, n) fault_short((name), (n))
#define FAULT_SHORT_END(name) fault_short_end(name)

#else

#define FAULT(name) ((void)0)
#define FAULT_SHORT(name, n) (n)
#define FAULT_SHORT_END(name) ((void)0)

#endif
