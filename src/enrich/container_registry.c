/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each container has a bit for every source that owes an answer. Sources that are to be asked are
 * gathered under the lock and asked behind it: a source may tell while it is asked.
 */
#include "enrich/container_registry.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/hash.h"
#include "base/list.h"

struct entry {
	struct container_facts facts;
	struct list lru;
	struct list news; /* linked: somebody is to be told */
	uint32_t owed;	  /* a bit for each source that owes an answer */
	uint32_t asked;	  /* the same: that was asked since somebody waits */
	bool is_wanted;	  /* somebody has asked for it */
	bool is_awaited;  /* and waits */
	bool is_sought;	  /* some source is still to be asked, or to answer */
	bool is_overdue;  /* it took longer than anybody waits */
};

struct source {
	const struct container_source *source;
	void *self;
	enum source_stage stage;
};

struct container_registry {
	pthread_mutex_t lock;
	int fd;
	bool is_signalled; /* fd is readable */
	struct hash index;
	struct list lru;
	struct list news;
	struct source sources[REGISTRY_SOURCES];
	size_t n_sources;
};

/* What is to be asked, once the lock is given back. */
struct questions {
	struct container_facts known;
	uint32_t sources;
};

int container_registry_new(struct container_registry **ret)
{
	struct container_registry *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->fd < 0) {
		freep(&c);
		return -errno;
	}
	pthread_mutex_init(&c->lock, NULL);
	list_init(&c->lru);
	list_init(&c->news);
	*ret = c;
	return 0;
}

static bool entry_eq(const void *item, const void *key)
{
	return memcmp(((const struct entry *)item)->facts.id, key, CONTAINER_ID_LEN) == 0;
}

static uint64_t entry_hash(const char id[CONTAINER_ID_LEN])
{
	uint64_t words[2];

	memcpy(words, id, sizeof(words));
	return hash_mix(words[0] ^ hash_mix(words[1]));
}

static void entry_free(struct container_registry *c, struct entry *e)
{
	hash_remove(&c->index, entry_hash(e->facts.id), e);
	list_unlink(&e->lru);
	list_unlink(&e->news);
	container_facts_done(&e->facts);
	free(e);
}

