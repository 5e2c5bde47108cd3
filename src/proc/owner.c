/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "proc/container_id.h"
#include "proc/owner.h"

/* What stands in an owner_table; the member that is used says which table it is. */
struct user_entry {
	struct list lru;
	struct user *user;
};

struct cgroup_entry {
	struct list lru;
	struct cgroup *cgroup;
};

struct cgroup_key {
	uint64_t id;
	uint32_t hierarchy;
};

void owner_table_init(struct owner_table *t, size_t max)
{
	*t = (struct owner_table){ .max = max };
	list_init(&t->lru);
}

void user_free(struct user *user)
{
	free(user);
}

void cgroup_free(struct cgroup *cgroup)
{
	container_unref(cgroup->container);
	free(cgroup);
}

static void cgroup_unrefp(struct cgroup **cgroup)
{
	cgroup_unref(*cgroup);
}

static void touch(struct owner_table *t, struct list *l)
{
	if (t->lru.prev == l)
		return;
	list_unlink(l);
	list_append(&t->lru, l);
}

static bool user_eq(const void *item, const void *key)
{
	return ((const struct user_entry *)item)->user->uid == *(const uint32_t *)key;
}

static uint64_t user_hash(uint32_t uid)
{
	return hash_mix(uid);
}

const struct user *users_lookup(struct owner_table *t, uint32_t uid)
{
	struct user_entry *e = NULL;

	/* Mostly it is the one that was asked for last. */
	if (!list_is_empty(&t->lru))
		e = LIST_ENTRY(t->lru.prev, struct user_entry, lru);
	if (!e || !user_eq(e, &uid))
		e = hash_lookup(&t->index, user_hash(uid), user_eq, &uid);
	if (!e)
		return NULL;
	touch(t, &e->lru);
	return e->user;
}

static struct user *user_new(uint32_t uid, struct str name)
{
	size_t n = name.n < USER_NAME_MAX ? name.n : USER_NAME_MAX;
	struct user *user = malloc(sizeof(*user) + n);
	char *text;

	if (!user)
		return NULL;
	text = (char *)(user + 1);
	if (n)
		memcpy(text, name.p, n);
	*user = (struct user){ .refs = 1, .uid = uid, .name = { .p = text, .n = n } };
	return user;
}

static void user_entry_free(struct owner_table *t, struct user_entry *e)
{
	hash_remove(&t->index, user_hash(e->user->uid), e);
	list_unlink(&e->lru);
	user_unref(e->user);
	free(e);
}

