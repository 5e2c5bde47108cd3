/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the fold share: fold.c (the way in, facts of the agent, what is to be asked
 * for), fold_live.c (fork, exec, exit), fold_snapshot.c (the task iterator), fold_pass.c (who has
 * ended unseen), fold_container.c (what is known of containers), hold.c (events that wait for it),
 * fold_transients.c (who left nothing), lineage.c (whose child an image is), restore.c (what a
 * state says; state.c writes it).
 */
#pragma once

#include "base/buf.h"
#include "proc/containers.h"
#include "proc/fold.h"
#include "proc/hold.h"
#include "proc/owner.h"
#include "proc/streams.h"
#include "proc/tombstones.h"

#define NODE_TEXT_MAX 64       /* of a node's name, as EXEC_ID_MAX has it, and of its address */
#define TOMBSTONES_PASS 65536  /* remembered while a snapshot pass runs or is still to come */
#define TOMBSTONES_QUIET 1024  /* remembered at other times, for records that come twice */
#define ANSWER_MAX (96 * 1024) /* bytes of a record that answers: all texts of a container fit */
#define UNANSWERED_MAX 4096    /* needs without an answer that are remembered in one batch */

struct unanswered {
	uint64_t key;
	uint32_t need, hierarchy;
};

/* Who owns a process, as a record names it. */
struct owner_key {
	uint64_t cgroup_id;
	uint32_t hierarchy;
	uint32_t euid;
};

struct fold {
	struct proc_table table;
	const char *const *environment; /* names to keep, ended by NULL; borrowed; NULL: none */
	struct owner_table users, cgroups;
	struct container_table containers;
	struct hold hold;
	const struct container **shown; /* by events of this batch; a reference each */
	size_t n_shown, cap_shown;
	struct tombstones tombstones;
	struct streams streams;
	struct fold_hooks hooks;

	struct node node;
	char node_name[NODE_TEXT_MAX], node_address[NODE_TEXT_MAX];
	int64_t wall_offset_ns;
	uint32_t pass; /* of the snapshot: 0 before the first PASS_BEGIN */
	bool is_in_pass;
	bool is_restoring;   /* within a state */
	struct image **held; /* by then; a reference each */
	size_t n_held, cap_held;
	uint64_t last_seq; /* of the records and events so far */

	struct buf scratch;
	struct unanswered *unanswered; /* UNANSWERED_MAX of them */
	struct hash unanswered_index;
	size_t n_unanswered;
	struct owner_key settled; /* the last one of whom nothing was left to be asked */
	bool is_settled;	  /* and so it still is */
	uint64_t *answer;	  /* ANSWER_MAX bytes */
};

/* One record on its way through the fold. */
struct step {
	uint64_t seq;
	struct batch *out;
};

/* A number for what comes before the record at `position`. */
uint64_t fold_seq_before(const struct fold *f, uint64_t position);

/* fold.c. Takes a reference for the batch; nothing for images of the kernel's. 0 or -ENOMEM. */
int fold_emit(struct fold *f, enum call call, struct image *image, const struct event_head *head,
	      const struct step *step);

/* fold_live.c. 0 or -ENOMEM. */
int fold_fork(struct fold *f, const struct event_fork *e, const struct step *step);
int fold_exec(struct fold *f, const struct event_exec *e, const struct step *step);
int fold_exit(struct fold *f, const struct event_exit *e, const struct step *step);

/* fold_snapshot.c. 0 or -ENOMEM. */
int fold_process(struct fold *f, const struct event_process *e);

/* fold_pass.c. 0 or -ENOMEM. */
int fold_mark(struct fold *f, const struct event_mark *e, const struct step *step);

/* fold_container.c. 0 or -ENOMEM. */
int fold_container(struct fold *f, const struct event_container *e, const struct step *step);
/* What is to be asked for before an event in this control group. */
int fold_ask_container(struct fold *f, const struct event_cgroup *cgroup);
/* The same before a control group is made, which may begin a container. */
int fold_group_made(struct fold *f, const struct event_cgroup_made *e);
void fold_forget_shown(struct fold *f); /* the batch is through */
/* A pass has found processes of containers, in any order; now for each of all, oldest first. */
void fold_place_found(struct fold *f, const struct process *process);

/* fold_inner_user.c. 0 or -ENOMEM. */
int fold_inner_user(struct fold *f, const struct event_inner_user *e, const struct step *step);
/* What is to be asked for before a record of this task is folded. */
int fold_ask_inner_user(struct fold *f, const struct event_head *head,
			const struct event_cred *cred, const struct event_cgroup *where);
/* Who an image in this control group shows; NULL: unknown. */
const struct user *fold_user_of(struct fold *f, const struct event_cred *cred,
				const struct event_cgroup *where, const struct cgroup *cgroup);

/* fold_transients.c. What is left of processes that are not there: 0 or -ENOMEM. */
int fold_account_transients(struct fold *f, const struct event_transients *e);
void fold_transients(struct fold *f, const struct event_transients *e);

/* fold.c: folds an answer of `size` bytes in f->answer, if it is one of that type. 0 or -ENOMEM. */
int fold_answer(struct fold *f, enum event_type type, size_t size);

/* restore.c. 0 or -ENOMEM. */
int restore_image(struct fold *f, const struct event_image *e);
void restore_state(struct fold *f, const struct event_state *e);
void fold_bury(struct fold *f, const struct event_ended *e); /* a record tells that it has ended */
void restore_done(struct fold *f); /* what the state was not used for goes; twice is once */

/*
 * lineage.c. An image gets its parent, and a stub is made where nothing is known of the parent but
 * its identity. 0 or -ENOMEM; *ret_known, where not NULL, says whether the parent, if there is one,
 * was there.
 */
int lineage_set(struct fold *f, struct image *image, const struct event_id *parent,
		bool *ret_known);
/*
 * The same for an image that begins `process` anew, or follows in it: `parent` is what the record
 * says.
 */
int lineage_set_first(struct fold *f, struct image *image, const struct event_head *head,
		      const struct event_id *parent, bool *ret_known);
int lineage_set_next(struct fold *f, struct image *image, struct image *last, bool *ret_known);

static inline struct image_key image_key_from_head(const struct event_head *h)
{
	return (struct image_key){ .start_ns = h->start_ns,
				   .exec_count = h->exec_count,
				   .pid = h->tgid };
}

static inline struct image_key image_key_from_id(const struct event_id *id)
{
	return (struct image_key){ .start_ns = id->start_ns,
				   .exec_count = id->exec_count,
				   .pid = id->tgid };
}

/* What an exit says of the credentials; the uid in the user namespace is not among it. */
static inline struct event_cred exit_cred(const struct event_exit *e)
{
	return (struct event_cred){ .euid = e->euid, .euid_shift = EVENT_UID_UNKNOWN - e->euid };
}

/* The user, the control group and the mount namespace that a record names, where known. */
static inline void fold_set_owner(struct fold *f, struct image *image,
				  const struct event_cred *cred, const struct event_cgroup *where)
{
	const struct cgroup *cgroup =
		where->id ? cgroups_lookup(&f->cgroups, where->hierarchy, where->id) : NULL;

	image->mnt_ns = where->mnt_ns;
	table_set_owner(&f->table, image,
			where->mnt_ns ? fold_user_of(f, cred, where, cgroup)
				      : users_lookup(&f->users, cred->euid),
			cgroup);
}
