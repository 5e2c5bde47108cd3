/* SPDX-License-Identifier: Apache-2.0 */
/* The three descriptors that every program is started with, as a rule. Stateless. */
#pragma once

/*
 * For the beginning of main(). Those of 0, 1 and 2 that are closed are taken by something harmless,
 * or the next file that is opened, of the kernel, a disk or a queue, would be the standard output
 * or the log. Nothing can be read from 0; who writes to 1 gets -EBADF, so that it is noticed; what
 * is written to 2 is nowhere. 0 or a negative errno.
 */
int standard_streams_complete(void);
