/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "proc/owner.h"
#include "proc/table.h"

/*
 * Ended images that are kept as somebody's ancestors: at most about twice this many above one
 * image, so that a daemon that forks itself anew for ever, each time ending the old one, keeps no
 * endless chain.
 */
#define CHAIN_MAX 64

const struct proc_limits proc_limits_default = {
	.max_images = 262144,
	.max_bytes = 64 << 20,
	.max_users = 65536,
	.max_cgroups = 16384,
	.max_containers = 4096,
};

struct process_key {
	uint64_t start_ns;
	uint32_t pid;
};

static uint64_t process_hash(uint32_t pid, uint64_t start_ns)
{
	return hash_mix(start_ns ^ (uint64_t)pid << 40);
}

static uint64_t image_hash(const struct image_key *key)
{
	return process_hash(key->pid, key->start_ns) + key->exec_count;
}

static bool process_eq(const void *item, const void *key)
{
	const struct image_key *have = &((const struct process *)item)->image->key;
	const struct process_key *want = key;

	return have->pid == want->pid && have->start_ns == want->start_ns;
}

static bool image_eq(const void *item, const void *key)
{
	return image_key_cmp(&((const struct image *)item)->key, key) == 0;
}

void table_init(struct proc_table *t, const struct proc_limits *limits)
{
	*t = (struct proc_table){ .limits = *limits };
	slab_init(&t->process_slab, sizeof(struct process), &t->spare);
	slab_init(&t->image_slab, sizeof(struct image), &t->spare);
	slab_init(&t->ext_slab, sizeof(struct event_task_ext), &t->spare);
	pool_init(&t->programs, &t->spare);
	cred_table_init(&t->creds, &t->spare);
	list_init(&t->living);
	list_init(&t->bare);
	list_init(&t->exited);
}

static struct process *process_of(const struct proc_table *t, const struct list *lru)
{
	const struct image *image = LIST_ENTRY(lru, struct image, lru);

	return table_lookup(t, image->key.pid, image->key.start_ns);
}

void table_done(struct proc_table *t)
{
	while (!list_is_empty(&t->living))
		table_remove(t, process_of(t, t->living.next));
	while (!list_is_empty(&t->bare))
		table_remove(t, process_of(t, t->bare.next));
	assert(!t->image_slab.n && !t->process_slab.n && !t->ext_slab.n && !t->programs.bytes);
	hash_done(&t->processes);
	hash_done(&t->images);
	slab_done(&t->process_slab);
	slab_done(&t->image_slab);
	slab_done(&t->ext_slab);
	pool_done(&t->programs);
	cred_table_done(&t->creds);
}

struct process *table_lookup(const struct proc_table *t, uint32_t pid, uint64_t start_ns)
{
	struct process_key key = { .start_ns = start_ns, .pid = pid };

	if (t->newest && process_eq(t->newest, &key))
		return t->newest;
	return hash_lookup(&t->processes, process_hash(pid, start_ns), process_eq, &key);
}

struct image *table_lookup_other(const struct proc_table *t, const struct image_key *key)
{
	if (!t->images.n)
		return NULL;
	return hash_lookup(&t->images, image_hash(key), image_eq, key);
}

struct image *table_lookup_image(const struct proc_table *t, const struct image_key *key)
{
	struct process *p = table_lookup(t, key->pid, key->start_ns);

	if (p && p->image->key.exec_count == key->exec_count)
		return p->image;
	return table_lookup_other(t, key);
}

int table_image_new(struct proc_table *t, const struct image_key *key, uint32_t flags,
		    struct image **ret)
{
	struct image *image = slab_alloc(&t->image_slab);

	if (!image)
		return -ENOMEM;
	*image = (struct image){
		.key = *key,
		.refs = 1,
		.flags = flags,
		.stamp = ++t->stamp,
		.cred = &cred_unknown,
	};
	list_init(&image->lru);
	*ret = image;
	return 0;
}

static int image_index(struct proc_table *t, struct image *image)
{
	int r = hash_insert(&t->images, image_hash(&image->key), image);

	if (r == 0)
		image->flags |= IMAGE_INDEXED;
	return r;
}

static void image_unindex(struct proc_table *t, struct image *image)
{
	if (image->flags & IMAGE_INDEXED)
		hash_remove(&t->images, image_hash(&image->key), image);
	image->flags &= ~IMAGE_INDEXED;
}

int table_stub_new(struct proc_table *t, const struct image_key *key, struct image **ret)
{
	struct image *image = NULL;
	int r;

	r = table_image_new(t, key, IMAGE_STUB, &image);
	if (r < 0)
		return r;
	r = image_index(t, image);
	if (r < 0) {
		table_unref(t, image);
		return r;
	}
	*ret = image;
	return 0;
}

