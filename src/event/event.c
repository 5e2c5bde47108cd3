/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the calls. Pure; any thread. */
#include "event/event.h"

#include <errno.h>

#include "base/cleanup.h"

static const char *const call_names[] = {
	[CALL_EXECVE] = "execve",     [CALL_EXIT] = "exit", [CALL_CLONE] = "clone",
	[CALL_SNAPSHOT] = "snapshot", [CALL_LOST] = "lost", [CALL_CONTAINER] = "container",
};
_Static_assert(ARRAY_SIZE(call_names) == _CALL_MAX, "every call has a name");

static const char *const loss_names[] = {
	[LOSS_RING_FULL] = "ring_full",	  [LOSS_BUDGET] = "budget",
	[LOSS_SKIPPED] = "skipped",	  [LOSS_NOT_RUNNING] = "not_running",
	[LOSS_UNREADABLE] = "unreadable", [LOSS_QUEUE] = "queue_full",
	[LOSS_WRITE] = "write_failed",
};
_Static_assert(ARRAY_SIZE(loss_names) == _LOSS_MAX, "every reason has a name");

const char *loss_reason_to_string(enum loss_reason reason)
{
	return loss_names[reason];
}

const char *call_to_string(enum call call)
{
	return call_names[call];
}

int call_from_string(struct str s, enum call *ret)
{
	enum call call;

	for (call = 0; call < _CALL_MAX; call++) {
		if (str_eq(s, str_from(call_names[call]))) {
			*ret = call;
			return 0;
		}
	}
	return -EINVAL;
}
