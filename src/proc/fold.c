/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proc/fold_state.h"

/*
 * A record takes more than a hundred bytes of the ring, header included, so that there are as many
 * numbers to the next one. The last of them are for whoever does not know which were used.
 */
#define SEQS_BEFORE 96
#define SEQS_LEFT 16
_Static_assert(SEQS_BEFORE < sizeof(struct event_cgroup_made) + 8, "no record is smaller");

uint64_t fold_seq_before(const struct fold *f, uint64_t position)
{
	uint64_t first = position > SEQS_BEFORE ? position - SEQS_BEFORE : 1;

	if (f->last_seq >= first)
		first = f->last_seq + 1;
	return first < position ? first : f->last_seq;
}

int fold_new(const struct proc_limits *limits, const struct fold_hooks *hooks, struct fold **ret)
{
	_cleanup_(fold_freep) struct fold *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	table_init(&f->table, limits ? limits : &proc_limits_default);
	owner_table_init(&f->users, f->table.limits.max_users);
	owner_table_init(&f->cgroups, f->table.limits.max_cgroups);
	containers_init(&f->containers, f->table.limits.max_containers, &f->table.stamp,
			&f->wall_offset_ns);
	f->containers.processes = &f->table;
	hold_init(&f->hold);
	tombstones_init(&f->tombstones, TOMBSTONES_PASS);
	streams_init(&f->streams);
	f->node = (struct node){ .name = STR_EMPTY, .address = STR_EMPTY };
	if (hooks)
		f->hooks = *hooks;
	f->answer = malloc(ANSWER_MAX);
	f->unanswered = calloc(UNANSWERED_MAX, sizeof(*f->unanswered));
	if (!f->answer || !f->unanswered)
		return -ENOMEM;

	*ret = TAKE_PTR(f);
	return 0;
}

struct fold *fold_free(struct fold *f)
{
	if (!f)
		return NULL;
	restore_done(f);
	hold_done(f);
	fold_forget_shown(f);
	table_done(&f->table);
	users_done(&f->users);
	cgroups_done(&f->cgroups);
	containers_done(&f->containers);
	free(f->shown);
	tombstones_done(&f->tombstones);
	streams_done(&f->streams);
	hash_done(&f->unanswered_index);
	buf_done(&f->scratch);
	free(f->unanswered);
	free(f->answer);
	free(f);
	return NULL;
}

/* An event of a container may have to wait, and shows users whose names come late. */
static int emit_in_container(struct fold *f, const struct event *ev, const struct step *step)
{
	struct image *image = (struct image *)ev->image;

	table_renew(&f->table, image);
	if (image->parent)
		table_renew(&f->table, image->parent);
	return hold_event(f, ev, step->out);
}

int fold_emit(struct fold *f, enum call call, struct image *image, const struct event_head *head,
	      const struct step *step)
{
	struct event ev, *to = &ev;

	if (image->flags & IMAGE_KTHREAD || head->flags & EVENT_F_KTHREAD)
		return 0;
	if (!image_container(image))
		to = batch_append(step->out);
	if (!to)
		return -ENOMEM;
	*to = (struct event){
		.call = call,
		.image = image_ref(image),
		.node = &f->node,
		.exit = head->type == EVENT_EXIT ? (const struct event_exit *)head : NULL,
		.tid = head->tid,
		.boot_ns = head->time_ns,
		.seq = step->seq,
		.time_ns = (int64_t)(head->time_ns + (uint64_t)f->wall_offset_ns),
	};
	return to == &ev ? emit_in_container(f, &ev, step) : 0;
}

static struct str keep_text(char to[NODE_TEXT_MAX], struct str s)
{
	size_t n = s.n < NODE_TEXT_MAX ? s.n : NODE_TEXT_MAX;

	if (n)
		memcpy(to, s.p, n);
	return (struct str){ .p = to, .n = n };
}

/* In a state they come in the order in which they were used. */
static int fold_user(struct fold *f, const struct event_user *e)
{
	int r = users_put(&f->users, e->uid, user_name(e));

	f->is_settled = false;
	if (f->is_restoring)
		(void)users_lookup(&f->users, e->uid);
	return r;
}

static int fold_cgroup(struct fold *f, const struct event_cgroup_made *e)
{
	int r = cgroups_put(&f->cgroups, &f->containers, e->cgroup.hierarchy, e->cgroup.id,
			    cgroup_made_path(e));

	f->is_settled = false;
	if (f->is_restoring)
		(void)cgroups_lookup(&f->cgroups, e->cgroup.hierarchy, e->cgroup.id);
	return r;
}

