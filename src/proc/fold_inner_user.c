/* SPDX-License-Identifier: Apache-2.0 */
/* Names of users in containers: asking for them, and filling them in. Reader thread only. */
#include <string.h>

#include "proc/fold_state.h"

const struct user *fold_user_of(struct fold *f, const struct event_cred *cred,
				const struct event_cgroup *where, const struct cgroup *cgroup)
{
	if (!cgroup || !cgroup->container)
		return users_lookup(&f->users, cred->euid);
	return inner_users_lookup(&container_entry_of(cgroup->container)->users, where->mnt_ns,
				  cred_euid_inner(cred));
}

int fold_inner_user(struct fold *f, const struct event_inner_user *e, const struct step *step)
{
	const uint64_t seq = fold_seq_before(f, step->seq);
	const bool is_nameless = e->bits & EVENT_INNER_USER_AWAITED;
	const bool is_overdue = e->bits & EVENT_INNER_USER_OVERDUE;
	struct container_entry *c = NULL;
	int r;

	r = containers_obtain(&f->containers, e->container, &c);
	if (r < 0)
		return r;
	r = is_nameless ? inner_users_await(&c->users, e->mnt_ns, e->uid, is_overdue)
			: inner_users_put(&c->users, e->mnt_ns, e->uid, inner_user_name(e));
	if (r < 0 || (is_nameless && f->is_restoring))
		return r;
	if (is_nameless && !is_overdue) {
		hold_begin(f, c, e->head.time_ns);
		return 0;
	}
	if (!step->out || !c->since_ns || c->is_awaited || inner_users_are_awaited(&c->users))
		return 0;
	f->last_seq = seq;
	return hold_end(f, c, seq, step->out);
}

static void add_pid(struct inner_user_question *q, uint32_t pid)
{
	for (uint32_t i = 0; i < q->n_pids; i++)
		if (q->pids[i] == pid)
			return;
	if (pid && q->n_pids < INNER_USER_PIDS)
		q->pids[q->n_pids++] = pid;
}

/* Who is above an image, as far as they are in the same container. */
static void add_ancestors(struct inner_user_question *q, const struct image *image,
			  const struct container *container)
{
	for (; image && image_container(image) == container && q->n_pids < INNER_USER_PIDS;
	     image = image->parent)
		add_pid(q, image->key.pid);
}

/* The process itself, and its parents: he may be gone when it is looked at. */
static void find_pids(const struct fold *f, const struct event_head *head,
		      const struct container *container, struct inner_user_question *q)
{
	const struct process *process = table_lookup(&f->table, head->tgid, head->start_ns);
	struct image_key key;

	add_pid(q, head->tgid);
	if (process) {
		add_ancestors(q, process->image, container);
	} else if (head->type == EVENT_FORK) {
		key = image_key_from_id(&((const struct event_fork *)head)->forker);
		add_ancestors(q, table_lookup_image(&f->table, &key), container);
	}
}

/*
 * A runtime forks into a container long before it switches the root. Who executes something there
 * has, as a rule, switched it.
 */
static bool is_worth_asking_again(struct inner_users *users, const struct event_head *head,
				  const struct user *known)
{
	return head->type == EVENT_EXEC && known->state != USER_KNOWN &&
	       inner_users_may_ask_again(users, known->mnt_ns, known->uid);
}

int fold_ask_inner_user(struct fold *f, const struct event_head *head,
			const struct event_cred *cred, const struct event_cgroup *where)
{
	struct inner_user_question q = { .mnt_ns = where->mnt_ns, .uid = cred_euid_inner(cred) };
	const struct cgroup *cgroup;
	struct inner_users *users;
	const struct user *known;
	size_t size;

	if (!f->hooks.inner_user || q.uid == EVENT_UID_UNKNOWN)
		return 0;
	cgroup = cgroups_lookup(&f->cgroups, where->hierarchy, where->id);
	if (!cgroup || !cgroup->container)
		return 0;
	users = &container_entry_of(cgroup->container)->users;
	known = inner_users_lookup(users, q.mnt_ns, q.uid);
	if (known && !is_worth_asking_again(users, head, known))
		return 0;
	q.is_awaited = known && known->state == USER_AWAITED;
	q.is_overdue = known && known->state == USER_OVERDUE;
	q.container = cgroup->container->id;
	find_pids(f, head, cgroup->container, &q);
	size = f->hooks.inner_user(f->hooks.ctx, &q, f->answer, ANSWER_MAX);
	return fold_answer(f, EVENT_INNER_USER, size);
}

void fold_each_awaited(const struct fold *f, fold_each_awaited_fn *fn, void *ctx)
{
	const struct hash *processes = &f->table.processes;

	for (size_t i = 0; i < processes->cap; i++) {
		const struct process *process = processes->slots[i].item;
		const struct image *image = process ? process->image : NULL;
		struct inner_user_question q = { 0 };

		if (!image || !image->user || image->user->state == USER_KNOWN ||
		    !image_container(image))
			continue;
		q.container = image_container(image)->id;
		q.mnt_ns = image->user->mnt_ns;
		q.uid = image->user->uid;
		add_ancestors(&q, image, image_container(image));
		fn(ctx, &q);
	}
}
