/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/containers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "event/decode.h"
#include "proc/table.h"

_Static_assert(offsetof(struct container_entry, container) == 0, "container_entry_of()");
_Static_assert(_CONTAINER_TEXT_MAX <= EVENT_CONTAINER_TEXTS, "the record has room for all texts");
_Static_assert(CONTAINER_IS_PRIVILEGED == EVENT_CONTAINER_PRIVILEGED &&
		       CONTAINER_IS_SANDBOX == EVENT_CONTAINER_SANDBOX &&
		       CONTAINER_IS_KNOWN == EVENT_CONTAINER_KNOWN,
	       "the record says it in the same bits");

#define CONTAINER_BITS (CONTAINER_IS_PRIVILEGED | CONTAINER_IS_SANDBOX | CONTAINER_IS_KNOWN)

void containers_init(struct container_table *t, size_t max, uint64_t *stamp,
		     const int64_t *wall_offset_ns)
{
	*t = (struct container_table){ .max = max,
				       .stamp = stamp,
				       .wall_offset_ns = wall_offset_ns };
	list_init(&t->lru);
	list_init(&t->waiting);
}

static bool entry_eq(const void *item, const void *key)
{
	return memcmp(((const struct container_entry *)item)->container.id, key,
		      CONTAINER_ID_LEN) == 0;
}

/* The digits are as good as random. */
static uint64_t entry_hash(const char id[CONTAINER_ID_LEN])
{
	uint64_t words[2];

	memcpy(words, id, sizeof(words));
	return hash_mix(words[0] ^ hash_mix(words[1]));
}

const struct container *container_ref(const struct container *c)
{
	if (c)
		((struct container *)c)->refs++;
	return c;
}

static void entry_free(struct container_entry *c)
{
	inner_users_done(&c->users);
	free(c->container.text);
	free(c);
}

void container_unref(const struct container *c)
{
	if (c && --((struct container *)c)->refs == 0)
		entry_free(container_entry_of(c));
}

static void let_go(struct container_table *t, struct container_entry *c)
{
	hash_remove(&t->index, entry_hash(c->container.id), c);
	list_unlink(&c->lru);
	list_unlink(&c->waiting);
	container_unref(&c->container);
}

void containers_done(struct container_table *t)
{
	while (!list_is_empty(&t->lru))
		let_go(t, LIST_ENTRY(t->lru.next, struct container_entry, lru));
	hash_done(&t->index);
}

struct container_entry *containers_lookup(struct container_table *t,
					  const char id[CONTAINER_ID_LEN])
{
	struct container_entry *c = hash_lookup(&t->index, entry_hash(id), entry_eq, id);

	if (c && t->lru.prev != &c->lru) {
		list_unlink(&c->lru);
		list_append(&t->lru, &c->lru);
	}
	return c;
}

/* The one that was used longest ago, but none whose events wait. */
static void evict(struct container_table *t)
{
	for (struct list *l = t->lru.next; l != &t->lru; l = l->next) {
		struct container_entry *c = LIST_ENTRY(l, struct container_entry, lru);

		if (c->since_ns)
			continue;
		let_go(t, c);
		return;
	}
}

int containers_obtain(struct container_table *t, const char id[CONTAINER_ID_LEN],
		      struct container_entry **ret)
{
	struct container_entry *c = containers_lookup(t, id);
	_cleanup_(freep) struct container_entry *made = NULL;
	int r;

	if (c) {
		*ret = c;
		return 0;
	}
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->container = (struct container){ .refs = 1, .stamp = ++*t->stamp };
	memcpy(made->container.id, id, CONTAINER_ID_LEN);
	list_init(&made->waiting);
	list_init(&made->held);
	inner_users_init(&made->users);
	r = hash_insert(&t->index, entry_hash(id), made);
	if (r < 0)
		return r;
	if (t->index.n > t->max)
		evict(t);
	list_append(&t->lru, &made->lru);
	*ret = TAKE_PTR(made);
	return 0;
}

static bool has_texts(const struct container *c, const struct str texts[_CONTAINER_TEXT_MAX])
{
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		if (!str_eq(container_text(c, i), texts[i]))
			return false;
	return true;
}

static int set_texts(struct container *c, const struct str texts[_CONTAINER_TEXT_MAX])
{
	_cleanup_(freep) char *old = NULL;
	char *text = NULL;
	uint32_t n = 0;

	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		n += (uint32_t)texts[i].n;
	if (n) {
		text = malloc(n);
		if (!text)
			return -ENOMEM;
	}
	n = 0;
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++) {
		if (texts[i].n)
			memcpy(text + n, texts[i].p, texts[i].n);
		c->ends[i] = n += (uint32_t)texts[i].n;
	}
	old = c->text;
	c->text = text;
	return 0;
}

static void begin_with(struct container_table *t, struct container_entry *c, uint32_t pid,
		       uint64_t start_ns)
{
	c->entry_pid = pid;
	c->entry_start_ns = start_ns;
	c->container.began_ns = (int64_t)(start_ns + (uint64_t)*t->wall_offset_ns);
	c->container.stamp = ++*t->stamp;
}

/* What the record says, and what was known and it does not say. */
static void add_known(const struct container *seen, struct str texts[_CONTAINER_TEXT_MAX])
{
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		if (!texts[i].n)
			texts[i] = container_text(seen, i);
}

