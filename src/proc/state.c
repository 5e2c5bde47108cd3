/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing half; restore.c reads it. Images come in the order of the table's lists, which says
 * what a limit takes first; a parent may come after its child. Names of users and control groups
 * come before the first image that shows them, so that an image keeps the name that it had, and
 * once more behind all images, in the order in which they were used. Events that are held are no
 * part of a state: it is written when none is.
 */
#include "proc/state.h"

#include <errno.h>
#include <stdlib.h>

#include "proc/fold_state.h"
#include "proc/state_bits.h"

struct writer {
	struct fold *f;
	fold_state_fn *put;
	void *ctx;
	struct hash users, cgroups; /* as whoever reads it has them so far */
	struct hash inner_users;    /* that were written */
};

static struct event_head head_of(enum event_type type, size_t size)
{
	return (struct event_head){ .size = (uint32_t)size,
				    .layout = EVENT_LAYOUT,
				    .type = (uint8_t)type,
				    .cpu = EVENT_CPU_AGENT };
}

static int put_begin(struct writer *w)
{
	const struct fold *f = w->f;
	struct event_state e = { .head = head_of(EVENT_STATE, sizeof(e)),
				 .ring_begin_ns = f->streams.ring_begin_ns,
				 .pass = f->pass,
				 .bits = EVENT_STATE_BEGIN,
				 .n_adopted = f->streams.n_adopted };

	e.head.seq = f->last_seq;
	if (f->is_in_pass)
		e.bits |= EVENT_STATE_IN_PASS;
	if (f->streams.has_lost_process)
		e.bits |= EVENT_STATE_WANTS_PASS;
	if (f->streams.has_lost_snapshot)
		e.bits |= EVENT_STATE_NO_PASS;
	return w->put(w->ctx, &e.head);
}

static int put_streams(struct writer *w)
{
	const struct list *all = &w->f->streams.lru;
	int r = 0;

	for (const struct list *l = all->next; r == 0 && l != all; l = l->next) {
		const struct stream *stream = LIST_ENTRY(l, struct stream, lru);
		struct event_stream e;

		if (stream->is_adopted || stream->has_no_number)
			continue; /* as if nobody had heard of it yet */
		streams_store(stream, &e);
		e.head.size = sizeof(e);
		e.head.layout = EVENT_LAYOUT;
		e.head.type = EVENT_STREAM;
		r = w->put(w->ctx, &e.head);
	}
	return r;
}

static int put_node(struct writer *w)
{
	const struct node *node = &w->f->node;
	struct buf *b = &w->f->scratch;
	struct event_node e = { .head = head_of(EVENT_NODE,
						sizeof(e) + node->name.n + node->address.n),
				.name_len = (uint16_t)node->name.n,
				.address_len = (uint16_t)node->address.n };

	buf_clear(b);
	buf_put(b, &e, sizeof(e));
	buf_put_str(b, node->name);
	buf_put_str(b, node->address);
	return buf_failed(b) ? -ENOMEM : w->put(w->ctx, (const struct event_head *)b->data);
}

static int put_clock(struct writer *w)
{
	const struct event_clock e = { .head = head_of(EVENT_CLOCK, sizeof(e)),
				       .offset_ns = w->f->wall_offset_ns };

	return w->put(w->ctx, &e.head);
}

static int put_user(struct writer *w, const struct user *user)
{
	struct buf *b = &w->f->scratch;
	struct event_user e = { .head = head_of(EVENT_USER, sizeof(e) + user->name.n),
				.uid = user->uid,
				.name_len = (uint16_t)user->name.n };

	buf_clear(b);
	buf_put(b, &e, sizeof(e));
	buf_put_str(b, user->name);
	return buf_failed(b) ? -ENOMEM : w->put(w->ctx, (const struct event_head *)b->data);
}

/* A path that names the same container as the one that nobody kept. */
static int put_cgroup(struct writer *w, const struct cgroup *cgroup)
{
	struct buf *b = &w->f->scratch;
	size_t n = 1 + (cgroup->container ? CONTAINER_ID_LEN : 0);
	struct event_cgroup_made e = { .head = head_of(EVENT_CGROUP, sizeof(e) + n),
				       .cgroup = { .id = cgroup->id,
						   .hierarchy = cgroup->hierarchy },
				       .path_len = (uint32_t)n };

	buf_clear(b);
	buf_put(b, &e, sizeof(e));
	buf_put_char(b, '/');
	if (cgroup->container)
		buf_put(b, cgroup->container->id, CONTAINER_ID_LEN);
	return buf_failed(b) ? -ENOMEM : w->put(w->ctx, (const struct event_head *)b->data);
}

