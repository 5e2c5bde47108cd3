/* SPDX-License-Identifier: Apache-2.0 */
/* What a record says of its event: which, when, and how a process ended. Pure; any thread. */
#include "event/getter.h"

#include <inttypes.h>

#include "base/cleanup.h"

#define NS_PER_S 1000000000

/* status, as wait4(2) gives it */
#define STATUS_SIGNAL 0x7f
#define STATUS_CORE 0x80

#define SIGNAL_RT_MIN 34 /* the C library keeps the kernel's 32 and 33 to itself */
#define SIGNAL_MAX 64

#define NAME(text)                                           \
	{                                                    \
		.p = "SIG" text, .n = sizeof("SIG" text) - 1 \
	}

static const struct str signal_names[] = {
	{ .p = "", .n = 0 }, NAME("HUP"),    NAME("INT"),  NAME("QUIT"),  NAME("ILL"),
	NAME("TRAP"),	     NAME("ABRT"),   NAME("BUS"),  NAME("FPE"),	  NAME("KILL"),
	NAME("USR1"),	     NAME("SEGV"),   NAME("USR2"), NAME("PIPE"),  NAME("ALRM"),
	NAME("TERM"),	     NAME("STKFLT"), NAME("CHLD"), NAME("CONT"),  NAME("STOP"),
	NAME("TSTP"),	     NAME("TTIN"),   NAME("TTOU"), NAME("URG"),	  NAME("XCPU"),
	NAME("XFSZ"),	     NAME("VTALRM"), NAME("PROF"), NAME("WINCH"), NAME("IO"),
	NAME("PWR"),	     NAME("SYS"),
};

struct value value_moment(int64_t ns, struct buf *scratch)
{
	uint64_t distance = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	buf_clear(scratch);
	buf_printf(scratch, "%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "", distance / NS_PER_S,
		   distance % NS_PER_S);
	return value_safe(buf_str(scratch));
}

struct value get_call_name(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_safe(str_from(call_to_string(ev->call)));
}

struct value get_event_type(const struct event *ev, const struct field_view *view)
{
	(void)ev;
	(void)view;
	return value_safe(STR("kprobe"));
}

struct value get_time(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_i64(event_second(ev));
}

struct value get_time_ns(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_i64(ev->time_ns);
}

struct value get_seq(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_u64(ev->seq);
}

/* Keys that every exit has, also one that nobody saw. */
static struct value unknown_of_exit(const struct event *ev)
{
	return ev->call == CALL_EXIT ? value_safe(STR_EMPTY) : value_absent();
}

struct value get_exit_code(const struct event *ev, const struct field_view *view)
{
	uint32_t signal;

	(void)view;
	if (!ev->exit)
		return unknown_of_exit(ev);
	signal = ev->exit->status & STATUS_SIGNAL;
	return value_u64(signal ? 128 + signal : ev->exit->status >> 8 & 0xff);
}

struct value get_exit_tid(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return ev->exit ? value_u64(ev->tid) : unknown_of_exit(ev);
}

static struct str signal_name(uint32_t signal, struct buf *scratch)
{
	if (signal < ARRAY_SIZE(signal_names))
		return signal_names[signal];
	buf_clear(scratch);
	if (signal < SIGNAL_RT_MIN || signal > SIGNAL_MAX)
		buf_printf(scratch, "SIG%u", signal);
	else if (signal == SIGNAL_RT_MIN)
		buf_put_str(scratch, STR("SIGRTMIN"));
	else
		buf_printf(scratch, "SIGRTMIN+%u", signal - SIGNAL_RT_MIN);
	return buf_str(scratch);
}

struct value get_exit_signal(const struct event *ev, const struct field_view *view)
{
	uint32_t signal = ev->exit ? ev->exit->status & STATUS_SIGNAL : 0;

	return signal ? value_safe(signal_name(signal, view->scratch)) : value_absent();
}

struct value get_core_dumped(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_true(ev->exit && ev->exit->status & STATUS_CORE);
}

struct value get_duration_ns(const struct event *ev, const struct field_view *view)
{
	uint64_t start_ns = ev->image->key.start_ns;

	(void)view;
	if (!ev->exit)
		return value_absent();
	return value_u64(ev->boot_ns > start_ns ? ev->boot_ns - start_ns : 0);
}

/*
 * The run time is exact, what of it was in the kernel is sampled by ticks: the one is divided in
 * the proportion of the other, as the kernel does for wait4(2) (kernel/sched/cputime.c,
 * cputime_adjust).
 */
static uint64_t system_ns(const struct event_exit *e)
{
	if (!e->stime_ns)
		return 0;
	if (!e->utime_ns)
		return e->runtime_ns;
	return (uint64_t)((unsigned __int128)e->runtime_ns * e->stime_ns /
			  ((unsigned __int128)e->stime_ns + e->utime_ns));
}

struct value get_cpu_user_ns(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return ev->exit ? value_u64(ev->exit->runtime_ns - system_ns(ev->exit)) : value_absent();
}

struct value get_cpu_system_ns(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return ev->exit ? value_u64(system_ns(ev->exit)) : value_absent();
}

struct value get_memory_peak_bytes(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return ev->exit ? value_u64(ev->exit->peak_bytes) : value_absent();
}