struct container_registry *container_registry_free(struct container_registry *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n_sources; i++)
		c->sources[i].source->free(c->sources[i].self);
	while (!list_is_empty(&c->lru))
		entry_free(c, LIST_ENTRY(c->lru.next, struct entry, lru));
	hash_done(&c->index);
	closep(&c->fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

int container_registry_fd(const struct container_registry *c)
{
	return c->fd;
}

static struct entry *lookup(struct container_registry *c, const char id[CONTAINER_ID_LEN])
{
	struct entry *e = hash_lookup(&c->index, entry_hash(id), entry_eq, id);

	if (e) {
		list_unlink(&e->lru);
		list_append(&c->lru, &e->lru);
	}
	return e;
}

static void evict(struct container_registry *c)
{
	for (struct list *l = c->lru.next; l != &c->lru; l = l->next) {
		struct entry *e = LIST_ENTRY(l, struct entry, lru);

		if (e->is_awaited)
			continue;
		entry_free(c, e);
		return;
	}
}

/* NULL when memory ran out. */
static struct entry *obtain(struct container_registry *c, const char id[CONTAINER_ID_LEN])
{
	struct entry *e = lookup(c, id);

	if (e)
		return e;
	if (c->index.n >= REGISTRY_MAX)
		evict(c);
	e = calloc(1, sizeof(*e));
	if (!e || hash_insert(&c->index, entry_hash(id), e) < 0) {
		freep(&e);
		return NULL;
	}
	container_facts_init(&e->facts, id);
	list_init(&e->news);
	list_append(&c->lru, &e->lru);
	return e;
}

static void announce(struct container_registry *c, struct entry *e)
{
	const uint64_t one = 1;

	if (!e->is_wanted || !list_is_empty(&e->news))
		return;
	list_append(&c->news, &e->news);
	if (!c->is_signalled)
		(void)!write(c->fd, &one, sizeof(one));
	c->is_signalled = true;
}

static bool is_of_pod(const struct container_facts *f)
{
	return f->texts[CONTAINER_POD_UID] || f->texts[CONTAINER_POD_NAME];
}

static bool has_own(const struct container_facts *f)
{
	return f->texts[CONTAINER_NAME] && f->texts[CONTAINER_IMAGE_NAME] &&
	       f->texts[CONTAINER_IMAGE_ID];
}

static bool is_complete(const struct container_facts *f)
{
	return has_own(f) && (!is_of_pod(f) || f->texts[CONTAINER_WORKLOAD_KIND]);
}

static bool is_due(const struct entry *e, enum source_stage stage)
{
	const struct container_facts *f = &e->facts;

	switch (stage) {
	case STAGE_FIRST:
		return true;
	case STAGE_SECOND:
		return !has_own(f);
	case STAGE_POD:
		return is_of_pod(f) && !f->texts[CONTAINER_WORKLOAD_KIND];
	}
	return false;
}

/*
 * Do sources of the first stage still owe an answer, or have not been asked? When nobody waits any
 * more it does not matter: their disk may hang.
 */
static bool is_first_open(const struct container_registry *c, const struct entry *e)
{
	if (e->is_overdue)
		return false;
	for (size_t i = 0; i < c->n_sources; i++)
		if (c->sources[i].stage == STAGE_FIRST &&
		    (e->owed & 1U << i || !(e->asked & 1U << i)))
			return true;
	return false;
}

/* Whom to ask next of one that is sought; none: then all have said what they know. */
static void choose(struct container_registry *c, struct entry *e, struct questions *q)
{
	bool first_open = is_first_open(c, e);
	uint32_t due = 0;

	for (size_t i = 0; e->is_sought && i < c->n_sources; i++) {
		enum source_stage stage = c->sources[i].stage;

		if (!(e->asked & 1U << i) && (stage != STAGE_SECOND || !first_open) &&
		    is_due(e, stage))
			due |= 1U << i;
	}
	if (!due || container_facts_dup(&e->facts, &q->known) < 0)
		return;
	e->asked |= due;
	e->owed |= due;
	q->sources = due;
}

/*
 * Something was learned, or somebody has nothing more to say. Whoever is next is asked even where
 * nobody waits any more: then it is news.
 */
static void advance(struct container_registry *c, struct entry *e, bool is_news,
		    struct questions *q)
{
	e->is_sought = e->is_sought && !is_complete(&e->facts);
	choose(c, e, q);
	e->is_sought = e->is_sought && e->owed;
	if (e->is_awaited ? e->is_sought : !is_news)
		return;
	e->is_awaited = false;
	announce(c, e);
}

static void questions_ask(struct container_registry *c, struct questions *q)
{
	if (!q->sources)
		return;
	for (size_t i = 0; i < c->n_sources; i++)
		if (q->sources & 1U << i)
			c->sources[i].source->ask(c->sources[i].self, &q->known);
	container_facts_done(&q->known);
}

/* The files are read once, before the others are asked: who is asked later knows better. */
static int learn(struct container_registry *c, unsigned int source, struct entry *e,
		 const struct container_facts *f, bool *ret_changed)
{
	if (source < c->n_sources && c->sources[source].stage == STAGE_FIRST)
		return container_facts_merge(&e->facts, f, ret_changed);
	return container_facts_update(&e->facts, f, ret_changed);
}

static void tell(void *ctx, unsigned int source, const struct container_facts *facts)
{
	struct container_registry *c = ctx;
	struct questions q = { 0 };
	bool changed = false;
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = obtain(c, facts->id);
	if (e && learn(c, source, e, facts, &changed) == 0 && changed)
		advance(c, e, true, &q);
	pthread_mutex_unlock(&c->lock);
	questions_ask(c, &q);
}

static bool is_text_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool is_in_pod(const struct container_facts *f, const struct container_facts *pod)
{
	char *const *a = f->texts, *const *b = pod->texts;

	if (a[CONTAINER_POD_UID] && b[CONTAINER_POD_UID])
		return is_text_same(a[CONTAINER_POD_UID], b[CONTAINER_POD_UID]);
	return is_text_same(a[CONTAINER_POD_NAME], b[CONTAINER_POD_NAME]) &&
	       is_text_same(a[CONTAINER_NAMESPACE], b[CONTAINER_NAMESPACE]);
}

static void tell_pod(void *ctx, unsigned int source, const struct container_facts *facts)
{
	struct container_registry *c = ctx;

	(void)source;
	pthread_mutex_lock(&c->lock);
	for (struct list *l = c->lru.next; l != &c->lru; l = l->next) {
		struct entry *e = LIST_ENTRY(l, struct entry, lru);
		bool changed = false;

		if (!is_in_pod(&e->facts, facts) ||
		    container_facts_update(&e->facts, facts, &changed) < 0 || !changed)
			continue;
		/* Whoever was to be asked next is asked when the source has answered. */
		if (!e->is_awaited || is_complete(&e->facts)) {
			e->is_awaited = false;
			announce(c, e);
		}
	}
	pthread_mutex_unlock(&c->lock);
}

static void answered(void *ctx, unsigned int source, const char id[CONTAINER_ID_LEN])
{
	struct container_registry *c = ctx;
	struct questions q = { 0 };
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = lookup(c, id);
	if (e) {
		e->owed &= ~(1U << source);
		advance(c, e, false, &q);
	}
	pthread_mutex_unlock(&c->lock);
	questions_ask(c, &q);
}

/* Whoever waits for it is told what is known; then nobody needs it any more. */
static void gone(void *ctx, unsigned int source, const char id[CONTAINER_ID_LEN])
{
	struct container_registry *c = ctx;
	struct entry *e;

	(void)source;
	pthread_mutex_lock(&c->lock);
	e = lookup(c, id);
	if (e && !e->is_awaited && list_is_empty(&e->news))
		entry_free(c, e);
	pthread_mutex_unlock(&c->lock);
}

struct container_sink container_registry_sink(struct container_registry *c)
{
	return (struct container_sink){ .tell = tell,
					.tell_pod = tell_pod,
					.answered = answered,
					.gone = gone,
					.ctx = c,
					.source = (unsigned int)c->n_sources };
}

void container_registry_add(struct container_registry *c, const struct container_source *source,
			    void *self, enum source_stage stage)
{
	pthread_mutex_lock(&c->lock);
	c->sources[c->n_sources++] =
		(struct source){ .source = source, .self = self, .stage = stage };
	pthread_mutex_unlock(&c->lock);
}

static enum registry_answer answer_of(const struct entry *e)
{
	if (is_complete(&e->facts))
		return REGISTRY_COMPLETE;
	return e->is_awaited ? REGISTRY_LATER : REGISTRY_KNOWN;
}

int container_registry_set_pod(struct container_registry *c, const char id[CONTAINER_ID_LEN],
			       struct str uid)
{
	int r = -ENOMEM;
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = obtain(c, id);
	if (e)
		r = e->facts.texts[CONTAINER_POD_UID]
			    ? 0
			    : container_facts_set(&e->facts, CONTAINER_POD_UID, uid);
	pthread_mutex_unlock(&c->lock);
	return r;
}

int container_registry_ask(struct container_registry *c, const char id[CONTAINER_ID_LEN],
			   struct container_facts *ret, enum registry_answer *ret_answer)
{
	struct questions q = { 0 };
	int r = -ENOMEM;
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = obtain(c, id);
	if (e) {
		e->is_wanted = true;
		if (!e->is_awaited && !is_complete(&e->facts)) {
			e->is_sought = true;
			e->is_overdue = false;
			e->asked = e->owed;
			choose(c, e, &q);
			e->is_awaited = e->is_sought = e->owed;
		}
		r = container_facts_dup(&e->facts, ret);
		if (r == 0)
			list_unlink(&e->news); /* it is told now */
		*ret_answer = answer_of(e);
	}
	pthread_mutex_unlock(&c->lock);
	questions_ask(c, &q);
	return r;
}

int container_registry_give_up(struct container_registry *c, const char id[CONTAINER_ID_LEN],
			       struct container_facts *ret)
{
	struct questions q = { 0 };
	int r = -ENOMEM;
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = obtain(c, id);
	if (e) {
		e->is_awaited = false;
		e->is_overdue = true;
		choose(c, e, &q);
		list_unlink(&e->news);
		r = container_facts_dup(&e->facts, ret);
	}
	pthread_mutex_unlock(&c->lock);
	questions_ask(c, &q);
	return r;
}

bool container_registry_next(struct container_registry *c, struct container_facts *ret,
			     enum registry_answer *ret_answer)
{
	struct entry *e = NULL;
	uint64_t n;
	int r = -ENOENT;

	pthread_mutex_lock(&c->lock);
	while (r < 0 && !list_is_empty(&c->news)) {
		e = LIST_ENTRY(c->news.next, struct entry, news);
		list_unlink(&e->news);
		r = container_facts_dup(&e->facts, ret);
		*ret_answer = answer_of(e);
	}
	if (r < 0 && TAKE(c->is_signalled, false))
		(void)!read(c->fd, &n, sizeof(n)); /* nothing is left */
	pthread_mutex_unlock(&c->lock);
	return r == 0;
}

void container_registry_forget(struct container_registry *c, const char id[CONTAINER_ID_LEN])
{
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = lookup(c, id);
	if (e && !e->is_awaited)
		entry_free(c, e);
	pthread_mutex_unlock(&c->lock);
}

bool container_registry_source(struct container_registry *c, size_t i, const char **ret_name,
			       struct source_state *ret)
{
	struct source one;
	bool is_there;

	pthread_mutex_lock(&c->lock);
	is_there = i < c->n_sources;
	if (is_there)
		one = c->sources[i];
	pthread_mutex_unlock(&c->lock);
	if (!is_there)
		return false;
	*ret_name = one.source->name;
	one.source->state(one.self, ret);
	return true;
}

size_t container_registry_n(struct container_registry *c)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->index.n;
	pthread_mutex_unlock(&c->lock);
	return n;
}