static uint32_t bits_of_container(const struct container_entry *c)
{
	uint32_t bits = c->container.bits;

	bits |= c->is_complete ? EVENT_CONTAINER_COMPLETE : 0;
	bits |= c->is_short ? EVENT_CONTAINER_SHORT : 0;
	bits |= c->is_asked ? EVENT_CONTAINER_ASKED : 0;
	bits |= c->is_used ? EVENT_CONTAINER_USED : 0;
	return c->is_awaited ? bits | EVENT_CONTAINER_AWAITED : bits;
}

static int put_container(struct writer *w, const struct container_entry *c)
{
	const size_t n = c->container.ends[_CONTAINER_TEXT_MAX - 1];
	struct event_container e = { .head = head_of(EVENT_CONTAINER, sizeof(e) + n),
				     .started_ns = container_started_ns(&c->container),
				     .entry_start_ns = c->entry_start_ns,
				     .entry_pid = c->entry_pid,
				     .hierarchy = c->hierarchy,
				     .bits = bits_of_container(c) };
	struct buf *b = &w->f->scratch;

	e.head.time_ns = c->since_ns;
	memcpy(e.id, c->container.id, CONTAINER_ID_LEN);
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		e.lens[i] = (uint16_t)container_text(&c->container, i).n;
	buf_clear(b);
	buf_put(b, &e, sizeof(e));
	if (n)
		buf_put(b, c->container.text, n);
	return buf_failed(b) ? -ENOMEM : w->put(w->ctx, (const struct event_head *)b->data);
}

static int put_inner_user(struct writer *w, const struct container *container,
			  const struct user *user)
{
	struct buf *b = &w->f->scratch;
	struct event_inner_user e = { .head = head_of(EVENT_INNER_USER, sizeof(e) + user->name.n),
				      .mnt_ns = user->mnt_ns,
				      .uid = user->uid,
				      .name_len = (uint16_t)user->name.n };

	if (user->state != USER_KNOWN)
		e.bits = EVENT_INNER_USER_AWAITED;
	if (user->state == USER_OVERDUE)
		e.bits |= EVENT_INNER_USER_OVERDUE;
	memcpy(e.container, container->id, CONTAINER_ID_LEN);
	buf_clear(b);
	buf_put(b, &e, sizeof(e));
	buf_put_str(b, user->name);
	return buf_failed(b) ? -ENOMEM : w->put(w->ctx, (const struct event_head *)b->data);
}

struct inner_writer {
	struct writer *w;
	const struct container *container;
};

static int put_used_inner_user(void *ctx, const struct user *user)
{
	const struct inner_writer *i = ctx;

	return put_inner_user(i->w, i->container, user);
}

static int put_container_and_users(struct writer *w, const struct container_entry *c)
{
	struct inner_writer i = { .w = w, .container = &c->container };
	int r = put_container(w, c);

	return r < 0 ? r : inner_users_each(&c->users, put_used_inner_user, &i);
}

static int put_containers(struct writer *w)
{
	const struct list *all = &w->f->containers.lru;
	int r = 0;

	for (const struct list *l = all->next; r == 0 && l != all; l = l->next)
		r = put_container_and_users(w, LIST_ENTRY(l, struct container_entry, lru));
	return r;
}

static bool user_eq(const void *item, const void *key)
{
	return ((const struct user *)item)->uid == ((const struct user *)key)->uid;
}

static bool cgroup_eq(const void *item, const void *key)
{
	const struct cgroup *a = item, *b = key;

	return a->id == b->id && a->hierarchy == b->hierarchy;
}

/*
 * What is written from here on. 0 or -ENOMEM. When there are as many as a table holds, the reader
 * may have let go of any of them: then each is written again.
 */
static int replace(struct hash *written, uint64_t hash, const void *old, const void *item)
{
	if (old)
		hash_remove(written, hash, old);
	return hash_insert(written, hash, (void *)item);
}

static int need_user(struct writer *w, const struct user *user)
{
	uint64_t hash = hash_mix(user->uid);
	const struct user *old = hash_lookup(&w->users, hash, user_eq, user);
	int r;

	if (old && str_eq(old->name, user->name) && w->users.n < w->f->users.max)
		return 0;
	r = replace(&w->users, hash, old, user);
	return r < 0 ? r : put_user(w, user);
}

static bool is_same(const void *item, const void *key)
{
	return item == key;
}

static int need_inner_user(struct writer *w, const struct container *container,
			   const struct user *user)
{
	uint64_t hash = hash_mix((uintptr_t)user);
	int r;

	if (!container || hash_lookup(&w->inner_users, hash, is_same, user))
		return 0;
	r = hash_insert(&w->inner_users, hash, (void *)user);
	return r < 0 ? r : put_inner_user(w, container, user);
}