/* All that an image holds, but for its parent; one that stays gets another stamp after it. */
static void image_strip(struct proc_table *t, struct image *image)
{
	table_program_unref(t, image->program);
	image->program = NULL;
	slab_free(&t->ext_slab, image->ext);
	image->ext = NULL;
	cred_unref(&t->creds, image->cred);
	image->cred = &cred_unknown;
	user_unref(image->user);
	image->user = NULL;
	cgroup_unref(image->cgroup);
	image->cgroup = NULL;
}

void table_unref(struct proc_table *t, struct image *image)
{
	/* Down the chain in a loop: each image may have been all that held its parent. */
	while (image && --image->refs == 0) {
		struct image *parent = image->parent;

		if (parent)
			parent->n_children--;
		image_unindex(t, image);
		list_unlink(&image->lru);
		image_strip(t, image);
		slab_free(&t->image_slab, image);
		image = parent;
	}
}

static void bound_chain(struct proc_table *t, struct image *image)
{
	struct image *up = image;

	if (image->depth <= 2 * CHAIN_MAX)
		return;
	for (size_t i = 0; i < CHAIN_MAX && up; i++)
		up = up->parent;
	if (up && !(up->flags & IMAGE_EXITED))
		return;
	if (up)
		table_set_parent(t, up, NULL);
	image->depth = CHAIN_MAX;
}

static void restamp(struct proc_table *t, struct image *image)
{
	image->stamp = image->user && image->user->state != USER_KNOWN ? 0 : ++t->stamp;
}

void table_set_parent(struct proc_table *t, struct image *image, struct image *parent)
{
	struct image *old = image->parent;

	if (parent && image_key_cmp(&parent->key, &image->key) >= 0)
		parent = NULL;
	image->parent = parent ? image_ref(parent) : NULL;
	image->depth = parent ? (uint16_t)(parent->depth + 1) : 0;
	restamp(t, image);
	if (parent)
		parent->n_children++;
	if (old) {
		old->n_children--;
		table_unref(t, old);
	}
	bound_chain(t, image);
}

void table_set_program(struct proc_table *t, struct image *image, struct program *program)
{
	if (program)
		program->refs++;
	table_program_unref(t, image->program);
	image->program = program;
	restamp(t, image);
	/* One that had lost its strings to the limit, and has them again. */
	if (program && !(image->flags & IMAGE_EXITED) && !list_is_empty(&image->lru)) {
		list_unlink(&image->lru);
		list_append(&t->living, &image->lru);
	}
}

void table_set_owner(struct proc_table *t, struct image *image, const struct user *user,
		     const struct cgroup *cgroup)
{
	user_ref(user);
	cgroup_ref(cgroup);
	user_unref(image->user);
	cgroup_unref(image->cgroup);
	image->user = user;
	image->cgroup = cgroup;
	restamp(t, image);
}

void table_renew(struct proc_table *t, struct image *image)
{
	if (!image->stamp)
		restamp(t, image);
}

int table_set_cred(struct proc_table *t, struct image *image, const struct event_cred *cred)
{
	const struct event_cred *same = cred_get(&t->creds, cred);

	if (!same)
		return -ENOMEM;
	restamp(t, image);
	cred_unref(&t->creds, image->cred);
	image->cred = same;
	return 0;
}

int table_set_ext(struct proc_table *t, struct image *image, const struct event_task_ext *ext)
{
	if (!ext && !image->ext)
		return 0;
	restamp(t, image);
	if (!ext) {
		slab_free(&t->ext_slab, image->ext);
		image->ext = NULL;
		return 0;
	}
	if (!image->ext)
		image->ext = slab_alloc(&t->ext_slab);
	if (!image->ext)
		return -ENOMEM;
	memcpy(image->ext, ext, sizeof(*ext));
	return 0;
}

/* Takes over the caller's reference. */
static void become_current(struct proc_table *t, struct process *p, struct image *image)
{
	image_unindex(t, image);
	list_unlink(&image->lru);
	list_append(&t->living, &image->lru);
	p->image = image;
}

/* The table's reference to an image that is no longer current goes. */
static void image_leave(struct proc_table *t, struct image *image)
{
	image->flags |= IMAGE_EXITED;
	list_unlink(&image->lru);
	/* Without children it is only shown by events of this batch, and goes with them. */
	if (image->n_children) {
		/* Out of memory: it is kept, and only cannot be found by its key. */
		(void)image_index(t, image);
		list_append(&t->exited, &image->lru);
	}
	table_unref(t, image);
}

