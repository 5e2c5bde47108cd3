/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/enrichment.h"

#include <errno.h>

#include "agent/reader.h"
#include "base/clock.h"
#include "base/log.h"
#include "proc/container_id.h"

#define LOG_UNIT "enrichment"

/*
 * The journal is written anew when no event waits. Where there is always one that does, all of them
 * go out as they are, after so long.
 */
#define OVERDUE_NS 1000000000ULL
/*
 * Looking at a group that nobody is in costs two system calls, some microseconds: of as many as at
 * most a second, a thousandth of a CPU. After a look at all of them that has found none which has
 * gone, the next one takes twice as long, so that those which stay cost next to nothing.
 */
#define SWEEP_EVERY_NS 1000000000ULL
#define SWEEP_MOST 256
#define SWEEP_LEAST 32
#define SWEEP_GONE 128 /* of them at once */

#define COUNTER(metric, m, sentence)                                                              \
	{                                                                                         \
		metric, METRIC_COUNTER, offsetof(struct enrichment_counters, m), .help = sentence \
	}
#define GAUGE(metric, m, sentence)                                                              \
	{                                                                                       \
		metric, METRIC_GAUGE, offsetof(struct enrichment_counters, m), .help = sentence \
	}

const struct metric enrichment_metrics[] = {
	GAUGE("containers", containers, "Containers of which the sources know something."),
	COUNTER("containers_answered_total", answered,
		"Containers that were known before their first records went out."),
	COUNTER("containers_given_up_total", given_up,
		"Containers whose records went out without what was not known in time."),
	COUNTER("containers_late_total", late,
		"Answers that came after records of the container had gone out."),
	GAUGE("held_containers", waiting,
	      "Containers whose records wait for what is known of them."),
	GAUGE("held_records", holding, "Records that wait for what is known of their container."),
	COUNTER("held_records_total", held, "Records that waited for it, so far."),
	COUNTER("held_overflows_total", overflowed,
		"Times that records of a container went out because too many waited."),
	{ .type = METRIC_END },
};

void enrichment_done(struct enrichment *e)
{
	buf_done(&e->record);
}

static uint32_t bits_of(enum registry_answer answer)
{
	switch (answer) {
	case REGISTRY_LATER:
		return EVENT_CONTAINER_AWAITED;
	case REGISTRY_COMPLETE:
		return EVENT_CONTAINER_COMPLETE;
	case REGISTRY_KNOWN:
		break;
	}
	return 0;
}

/* Where users of a container are looked up when its processes are gone. */
static void tell_folder(const struct enrichment *e, const struct container_facts *f)
{
	if (e->users && f->rootfs)
		container_users_set_folder(e->users, f->id, f->rootfs);
}

/* Out of memory the pod is not known by it; the rest is asked for all the same. */
static int ask(struct enrichment *e, const struct container_question *q,
	       struct container_facts *ret, enum registry_answer *ret_answer)
{
	if (q->pod_uid.n)
		(void)container_registry_set_pod(e->registry, q->id, q->pod_uid);
	return container_registry_ask(e->registry, q->id, ret, ret_answer);
}

size_t enrichment_answer(void *enrichment, const struct container_question *q, void *to,
			 size_t size)
{
	struct enrichment *e = enrichment;
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	enum registry_answer answer;

	if (!e->registry)
		return 0;
	if (q->is_anew)
		container_registry_forget(e->registry, q->id);
	if (ask(e, q, &f, &answer) < 0)
		return 0;
	tell_folder(e, &f);
	if (answer == REGISTRY_LATER && !e->wait_ns)
		answer = REGISTRY_KNOWN;
	if (answer != REGISTRY_LATER)
		metric_add(&e->counters.answered, 1);
	if (facts_container(e->facts, &f, bits_of(answer), &e->record) < 0 || e->record.len > size)
		return 0;
	memcpy(to, e->record.data, e->record.len);
	return e->record.len;
}

