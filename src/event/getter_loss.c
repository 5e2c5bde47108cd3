/* SPDX-License-Identifier: Apache-2.0 */
/* What a record says of records that are missing. Pure; any thread. */
#include "event/getter.h"

#include <inttypes.h>

#define NS_PER_S 1000000000

struct value get_inferred(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_true(ev->call == CALL_EXIT && !ev->exit);
}

static struct value count(const struct loss *loss, uint64_t n)
{
	return loss->is_counted ? value_u64(n) : value_absent();
}

#define COUNT(name, member)                                                                 \
	struct value get_lost_##name(const struct event *ev, const struct field_view *view) \
	{                                                                                   \
		(void)view;                                                                 \
		return ev->loss ? count(ev->loss, ev->loss->member) : value_absent();       \
	}

COUNT(execve, exec)
COUNT(exit, exit)
COUNT(clone, fork)
COUNT(other, other)

static struct value moment(int64_t ns, struct buf *scratch)
{
	uint64_t distance = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	buf_clear(scratch);
	buf_printf(scratch, "%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "", distance / NS_PER_S,
		   distance % NS_PER_S);
	return value_safe(buf_str(scratch));
}

struct value get_lost_since(const struct event *ev, const struct field_view *view)
{
	return ev->loss ? moment(ev->loss->since_ns, view->scratch) : value_absent();
}

struct value get_lost_until(const struct event *ev, const struct field_view *view)
{
	return ev->loss ? moment(ev->loss->until_ns, view->scratch) : value_absent();
}

struct value get_lost_reason(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return ev->loss ? value_safe(str_from(loss_reason_to_string(ev->loss->reason)))
			: value_absent();
}
