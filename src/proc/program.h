/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs from records: which path is the `binary`, and all strings laid out behind the structure.
 */
#pragma once

#include "base/buf.h"
#include "proc/table.h"

/*
 * Each gives one reference to the caller. `scratch` is where paths are put together. 0 or -ENOMEM.
 * From EXEC: binary is the path as given; a relative one has the cwd before it; /dev/fd/N is the
 * resolved executable. From PROCESS: the executable's path; of a kernel thread its name.
 */
int program_from_exec(struct proc_table *t, struct buf *scratch, const struct event_exec *e,
		      const char *const *environment, struct program **ret);
int program_from_process(struct proc_table *t, struct buf *scratch, const struct event_process *e,
			 struct program **ret);
/* From a state, where the strings stand as they were. */
int program_from_image(struct proc_table *t, const struct event_image *e,
		       const struct image_parts *parts, struct program **ret);
/* Of a kernel thread, or a helper that has not exec'ed. `comm` is EVENT_COMM_MAX bytes. */
int program_from_comm(struct proc_table *t, const char *comm, struct program **ret);