int containers_fill(struct container_table *t, struct container_entry *c,
		    const struct event_container *e, bool *ret_changed)
{
	struct container *seen = &c->container;
	struct str texts[_CONTAINER_TEXT_MAX];
	uint32_t bits = seen->bits | (e->bits & CONTAINER_BITS);
	int64_t started_ns = e->started_ns ? e->started_ns : seen->started_ns;
	int r;

	container_texts(e, texts);
	add_known(seen, texts);
	*ret_changed = seen->bits != bits || seen->started_ns != started_ns ||
		       !has_texts(seen, texts);
	if (*ret_changed) {
		r = set_texts(seen, texts);
		if (r < 0)
			return r;
		seen->bits = bits;
		seen->started_ns = started_ns;
		seen->stamp = ++*t->stamp;
	}
	c->is_asked = true;
	c->is_awaited = e->bits & EVENT_CONTAINER_AWAITED;
	c->is_complete = e->bits & EVENT_CONTAINER_COMPLETE;
	if (e->entry_pid) {
		begin_with(t, c, e->entry_pid, e->entry_start_ns);
		seen->began_ns = e->started_ns; /* the clock may have been set since then */
	}
	return 0;
}

int containers_set_pod(struct container_table *t, struct container_entry *c, struct str uid)
{
	struct str texts[_CONTAINER_TEXT_MAX];
	int r;

	if (!uid.n || container_text(&c->container, CONTAINER_POD_UID).n)
		return 0;
	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		texts[i] = container_text(&c->container, i);
	texts[CONTAINER_POD_UID] = uid;
	r = set_texts(&c->container, texts);
	if (r == 0)
		c->container.stamp = ++*t->stamp;
	return r;
}

void containers_restart(struct container_table *t, struct container_entry *c)
{
	struct str none[_CONTAINER_TEXT_MAX];

	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		none[i] = STR_EMPTY;
	(void)set_texts(&c->container, none); /* no text needs no memory */
	c->container.bits = 0;
	c->container.began_ns = c->container.started_ns = 0;
	c->container.stamp = ++*t->stamp;
	c->is_asked = c->is_complete = c->is_short = c->is_used = false;
	c->entry_pid = 0;
	c->entry_start_ns = 0;
	inner_users_done(&c->users); /* the number of a mount namespace is given again */
}

void containers_leave(struct container_table *t, struct container_entry *c)
{
	if (c->container.refs == 1 && !c->since_ns && !list_is_empty(&c->lru))
		let_go(t, c);
}

static bool is_entry(const struct container_entry *c, const struct image *image)
{
	return c->entry_pid == image->key.pid && c->entry_start_ns == image->key.start_ns;
}

static bool is_of_process(const struct image *a, const struct image *b)
{
	return a->key.pid == b->key.pid && a->key.start_ns == b->key.start_ns;
}

/*
 * What the process of a stub, a forefather of `image`, went on to, if that is beside it; or NULL.
 */
static const struct image *went_on(const struct container_table *t, const struct image *stub,
				   const struct image *image)
{
	const struct process *process;

	if (!t->processes || is_of_process(stub, image))
		return NULL;
	process = table_lookup(t->processes, stub->key.pid, stub->key.start_ns);
	if (!process || process->image->mnt_ns != image->mnt_ns ||
	    image_container(process->image) != image_container(image))
		return NULL;
	return process->image;
}

/* Where it comes from: the nearest ancestor of which more than the name is known; or NULL. */
static const struct image *origin(const struct container_table *t, const struct image *image)
{
	const struct image *from = image->parent, *later = NULL;

	while (from && from->flags & IMAGE_STUB && !from->cgroup && !later) {
		later = went_on(t, from, image);
		from = from->parent;
	}
	return later ? later : from;
}

static bool is_inside(const struct container *c, const struct image *image)
{
	return image && image_container(image) == c && image->flags & IMAGE_INSIDE;
}

/* Its place among those inside, or NULL: it comes from outside. */
static void enter(struct container_table *t, struct container_entry *c, struct image *image,
		  const struct image *inside)
{
	if (!inside && !c->entry_pid)
		begin_with(t, c, image->key.pid, image->key.start_ns);
	image->flags |= IMAGE_INSIDE;
	if (is_entry(c, image))
		image->flags |= IMAGE_ENTRY;
	else if (!inside || inside->flags & IMAGE_ENTERED)
		image->flags |= IMAGE_ENTERED;
}

#define PLACES ((uint32_t)(IMAGE_ENTRY | IMAGE_ENTERED | IMAGE_INSIDE))

static void place(struct container_table *t, struct image *image, const struct image *from,
		  const struct image *adopter)
{
	struct container_entry *c = container_entry_of(image_container(image));
	const struct image *beside = from ? from : adopter;

	image->flags &= ~PLACES;
	if (!c)
		return;
	if (!from && is_inside(&c->container, adopter))
		image->flags |= IMAGE_INSIDE;
	else if (is_inside(&c->container, from))
		enter(t, c, image, from);
	else if (image->mnt_ns != (beside ? beside->mnt_ns : 0))
		enter(t, c, image, NULL);
	else if (is_entry(c, image))
		image->flags |= IMAGE_ENTRY | IMAGE_INSIDE; /* as its exit says */
}

void containers_place(struct container_table *t, struct image *image, const struct image *adopter)
{
	place(t, image, origin(t, image), adopter);
}

void containers_place_again(struct container_table *t, struct image *image, bool may_begin)
{
	struct container_entry *c = container_entry_of(image_container(image));
	const struct image *from = origin(t, image);

	/* Of an orphan only who adopted him has told. */
	if (!c || (!from && !(image->flags & (IMAGE_ENTRY | IMAGE_ENTERED))))
		return;
	if (may_begin && image->flags & IMAGE_INSIDE && !is_inside(&c->container, from) &&
	    !(from && is_of_process(from, image)) && image->key.start_ns < c->entry_start_ns)
		begin_with(t, c, image->key.pid, image->key.start_ns);
	place(t, image, from, NULL);
}
