/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that tells: of each pod that has changed, and to questions. It alone calls the sink,
 * so that what is told later is newer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "enrich/kubernetes_state.h"

/* What is to be told, copied, so that it can be told without the lock. */
struct telling {
	struct container_facts pod;
	struct container_facts *containers;
	size_t n_containers;
};

static void telling_done(struct telling *t)
{
	container_facts_done(&t->pod);
	for (size_t i = 0; i < t->n_containers; i++)
		container_facts_done(&t->containers[i]);
	free(t->containers);
}

static bool is_wanted(const struct container_facts *container, const char *only_id)
{
	return !only_id || memcmp(container->id, only_id, CONTAINER_ID_LEN) == 0;
}

/* only_id: of this container alone; NULL: of all. 0 or -ENOMEM. */
static int prepare(const struct kubernetes_entry *e, const char *only_id, struct telling *t)
{
	const struct kubernetes_pod *pod = e->pod;
	int r;

	r = container_facts_dup(&pod->facts, &t->pod);
	if (r == 0)
		r = kubernetes_workload_describe(e->workload, pod, &t->pod);
	t->containers = calloc(pod->containers.n + 1, sizeof(*t->containers));
	if (r < 0 || !t->containers)
		return -ENOMEM;
	for (size_t i = 0; i < pod->containers.n && r == 0; i++) {
		if (!is_wanted(&pod->containers.items[i], only_id))
			continue;
		r = container_facts_dup(&pod->containers.items[i], &t->containers[t->n_containers]);
		t->n_containers += r == 0;
	}
	return r;
}

/* The containers first: who did not know that one is of the pod learns it by that. */
static void tell(const struct container_sink *sink, const struct telling *t)
{
	for (size_t i = 0; i < t->n_containers; i++)
		sink->tell(sink->ctx, sink->source, &t->containers[i]);
	sink->tell_pod(sink->ctx, sink->source, &t->pod);
}

/* Of a pod that has changed; false: none has. Takes the lock away and back. */
static bool tell_change(struct kubernetes *k)
{
	struct kubernetes_entry *e = kubernetes_pods_next_changed(&k->pods);
	_cleanup_(telling_done) struct telling t = { 0 };
	int r;

	if (!e)
		return false;
	r = prepare(e, NULL, &t);
	k->state.failures += r < 0;
	pthread_mutex_unlock(&k->lock);
	if (r == 0)
		tell(&k->sink, &t);
	pthread_mutex_lock(&k->lock);
	return true;
}

/* Whether waiting longer may bring more. */
static bool is_worth_waiting(struct kubernetes *k, const struct kubernetes_question *q,
			     const struct kubernetes_entry *e)
{
	bool is_of_pod = q->known.texts[CONTAINER_POD_UID] || q->known.texts[CONTAINER_POD_NAME];

	if (k->state.status == SOURCE_OFF || k->state.error < 0)
		return false;
	if (e)
		return !kubernetes_workload_is_settled(e->workload, e->pod);
	k->wants_poll |= is_of_pod;
	return is_of_pod;
}

static void answer(struct kubernetes *k, size_t i, const struct kubernetes_entry *e)
{
	struct kubernetes_question q = k->questions[i];
	_cleanup_(telling_done) struct telling t = { 0 };
	bool is_known = e && prepare(e, q.known.id, &t) == 0;

	k->questions[i] = k->questions[--k->n_questions];
	k->state.answers += is_known;
	pthread_mutex_unlock(&k->lock);
	if (is_known)
		tell(&k->sink, &t);
	k->sink.answered(k->sink.ctx, k->sink.source, q.known.id);
	container_facts_done(&q.known);
	pthread_mutex_lock(&k->lock);
}

/* Answers one question; false: none can be answered before *ret_until. As tell_change(). */
static bool answer_one(struct kubernetes *k, uint64_t *ret_until)
{
	uint64_t now = clock_now_ns(CLOCK_MONOTONIC);
	bool wanted_poll = k->wants_poll;

	*ret_until = UINT64_MAX;
	for (size_t i = 0; i < k->n_questions; i++) {
		const struct kubernetes_question *q = &k->questions[i];
		const struct kubernetes_entry *e = kubernetes_pods_lookup(&k->pods, &q->known);

		if (now >= q->until_ns || !is_worth_waiting(k, q, e)) {
			answer(k, i, e);
			return true;
		}
		if (q->until_ns < *ret_until)
			*ret_until = q->until_ns;
	}
	if (k->wants_poll && !wanted_poll)
		pthread_cond_broadcast(&k->changed);
	return false;
}

void *kubernetes_answers(void *kubernetes)
{
	struct kubernetes *k = kubernetes;
	uint64_t until;

	pthread_mutex_lock(&k->lock);
	while (!k->is_stopping)
		if (!tell_change(k) && !answer_one(k, &until))
			kubernetes_wait(k, until);
	pthread_mutex_unlock(&k->lock);
	return NULL;
}