static int fold_dispatch(struct fold *f, const struct event_head *head, const struct step *step)
{
	const void *e = head;

	switch (head->type) {
	case EVENT_FORK:
		return fold_fork(f, e, step);
	case EVENT_EXEC:
		return fold_exec(f, e, step);
	case EVENT_EXIT:
		return fold_exit(f, e, step);
	case EVENT_PROCESS:
		return fold_process(f, e);
	case EVENT_CGROUP:
		return fold_cgroup(f, e);
	case EVENT_USER:
		return fold_user(f, e);
	case EVENT_NODE:
		f->node.stamp++;
		f->node.name = keep_text(f->node_name, node_name(e));
		f->node.address = keep_text(f->node_address, node_address(e));
		return 0;
	case EVENT_CLOCK:
		f->wall_offset_ns = ((const struct event_clock *)e)->offset_ns;
		return 0;
	case EVENT_MARK:
		return fold_mark(f, e, step);
	case EVENT_IMAGE:
		return restore_image(f, e);
	case EVENT_STATE:
		restore_state(f, e);
		return 0;
	case EVENT_CONTAINER:
		return fold_container(f, e, step);
	case EVENT_INNER_USER:
		return fold_inner_user(f, e, step);
	case EVENT_TRANSIENTS:
		fold_transients(f, e);
		return 0;
	default:
		return 0;
	}
}

/* A state that is cut off ends with the first record that is none of it. */
static bool is_of_state(const struct event_head *head)
{
	return head->type == EVENT_STREAM || head->type == EVENT_NODE ||
	       head->type == EVENT_CLOCK || head->type == EVENT_USER ||
	       head->type == EVENT_CGROUP || head->type == EVENT_CONTAINER ||
	       head->type == EVENT_INNER_USER || head->type == EVENT_IMAGE ||
	       head->type == EVENT_STATE;
}

static int64_t wall_ns(const struct fold *f, int64_t boot_ns)
{
	return (int64_t)((uint64_t)boot_ns + (uint64_t)f->wall_offset_ns);
}

static int tell_loss(struct fold *f, struct untold *untold, uint64_t seq, struct batch *out)
{
	const struct loss *n = &untold->loss;
	struct loss loss = *n;
	struct event *ev;

	loss.since_ns = wall_ns(f, n->since_ns);
	loss.until_ns = wall_ns(f, n->until_ns);
	ev = batch_append_loss(out, &loss);
	if (!ev)
		return -ENOMEM;
	ev->node = &f->node;
	ev->boot_ns = (uint64_t)n->until_ns;
	ev->seq = seq;
	ev->time_ns = loss.until_ns;
	f->last_seq = seq;
	untold->is_some = false;
	f->streams.n_untold--;
	return 0;
}

/* Where no number is left before the record, it is told before the next one. */
static int tell_losses(struct fold *f, const struct step *step)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < STREAMS_LOSSES; i++) {
		uint64_t seq = fold_seq_before(f, step->seq);

		if (f->streams.untold[i].is_some && seq > f->last_seq)
			r = tell_loss(f, &f->streams.untold[i], seq, step->out);
	}
	return r;
}

static int account(struct fold *f, const struct event_head *head)
{
	const void *e = head;

	if (f->is_restoring && head->type == EVENT_STREAM)
		return streams_restore(&f->streams, e);
	if (head->type == EVENT_TRANSIENTS)
		return fold_account_transients(f, e);
	if (head->type == EVENT_GAP)
		streams_gap(&f->streams, e);
	return streams_account(&f->streams, head);
}

static int fold_checked(struct fold *f, const struct event_head *head, const struct step *step)
{
	int r;

	if (f->hooks.tap)
		f->hooks.tap(f->hooks.ctx, head);
	if (f->is_restoring && !is_of_state(head))
		restore_done(f);
	r = account(f, head);
	if (r == 0 && f->streams.n_untold && step->out)
		r = tell_losses(f, step);
	if (r < 0)
		return r;
	if (record_is_of_ring(head))
		f->last_seq = step->seq;
	return fold_dispatch(f, head, step);
}

static bool unanswered_eq(const void *item, const void *key)
{
	const struct unanswered *a = item, *b = key;

	return a->key == b->key && a->need == b->need && a->hierarchy == b->hierarchy;
}