static int need_cgroup(struct writer *w, const struct cgroup *cgroup)
{
	uint64_t hash = hash_mix(cgroup->id ^ (uint64_t)cgroup->hierarchy << 48);
	const struct cgroup *old = hash_lookup(&w->cgroups, hash, cgroup_eq, cgroup);
	int r;

	if (old && old->container == cgroup->container && w->cgroups.n < w->f->cgroups.max)
		return 0;
	r = replace(&w->cgroups, hash, old, cgroup);
	return r < 0 ? r : put_cgroup(w, cgroup);
}

static int put_owners(struct writer *w, const struct image *image)
{
	int r = 0;

	if (image->user && image->user->mnt_ns)
		r = need_inner_user(w, image_container(image), image->user);
	else if (image->user)
		r = need_user(w, image->user);
	if (r == 0 && image->cgroup)
		r = need_cgroup(w, image->cgroup);
	return r;
}

static bool shares_program(const struct image *image)
{
	const struct image *parent = image->parent;

	return parent && parent->flags & IMAGE_WRITTEN && parent->program == image->program;
}

static uint32_t bits_of(const struct writer *w, const struct image *image)
{
	const struct process *process = NULL;
	uint32_t bits = state_to_bits(state_image_bits, ARRAY_SIZE(state_image_bits), image->flags);

	if (!image->user)
		bits |= EVENT_IMAGE_NO_USER;
	if (!image->program)
		bits |= EVENT_IMAGE_NO_PROGRAM;
	else if (shares_program(image))
		bits |= EVENT_IMAGE_SAME_PROGRAM;
	if (image->flags & IMAGE_EXITED)
		return bits;
	process = table_lookup(&w->f->table, image->key.pid, image->key.start_ns);
	if (!process || process->image != image)
		return bits;
	bits |= EVENT_IMAGE_CURRENT;
	bits |= state_to_bits(state_process_bits, ARRAY_SIZE(state_process_bits), process->flags);
	return process->pass == w->f->pass ? bits | EVENT_IMAGE_SEEN : bits;
}

static uint32_t text_len(const struct program *p, enum program_text which)
{
	return (uint32_t)program_text(p, which).n;
}

static void name_program(struct event_image *e, const struct program *p)
{
	e->program_flags = p->flags;
	e->argc = p->argc;
	e->args_total = p->args_total;
	e->binary_len = text_len(p, PROGRAM_BINARY);
	e->cwd_len = text_len(p, PROGRAM_CWD);
	e->interp_len = text_len(p, PROGRAM_INTERPRETER);
	e->exe_len = text_len(p, PROGRAM_EXE);
	e->args_len = text_len(p, PROGRAM_ARGS);
	e->env_len = text_len(p, PROGRAM_ENV);
	if (program_exe_ext(p))
		e->head.flags |= EVENT_F_EXE_EXT;
}

/* In the order of image_parts(). */
static void put_strings(struct buf *b, const struct program *p)
{
	if (program_exe_ext(p))
		buf_put(b, program_exe_ext(p), sizeof(struct event_exe_ext));
	buf_put_str(b, program_text(p, PROGRAM_BINARY));
	buf_put_str(b, program_text(p, PROGRAM_CWD));
	buf_put_str(b, program_text(p, PROGRAM_INTERPRETER));
	buf_put_str(b, program_text(p, PROGRAM_EXE));
	buf_put_str(b, program_text(p, PROGRAM_ARGS));
	buf_put_str(b, program_text(p, PROGRAM_ENV));
}

/* A program that is too large for a record, as only hostile records can make one, is left out. */
static bool has_strings(const struct program *p, uint32_t bits)
{
	return !(bits & (EVENT_IMAGE_NO_PROGRAM | EVENT_IMAGE_SAME_PROGRAM)) &&
	       program_bytes(p) <
		       EVENT_SIZE_MAX - sizeof(struct event_image) - sizeof(struct event_task_ext);
}

/* All but what is said of its program. */
static struct event_image describe(const struct image *image, uint32_t bits)
{
	struct event_image e = { .head = head_of(EVENT_IMAGE, 0),
				 .cred = *image->cred,
				 .bits = bits,
				 .depth = image->depth };

	e.head.start_ns = image->key.start_ns;
	e.head.exec_count = image->key.exec_count;
	e.head.tgid = e.head.tid = image->key.pid;
	e.head.flags = image->ext ? EVENT_F_TASK_EXT : 0;
	if (image->parent)
		e.parent = (struct event_id){ .start_ns = image->parent->key.start_ns,
					      .exec_count = image->parent->key.exec_count,
					      .tgid = image->parent->key.pid };
	e.cgroup.mnt_ns = image->mnt_ns;
	if (image->cgroup) {
		e.cgroup.id = image->cgroup->id;
		e.cgroup.hierarchy = image->cgroup->hierarchy;
	}
	return e;
}