static int fold(struct enrichment *e, struct reader *r, const struct container_facts *f,
		uint32_t bits)
{
	int ret = facts_container(e->facts, f, bits, &e->record);

	tell_folder(e, f);
	return ret < 0 ? ret : reader_fold(r, e->record.data, e->record.len);
}

/* The one that waits longest; its events go out as they are. */
static int give_up(struct enrichment *e, struct reader *r, const char id[CONTAINER_ID_LEN])
{
	_cleanup_(container_facts_done) struct container_facts f;

	container_facts_init(&f, id);
	if (e->registry)
		(void)container_registry_give_up(e->registry, id, &f); /* what cannot be told */
	metric_add(&e->counters.given_up, 1);
	return fold(e, r, &f, 0);
}

static int give_up_after(struct enrichment *e, struct reader *r, uint64_t wait_ns)
{
	uint64_t now = clock_now_ns(CLOCK_BOOTTIME), since;
	char id[CONTAINER_ID_LEN];
	int ret = 0;

	while (ret == 0 && fold_waits_longest(r->fold, id, &since) && now - since >= wait_ns)
		ret = give_up(e, r, id);
	return ret;
}

/*
 * The time that is left to events that wait, now. None without a journal that has them: they hold
 * up the ring then.
 */
static uint64_t patience_ns(struct enrichment *e, const struct reader *r)
{
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);

	if (store_is_broken(r->store))
		return 0;
	if (!store_wants_rewrite(r->store)) {
		e->overdue_ns = 0;
		return e->wait_ns;
	}
	e->overdue_ns = e->overdue_ns ? e->overdue_ns : now;
	return now - e->overdue_ns < OVERDUE_NS ? e->wait_ns : 0;
}

static int fold_answers(struct enrichment *e, struct reader *r)
{
	int ret = 0;

	while (e->registry && ret == 0) {
		_cleanup_(container_facts_done) struct container_facts f = { 0 };
		enum registry_answer answer;

		if (!container_registry_next(e->registry, &f, &answer))
			break;
		metric_add(fold_waits_for(r->fold, f.id) ? &e->counters.answered
							 : &e->counters.late,
			   1);
		ret = fold(e, r, &f, bits_of(answer));
	}
	return ret;
}

/* Control groups that have gone; some of them: the rest is found the next time. */
struct sweep {
	const struct facts *facts;
	size_t n;
	struct gone {
		uint32_t hierarchy;
		uint64_t id;
		char container[CONTAINER_ID_LEN];
	} gone[SWEEP_GONE];
};

static void look_for(void *ctx, const struct cgroup *cgroup)
{
	struct sweep *s = ctx;
	struct gone *gone = &s->gone[s->n];

	/* The table has a reference; all others have those who are in it. */
	if (s->n == SWEEP_GONE || cgroup->refs > 1 ||
	    !facts_group_is_gone(s->facts, cgroup->hierarchy, cgroup->id))
		return;
	*gone = (struct gone){ .hierarchy = cgroup->hierarchy, .id = cgroup->id };
	memcpy(gone->container, cgroup->container->id, CONTAINER_ID_LEN);
	s->n++;
}

static int forget(struct enrichment *e, struct reader *r, const struct gone *gone)
{
	_Alignas(8) char record[sizeof(struct event_cgroup_made)];
	size_t n = facts_group_gone(e->facts, gone->hierarchy, gone->id, record, sizeof(record));
	int ret = reader_fold(r, record, n);

	if (e->registry && !fold_knows_container(r->fold, gone->container))
		container_registry_forget(e->registry, gone->container);
	return ret;
}

/* How many are looked at in the next second. */
static void set_pace(struct enrichment *e, bool any_gone)
{
	if (any_gone) {
		e->n_slots = SWEEP_MOST;
		e->has_stayed = false;
	} else if (!e->cursor) {
		if (e->has_stayed && e->n_slots > SWEEP_LEAST)
			e->n_slots /= 2;
		e->has_stayed = true;
	}
}