static bool is_known(struct fold *f, const struct unanswered *u)
{
	if (u->need == NEED_USER)
		return users_lookup(&f->users, (uint32_t)u->key);
	return cgroups_lookup(&f->cgroups, u->hierarchy, u->key);
}

/* Folds what the agent says; only a fact of the kind that was asked for is believed. */
int fold_answer(struct fold *f, enum event_type type, size_t size)
{
	const struct event_head *head = (const struct event_head *)f->answer;
	struct step nowhere = { 0 };
	int r;

	if (!size || size > ANSWER_MAX)
		return 0;
	r = record_check(head, size);
	if (r < 0 || head->type != type) {
		f->table.counters.malformed++;
		return 0;
	}
	return fold_checked(f, head, &nowhere);
}

static uint64_t unanswered_hash(const struct unanswered *u)
{
	return hash_mix(u->key ^ (uint64_t)u->hierarchy << 40 ^ (uint64_t)u->need << 60);
}

static int fold_ask(struct fold *f, enum need need, uint64_t key, uint32_t hierarchy)
{
	struct unanswered u = { .key = key, .need = need, .hierarchy = hierarchy };
	uint64_t hash = unanswered_hash(&u);
	size_t size;
	int r;

	if (!f->hooks.need || is_known(f, &u) || f->n_unanswered == UNANSWERED_MAX ||
	    hash_lookup(&f->unanswered_index, hash, unanswered_eq, &u))
		return 0;
	size = f->hooks.need(f->hooks.ctx, need, key, hierarchy, f->answer, ANSWER_MAX);
	r = fold_answer(f, need == NEED_USER ? EVENT_USER : EVENT_CGROUP, size);
	if (r < 0 || is_known(f, &u))
		return r;
	f->unanswered[f->n_unanswered] = u;
	/* When memory runs out it is asked again: no harm. */
	if (hash_insert(&f->unanswered_index, hash, &f->unanswered[f->n_unanswered]) == 0)
		f->n_unanswered++;
	return 0;
}

static bool is_settled(const struct fold *f, const struct owner_key *key)
{
	return f->is_settled && f->settled.euid == key->euid &&
	       f->settled.cgroup_id == key->cgroup_id && f->settled.hierarchy == key->hierarchy;
}

/*
 * Both are known, and there is no container of which more might be asked: as long as no table
 * changes, others with the same owner, as most are, need no look.
 */
static void settle(struct fold *f, const struct owner_key *key)
{
	const struct cgroup *cgroup =
		key->cgroup_id ? cgroups_lookup(&f->cgroups, key->hierarchy, key->cgroup_id) : NULL;

	f->is_settled = users_lookup(&f->users, key->euid) &&
			(cgroup ? !cgroup->container : !key->cgroup_id);
	f->settled = *key;
}

static int ask_owner(struct fold *f, const struct event_head *head, const struct event_cred *cred,
		     const struct event_cgroup *cgroup)
{
	int r;

	r = fold_ask(f, NEED_USER, cred->euid, 0);
	if (r < 0 || !cgroup->id)
		return r;
	r = fold_ask(f, NEED_CGROUP, cgroup->id, cgroup->hierarchy);
	if (r == 0)
		r = fold_ask_container(f, cgroup);
	return r < 0 || !cgroup->mnt_ns ? r : fold_ask_inner_user(f, head, cred, cgroup);
}

static int fold_ask_owner(struct fold *f, const struct event_head *head,
			  const struct event_cred *cred, const struct event_cgroup *cgroup)
{
	const struct owner_key key = { .cgroup_id = cgroup->id,
				       .hierarchy = cgroup->hierarchy,
				       .euid = cred->euid };
	int r;

	if (is_settled(f, &key))
		return 0;
	r = ask_owner(f, head, cred, cgroup);
	if (r == 0)
		settle(f, &key);
	return r;
}

