/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/naming.h"

#include <string.h>

#include "agent/reader.h"
#include "probe/probe.h"

#define COUNTER(m, sentence)                                                  \
	{                                                                     \
		"container_users_" #m "_total", METRIC_COUNTER,               \
			offsetof(struct naming_counters, m), .help = sentence \
	}
#define GAUGE(m, sentence)                                                                \
	{                                                                                 \
		"container_users_" #m, METRIC_GAUGE, offsetof(struct naming_counters, m), \
			.help = sentence                                                  \
	}

const struct metric naming_metrics[] = {
	COUNTER(questions, "Users of containers whose names were looked up."),
	COUNTER(refused, "Of these, that were not tried: too many waited, or the files had hung."),
	COUNTER(named, "Users of containers that have a name in the container's files."),
	COUNTER(unnamed, "Users of containers that have none there."),
	COUNTER(unknown, "Users of containers whose files could not be looked at."),
	COUNTER(hung, "Times that a container's files did not answer."),
	COUNTER(changed, "Names of users that changed in a container's files."),
	COUNTER(evicted, "Files of users that were forgotten to stay within bounds."),
	GAUGE(hanging, "Threads that wait for a container's files in vain."),
	GAUGE(files, "Files of users that are known."),
	GAUGE(places, "Mount namespaces of containers whose files of users are watched."),
	{ .type = METRIC_END },
};

int naming_start(struct naming *n, struct facts *facts)
{
	n->facts = facts;
	n->host_mnt_ns = probe_host_mnt_ns();
	return container_users_new(&container_users_options_default, &n->users);
}

void naming_done(struct naming *n)
{
	n->users = container_users_free(n->users);
}

static struct user_question question_of(const struct inner_user_question *q)
{
	struct user_question question = { .mnt_ns = q->mnt_ns, .uid = q->uid };

	memcpy(question.container, q->container, CONTAINER_ID_LEN);
	while (question.n_pids < q->n_pids && question.n_pids < USER_QUESTION_PIDS) {
		question.pids[question.n_pids] = q->pids[question.n_pids];
		question.n_pids++;
	}
	return question;
}

static bool ask(struct naming *n, const struct inner_user_question *q)
{
	const struct user_question question = question_of(q);

	return container_users_ask(n->users, &question);
}

/* Whether it is still being looked up. */
static bool hurry(struct naming *n, const struct inner_user_question *q)
{
	const struct user_question question = question_of(q);

	return container_users_hurry(n->users, &question);
}

/*
 * A runtime's own steps are in the container's control group before they are in a mount namespace
 * of its own: what they see is the host's file, which is in memory. What is not even tried is
 * unknown at once: nothing waits for it, and nobody asks again.
 */
size_t naming_answer(void *naming, const struct inner_user_question *q, void *to, size_t size)
{
	struct naming *n = naming;
	bool is_asked;

	if (!q->mnt_ns) /* nobody knows where; the host's may be unknown as well */
		return facts_inner_user(n->facts, q, STR_EMPTY, 0, to, size);
	if (q->mnt_ns == n->host_mnt_ns)
		return facts_inner_user(n->facts, q, facts_user_name(n->facts, q->uid), 0, to,
					size);
	if (q->is_awaited) {
		(void)hurry(n, q);
		return 0;
	}
	is_asked = (q->is_overdue && hurry(n, q)) || ask(n, q);
	if (!is_asked && q->is_overdue)
		return 0;
	return facts_inner_user(n->facts, q, STR_EMPTY, is_asked ? EVENT_INNER_USER_AWAITED : 0, to,
				size);
}

static int fold(struct naming *n, struct reader *r, const struct user_answer *a)
{
	_Alignas(8) char record[sizeof(struct event_inner_user) + CONTAINER_USER_NAME_MAX];
	const struct inner_user_question q = { .container = a->container,
					       .mnt_ns = a->mnt_ns,
					       .uid = a->uid };
	const struct str name = { .p = a->name, .n = a->n_name };
	/* Events go out without it; who is executed there is looked for once more. */
	const uint32_t bits = a->is_unknown ? EVENT_INNER_USER_AWAITED | EVENT_INNER_USER_OVERDUE
					    : 0;
	size_t size = facts_inner_user(n->facts, &q, name, bits, record, sizeof(record));

	return reader_fold(r, record, size);
}

int naming_turn(struct naming *n, struct reader *r)
{
	struct user_answer answer;
	int ret = 0;

	while (ret == 0 && n->users && container_users_next(n->users, &answer))
		ret = fold(n, r, &answer);
	return ret;
}

static void ask_again(void *naming, const struct inner_user_question *q)
{
	(void)ask(naming, q); /* refused: it stays without a name */
}

void naming_resume(struct naming *n, const struct fold *fold)
{
	if (n->users)
		fold_each_awaited(fold, ask_again, n);
}

void naming_count(struct naming *n)
{
	struct container_users_state s;
	struct naming_counters *c = &n->counters;

	if (!n->users)
		return;
	container_users_state(n->users, &s);
	metric_set(&c->questions, s.questions);
	metric_set(&c->refused, s.refused);
	metric_set(&c->named, s.named);
	metric_set(&c->unnamed, s.unnamed);
	metric_set(&c->unknown, s.unknown);
	metric_set(&c->hung, s.hung);
	metric_set(&c->changed, s.changed);
	metric_set(&c->evicted, s.evicted);
	metric_set(&c->hanging, s.hanging);
	metric_set(&c->files, s.files);
	metric_set(&c->places, s.places);
}