/* What is known of containers whose last group has gone is of no use any more. */
static int sweep(struct enrichment *e, struct reader *r)
{
	struct sweep s = { .facts = e->facts };
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);
	int ret = 0;

	if (now - e->swept_ns < SWEEP_EVERY_NS)
		return 0;
	e->swept_ns = now;
	if (!e->n_slots)
		e->n_slots = SWEEP_MOST;
	fold_each_container_group(r->fold, &e->cursor, e->n_slots, look_for, &s);
	set_pace(e, s.n);
	for (size_t i = 0; ret == 0 && i < s.n; i++)
		ret = forget(e, r, &s.gone[i]);
	return ret;
}

static void count(struct enrichment *e, const struct fold *f)
{
	struct hold_counters c;

	fold_hold_counters(f, &c);
	metric_set(&e->counters.held, c.held);
	metric_set(&e->counters.overflowed, c.overflowed);
	metric_set(&e->counters.waiting, c.containers);
	metric_set(&e->counters.holding, c.now);
	if (e->registry)
		metric_set(&e->counters.containers, container_registry_n(e->registry));
}

int enrichment_turn(struct enrichment *e, struct reader *r)
{
	int ret = fold_answers(e, r);

	if (ret == 0)
		ret = give_up_after(e, r, patience_ns(e, r));
	if (ret == 0)
		ret = sweep(e, r);
	count(e, r->fold);
	return ret;
}

int enrichment_release(struct enrichment *e, struct reader *r)
{
	int ret = fold_answers(e, r);

	return ret < 0 ? ret : give_up_after(e, r, 0);
}

/* One that is to be asked for again. */
struct known {
	char id[CONTAINER_ID_LEN];
	char pod_uid[CONTAINER_POD_UID_MAX];
	size_t n_pod_uid;
};

static void gather(void *all, const struct container *c)
{
	struct str uid = container_text(c, CONTAINER_POD_UID);
	struct known known = { .n_pod_uid = uid.n <= CONTAINER_POD_UID_MAX ? uid.n : 0 };

	memcpy(known.id, c->id, CONTAINER_ID_LEN);
	memcpy(known.pod_uid, uid.p, known.n_pod_uid);
	buf_put(all, &known, sizeof(known));
}

/* What is known at once is told at once; the rest is news, or ends somebody's waiting. */
static int resume(struct enrichment *e, struct reader *r, const struct known *known)
{
	const struct container_question q = {
		.id = known->id, .pod_uid = { .p = known->pod_uid, .n = known->n_pod_uid }
	};
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	enum registry_answer answer;

	if (ask(e, &q, &f, &answer) < 0 || answer == REGISTRY_LATER)
		return 0;
	return fold(e, r, &f, bits_of(answer));
}

int enrichment_resume(struct enrichment *e, struct reader *r)
{
	_cleanup_(buf_done) struct buf all = { 0 };
	struct known known;
	int ret = 0;

	if (!e->registry)
		return 0;
	fold_each_container(r->fold, gather, &all);
	for (size_t i = 0; ret == 0 && i + sizeof(known) <= all.len; i += sizeof(known)) {
		memcpy(&known, all.data + i, sizeof(known));
		ret = resume(e, r, &known);
	}
	return ret;
}

int enrichment_due_ms(const struct enrichment *e, const struct fold *fold, int ms)
{
	uint64_t now = clock_now_ns(CLOCK_BOOTTIME), since, left_ms;
	char id[CONTAINER_ID_LEN];

	if (!fold_waits_longest(fold, id, &since))
		return ms;
	if (now - since >= e->wait_ns)
		return 0;
	left_ms = (e->wait_ns - (now - since)) / CLOCK_MS_NS + 1;
	return left_ms < (uint64_t)ms ? (int)left_ms : ms;
}