/* What the record names and the tables lack comes first: into the recording, too. */
static int fold_needs(struct fold *f, const struct event_head *head)
{
	const void *e = head;
	struct event_cred cred;

	switch (head->type) {
	case EVENT_FORK:
		return fold_ask_owner(f, head, &((const struct event_fork *)e)->cred,
				      &((const struct event_fork *)e)->cgroup);
	case EVENT_EXEC:
		return fold_ask_owner(f, head, &((const struct event_exec *)e)->cred,
				      &((const struct event_exec *)e)->cgroup);
	case EVENT_PROCESS:
		return fold_ask_owner(f, head, &((const struct event_process *)e)->cred,
				      &((const struct event_process *)e)->cgroup);
	case EVENT_EXIT:
		if (table_lookup(&f->table, head->tgid, head->start_ns))
			return 0;
		cred = exit_cred(e);
		return fold_ask_owner(f, head, &cred, &((const struct event_exit *)e)->cgroup);
	case EVENT_CGROUP:
		return fold_group_made(f, e);
	default:
		return 0;
	}
}

int fold_record(struct fold *f, const void *record, size_t size, uint64_t seq, struct batch *out)
{
	struct step step = { .seq = seq, .out = out };
	int r;

	r = record_check(record, size);
	if (r < 0) {
		f->table.counters.malformed++;
		return r;
	}
	r = fold_needs(f, record);
	if (r < 0)
		return r;
	return fold_checked(f, record, &step);
}

void fold_trim(struct fold *f)
{
	for (; f->n_unanswered; f->n_unanswered--) {
		struct unanswered *u = &f->unanswered[f->n_unanswered - 1];

		hash_remove(&f->unanswered_index, unanswered_hash(u), u);
	}
	hold_trim(f);
	fold_forget_shown(f);
	table_trim(&f->table);
}

void fold_bound(struct fold *f, size_t max_bytes)
{
	f->table.limits.max_bytes = max_bytes;
}

void fold_squeeze(struct fold *f, size_t n)
{
	fold_trim(f);
	table_squeeze(&f->table, n);
}

void fold_release(void *fold, struct image *image)
{
	struct fold *f = fold;

	table_unref(&f->table, image);
}

const struct node *fold_node(const struct fold *f)
{
	return &f->node;
}

void fold_counters(const struct fold *f, struct proc_counters *ret)
{
	table_counters(&f->table, ret);
}

void fold_losses(const struct fold *f, struct fold_losses *ret)
{
	*ret = (struct fold_losses){ 0 };
	for (size_t i = 0; i < _LOSS_MAX; i++) {
		const struct lost *lost = &f->streams.lost[i];

		ret->exec += lost->exec;
		ret->exit += lost->exit;
		ret->fork += lost->fork;
		ret->other += lost->other;
		ret->by_reason[i] = lost->exec + lost->exit + lost->fork + lost->other;
	}
}

uint64_t fold_next_seq(const struct fold *f)
{
	return f->last_seq + 1;
}

uint64_t fold_next_owed(const struct fold *f)
{
	return f->hold.loose_seq ? f->hold.loose_seq : fold_next_seq(f);
}

void fold_is_journaled(struct fold *f, uint64_t position)
{
	if (position > f->last_seq)
		f->hold.loose_seq = 0;
	else if (f->hold.loose_seq && f->hold.loose_seq < position)
		f->hold.loose_seq = position;
}

void fold_forget_seq(struct fold *f, uint64_t position)
{
	f->last_seq = position > SEQS_LEFT ? position - SEQS_LEFT : 0;
}

void fold_set_environment(struct fold *f, const char *const *names)
{
	f->environment = names;
}

static int compare_start(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	uint64_t first = x->image->key.start_ns, second = y->image->key.start_ns;

	return first < second ? -1 : first > second;
}

/* Parents come before their children, as far as they were started before them. */
int fold_each_living(struct fold *f, uint64_t boot_ns, uint64_t seq, struct batch *out)
{
	const struct hash *processes = &f->table.processes;
	size_t begin = out->n;

	for (size_t i = 0; i < processes->cap; i++) {
		const struct process *process = processes->slots[i].item;
		struct event *ev;

		if (!process || process->image->flags & (IMAGE_KTHREAD | IMAGE_STUB))
			continue;
		ev = batch_append(out);
		if (!ev)
			return -ENOMEM;
		hold_passed(process->image);
		*ev = (struct event){
			.call = CALL_SNAPSHOT,
			.image = image_ref(process->image),
			.node = &f->node,
			.tid = process->image->key.pid,
			.boot_ns = boot_ns,
			.seq = seq,
			.time_ns = (int64_t)(boot_ns + (uint64_t)f->wall_offset_ns),
		};
	}
	if (out->n > begin)
		qsort(out->events + begin, out->n - begin, sizeof(*out->events), compare_start);
	return 0;
}