static int user_entry_add(struct owner_table *t, struct user *user)
{
	_cleanup_(freep) struct user_entry *e = malloc(sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	r = hash_insert(&t->index, user_hash(user->uid), e);
	if (r < 0)
		return r;
	e->user = user;
	list_append(&t->lru, &e->lru);
	(void)TAKE_PTR(e);
	if (t->index.n > t->max)
		user_entry_free(t, LIST_ENTRY(t->lru.next, struct user_entry, lru));
	return 0;
}

int users_put(struct owner_table *t, uint32_t uid, struct str name)
{
	struct user_entry *e = hash_lookup(&t->index, user_hash(uid), user_eq, &uid);
	_cleanup_(freep) struct user *user = NULL;
	int r;

	if (e && str_eq(e->user->name, name))
		return 0;
	user = user_new(uid, name);
	if (!user)
		return -ENOMEM;
	if (e) {
		user_unref(e->user);
		e->user = TAKE_PTR(user);
		return 0;
	}
	r = user_entry_add(t, user);
	if (r < 0)
		return r;
	(void)TAKE_PTR(user);
	return 0;
}

int users_each(const struct owner_table *t, int (*fn)(void *ctx, const struct user *user),
	       void *ctx)
{
	int r = 0;

	for (const struct list *l = t->lru.next; r >= 0 && l != &t->lru; l = l->next)
		r = fn(ctx, LIST_ENTRY(l, struct user_entry, lru)->user);
	return r;
}

void users_done(struct owner_table *t)
{
	while (!list_is_empty(&t->lru))
		user_entry_free(t, LIST_ENTRY(t->lru.next, struct user_entry, lru));
	hash_done(&t->index);
}

static bool cgroup_eq(const void *item, const void *key)
{
	const struct cgroup *cgroup = ((const struct cgroup_entry *)item)->cgroup;
	const struct cgroup_key *k = key;

	return cgroup->id == k->id && cgroup->hierarchy == k->hierarchy;
}

static uint64_t cgroup_hash(uint32_t hierarchy, uint64_t id)
{
	return hash_mix(id ^ (uint64_t)hierarchy << 48);
}

static struct cgroup_entry *cgroup_entry_lookup(const struct owner_table *t, uint32_t hierarchy,
						uint64_t id)
{
	struct cgroup_key key = { .id = id, .hierarchy = hierarchy };
	struct cgroup_entry *last;

	/* Mostly it is the one that was asked for last. */
	if (!list_is_empty(&t->lru)) {
		last = LIST_ENTRY(t->lru.prev, struct cgroup_entry, lru);
		if (cgroup_eq(last, &key))
			return last;
	}
	return hash_lookup(&t->index, cgroup_hash(hierarchy, id), cgroup_eq, &key);
}

const struct cgroup *cgroups_lookup(struct owner_table *t, uint32_t hierarchy, uint64_t id)
{
	struct cgroup_entry *e = cgroup_entry_lookup(t, hierarchy, id);

	if (!e)
		return NULL;
	touch(t, &e->lru);
	return e->cgroup;
}

const struct cgroup *cgroups_peek(const struct owner_table *t, uint32_t hierarchy, uint64_t id)
{
	const struct cgroup_entry *e = cgroup_entry_lookup(t, hierarchy, id);

	return e ? e->cgroup : NULL;
}

static void cgroup_entry_free(struct owner_table *t, struct cgroup_entry *e)
{
	hash_remove(&t->index, cgroup_hash(e->cgroup->hierarchy, e->cgroup->id), e);
	list_unlink(&e->lru);
	cgroup_unref(e->cgroup);
	free(e);
}

static int cgroup_entry_add(struct owner_table *t, struct cgroup *cgroup)
{
	_cleanup_(freep) struct cgroup_entry *e = malloc(sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	r = hash_insert(&t->index, cgroup_hash(cgroup->hierarchy, cgroup->id), e);
	if (r < 0)
		return r;
	e->cgroup = cgroup;
	list_append(&t->lru, &e->lru);
	(void)TAKE_PTR(e);
	if (t->index.n > t->max)
		cgroup_entry_free(t, LIST_ENTRY(t->lru.next, struct cgroup_entry, lru));
	return 0;
}

/* Its container is a reference of its own; NULL: in none. 0 or -ENOMEM. */
static int find_container(struct container_table *t, struct str path, const struct container **ret)
{
	char id[CONTAINER_ID_LEN], uid[CONTAINER_POD_UID_MAX];
	struct container_entry *c = NULL;
	int r = 0;

	if (container_id_from_cgroup(path, id))
		r = containers_obtain(t, id, &c);
	if (r == 0 && c)
		r = containers_set_pod(
			t, c, (struct str){ .p = uid, .n = container_id_pod_uid(path, uid) });
	if (r == 0)
		*ret = container_ref(c ? &c->container : NULL);
	return r;
}

static int cgroup_new(struct container_table *containers, uint32_t hierarchy, uint64_t id,
		      struct str path, struct cgroup **ret)
{
	struct cgroup *cgroup = calloc(1, sizeof(*cgroup));
	int r;

	if (!cgroup)
		return -ENOMEM;
	*cgroup = (struct cgroup){ .refs = 1, .hierarchy = hierarchy, .id = id };
	r = find_container(containers, path, &cgroup->container);
	if (r < 0) {
		cgroup_unref(cgroup);
		return r;
	}
	*ret = cgroup;
	return 0;
}

/* The table's reference to a control group goes, and with the last one the container. */
static void leave_container(struct container_table *t, struct cgroup *cgroup)
{
	const struct container *c = cgroup->container;

	container_ref(c);
	cgroup_unref(cgroup);
	container_unref(c);
	if (c)
		containers_leave(t, container_entry_of(c));
}

int cgroups_put(struct owner_table *t, struct container_table *containers, uint32_t hierarchy,
		uint64_t id, struct str path)
{
	struct cgroup_entry *e = cgroup_entry_lookup(t, hierarchy, id);
	_cleanup_(cgroup_unrefp) struct cgroup *cgroup = NULL;
	int r;

	r = cgroup_new(containers, hierarchy, id, path, &cgroup);
	if (r < 0 || (e && e->cgroup->container == cgroup->container))
		return r;
	if (e) {
		leave_container(containers, e->cgroup);
		e->cgroup = TAKE_PTR(cgroup);
		return 0;
	}
	r = cgroup_entry_add(t, cgroup);
	if (r < 0)
		return r;
	(void)TAKE_PTR(cgroup);
	return 0;
}

int cgroups_each(const struct owner_table *t, int (*fn)(void *ctx, const struct cgroup *cgroup),
		 void *ctx)
{
	int r = 0;

	for (const struct list *l = t->lru.next; r >= 0 && l != &t->lru; l = l->next)
		r = fn(ctx, LIST_ENTRY(l, struct cgroup_entry, lru)->cgroup);
	return r;
}

const struct cgroup *cgroups_slot(const struct owner_table *t, size_t i)
{
	const struct cgroup_entry *e = i < t->index.cap ? t->index.slots[i].item : NULL;

	return e ? e->cgroup : NULL;
}

void cgroups_done(struct owner_table *t)
{
	while (!list_is_empty(&t->lru))
		cgroup_entry_free(t, LIST_ENTRY(t->lru.next, struct cgroup_entry, lru));
	hash_done(&t->index);
}
