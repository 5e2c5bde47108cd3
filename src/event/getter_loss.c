/* SPDX-License-Identifier: Apache-2.0 */
/* What a record says of records that are missing. Pure; any thread. */
#include "event/getter.h"

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

struct value get_lost_since(const struct event *ev, const struct field_view *view)
{
	return ev->loss ? value_moment(ev->loss->since_ns, view->scratch) : value_absent();
}

struct value get_lost_until(const struct event *ev, const struct field_view *view)
{
	return ev->loss ? value_moment(ev->loss->until_ns, view->scratch) : value_absent();
}

struct value get_lost_reason(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return ev->loss ? value_safe(str_from(loss_reason_to_string(ev->loss->reason)))
			: value_absent();
}