int table_add(struct proc_table *t, struct image *image, struct process **ret)
{
	struct process *p = slab_alloc(&t->process_slab);
	int r;

	if (!p)
		return -ENOMEM;
	r = hash_insert(&t->processes, process_hash(image->key.pid, image->key.start_ns), p);
	if (r < 0) {
		slab_free(&t->process_slab, p);
		return r;
	}
	*p = (struct process){ 0 };
	become_current(t, p, image);
	t->newest = p;
	*ret = p;
	return 0;
}

void table_advance(struct proc_table *t, struct process *process, struct image *image)
{
	struct image *old = process->image;

	become_current(t, process, image);
	image_leave(t, old);
}

void table_set_exited(struct proc_table *t, struct image *image)
{
	image->flags |= IMAGE_EXITED;
	if (!(image->flags & IMAGE_STUB))
		list_append(&t->exited, &image->lru);
}

void table_set_bare(struct proc_table *t, struct image *image)
{
	list_unlink(&image->lru);
	list_append(&t->bare, &image->lru);
}

void table_set_depth(struct image *image, uint32_t depth)
{
	image->depth = (uint16_t)(depth < 2 * CHAIN_MAX ? depth : 2 * CHAIN_MAX);
}

void table_set_dying(struct proc_table *t, struct process *process, bool is_dying)
{
	t->n_dying -= !!(process->flags & PROCESS_DYING);
	t->n_dying += is_dying;
	process->flags &= ~(uint32_t)PROCESS_DYING;
	process->flags |= is_dying ? PROCESS_DYING : 0;
}

void table_remove(struct proc_table *t, struct process *process)
{
	struct image *image = process->image;

	table_set_dying(t, process, false);
	if (t->newest == process)
		t->newest = NULL;
	hash_remove(&t->processes, process_hash(image->key.pid, image->key.start_ns), process);
	slab_free(&t->process_slab, process);
	image_leave(t, image);
}

static size_t bytes(const struct proc_table *t)
{
	return t->programs.bytes + t->image_slab.n * t->image_slab.size +
	       t->ext_slab.n * t->ext_slab.size + t->process_slab.n * t->process_slab.size +
	       cred_table_bytes(&t->creds) + hash_bytes(&t->processes) + hash_bytes(&t->images);
}

static bool has_too_much(const struct proc_table *t)
{
	return t->image_slab.n > t->limits.max_images || bytes(t) > t->limits.max_bytes;
}

static void evict_exited(struct proc_table *t)
{
	struct image *image = LIST_ENTRY(t->exited.next, struct image, lru);

	t->counters.evicted_exited++;
	list_unlink(&image->lru);
	image->flags |= IMAGE_STUB;
	image_strip(t, image);
	table_set_parent(t, image, NULL);
}

static void evict_strings(struct proc_table *t)
{
	struct image *image = LIST_ENTRY(t->living.next, struct image, lru);

	t->counters.evicted_living += !!image->program;
	list_unlink(&image->lru);
	list_append(&t->bare, &image->lru);
	table_set_program(t, image, NULL);
}

static void evict_process(struct proc_table *t)
{
	t->counters.evicted_living++;
	table_remove(t, process_of(t, list_is_empty(&t->bare) ? t->living.next : t->bare.next));
	if (!list_is_empty(&t->exited))
		evict_exited(t);
}

void table_trim(struct proc_table *t)
{
	while (has_too_much(t) && !list_is_empty(&t->exited))
		evict_exited(t);
	while (bytes(t) > t->limits.max_bytes && !list_is_empty(&t->living))
		evict_strings(t);
	while (t->image_slab.n > t->limits.max_images && t->process_slab.n)
		evict_process(t);
}

void table_squeeze(struct proc_table *t, size_t n)
{
	const size_t max = t->limits.max_bytes, least = max / 8, now = bytes(t);

	t->limits.max_bytes = now > n && now - n > least ? now - n : least;
	table_trim(t);
	t->limits.max_bytes = max;
}

void table_counters(const struct proc_table *t, struct proc_counters *ret)
{
	*ret = t->counters;
	ret->processes = t->process_slab.n;
	ret->images = t->image_slab.n;
	ret->bytes = bytes(t);
}

int image_key_cmp(const struct image_key *a, const struct image_key *b)
{
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->exec_count != b->exec_count)
		return a->exec_count < b->exec_count ? -1 : 1;
	return 0;
}

struct program *table_program_new(struct proc_table *t, const struct str texts[_PROGRAM_TEXT_MAX],
				  const struct event_exe_ext *ext)
{
	struct program *program = pool_alloc(&t->programs, program_bytes_for(texts, ext));

	if (!program)
		return NULL;
	program_init(program, texts, ext);
	program->stamp = ++t->stamp;
	return program;
}

void table_program_unref(struct proc_table *t, struct program *program)
{
	if (program && --program->refs == 0)
		pool_free(&t->programs, program, program_bytes(program));
}