static int put_image(struct writer *w, struct image *image, uint32_t more_bits)
{
	struct event_image e = describe(image, bits_of(w, image) | more_bits);
	bool is_whole = has_strings(image->program, e.bits);
	struct buf *b = &w->f->scratch;
	int r;

	r = put_owners(w, image);
	if (r < 0)
		return r;
	if (is_whole)
		name_program(&e, image->program);
	else if (!(e.bits & EVENT_IMAGE_SAME_PROGRAM))
		e.bits |= EVENT_IMAGE_NO_PROGRAM;
	buf_clear(b);
	buf_put(b, &e, sizeof(e));
	if (image->ext)
		buf_put(b, image->ext, sizeof(*image->ext));
	if (is_whole)
		put_strings(b, image->program);
	if (buf_failed(b))
		return -ENOMEM;
	((struct event_head *)b->data)->size = (uint32_t)b->len;
	image->flags |= IMAGE_WRITTEN;
	return w->put(w->ctx, (const struct event_head *)b->data);
}

static int put_list(struct writer *w, const struct list *images, uint32_t bits)
{
	int r = 0;

	for (struct list *l = images->next; r == 0 && l != images; l = l->next)
		r = put_image(w, LIST_ENTRY(l, struct image, lru), bits);
	return r;
}

/* Those of which only the identity is known, and a parent perhaps, or that they have ended. */
static int put_stubs(struct writer *w)
{
	const struct hash *images = &w->f->table.images;
	int r = 0;

	for (size_t i = 0; r == 0 && i < images->cap; i++) {
		struct image *image = images->slots[i].item;

		if (image && list_is_empty(&image->lru))
			r = put_image(w, image, 0);
	}
	return r;
}

static void forget_list(const struct list *images)
{
	for (struct list *l = images->next; l != images; l = l->next)
		LIST_ENTRY(l, struct image, lru)->flags &= ~IMAGE_WRITTEN;
}

static void forget_written(struct writer *w)
{
	const struct proc_table *t = &w->f->table;

	for (size_t i = 0; i < t->images.cap; i++) {
		struct image *image = t->images.slots[i].item;

		if (image)
			image->flags &= ~IMAGE_WRITTEN;
	}
	forget_list(&t->exited);
	forget_list(&t->bare);
	forget_list(&t->living);
}

static int put_images(struct writer *w)
{
	const struct proc_table *t = &w->f->table;
	int r;

	r = put_stubs(w);
	if (r == 0)
		r = put_list(w, &t->exited, 0);
	if (r == 0)
		r = put_list(w, &t->bare, EVENT_IMAGE_BARE);
	if (r == 0)
		r = put_list(w, &t->living, 0);
	forget_written(w);
	return r;
}

static int put_used_user(void *ctx, const struct user *user)
{
	return put_user(ctx, user);
}

static int put_used_cgroup(void *ctx, const struct cgroup *cgroup)
{
	return put_cgroup(ctx, cgroup);
}

static int put_ended(struct writer *w)
{
	const struct tombstone *s;
	uint64_t at = 0;
	struct event_state e = { .head = head_of(EVENT_STATE, 0) };
	struct buf *b = &w->f->scratch;

	buf_clear(b);
	buf_put(b, &e, sizeof(e));
	while ((s = tombstones_next(&w->f->tombstones, &at))) {
		struct event_ended ended = { .start_ns = s->start_ns,
					     .tgid = s->pid,
					     .bits = s->is_inferred ? EVENT_ENDED_INFERRED : 0 };

		buf_put(b, &ended, sizeof(ended));
		e.n_ended++;
	}
	if (buf_failed(b))
		return -ENOMEM;
	e.head.size = (uint32_t)b->len;
	memcpy(b->data, &e, sizeof(e));
	return w->put(w->ctx, (const struct event_head *)b->data);
}

static int put_all(struct writer *w)
{
	int r;

	r = put_begin(w);
	if (r == 0)
		r = put_streams(w);
	if (r == 0)
		r = put_node(w);
	if (r == 0)
		r = put_clock(w);
	if (r == 0)
		r = put_images(w);
	if (r == 0)
		r = users_each(&w->f->users, put_used_user, w);
	if (r == 0)
		r = cgroups_each(&w->f->cgroups, put_used_cgroup, w);
	if (r == 0)
		r = put_containers(w); /* behind those who use them, in the order of the table */
	return r < 0 ? r : put_ended(w);
}

int fold_state(struct fold *f, fold_state_fn *put, void *ctx)
{
	struct writer w = { .f = f, .put = put, .ctx = ctx };
	int r = put_all(&w);

	hash_done(&w.users);
	hash_done(&w.inner_users);
	hash_done(&w.cgroups);
	return r;
}
