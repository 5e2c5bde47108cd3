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
	struct inquiry inquiry;
	struct list lru;
	struct list news; /* linked: somebody is to be told */
	bool is_wanted;	  /* somebody has asked for it */
};

struct source {
	const struct container_source *source;
	void *self;
};

struct container_registry {
	pthread_mutex_t lock;
	int fd;
	bool is_signalled; /* fd is readable */
	struct hash index;
	struct list lru;
	struct list news;
	struct source sources[REGISTRY_SOURCES];
	struct inquiry_sources stages; /* of these */
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
	return memcmp(((const struct entry *)item)->inquiry.facts.id, key, CONTAINER_ID_LEN) == 0;
}

static uint64_t entry_hash(const char id[CONTAINER_ID_LEN])
{
	uint64_t words[2];

	memcpy(words, id, sizeof(words));
	return hash_mix(words[0] ^ hash_mix(words[1]));
}

static void entry_free(struct container_registry *c, struct entry *e)
{
	hash_remove(&c->index, entry_hash(e->inquiry.facts.id), e);
	list_unlink(&e->lru);
	list_unlink(&e->news);
	inquiry_done(&e->inquiry);
	free(e);
}

struct container_registry *container_registry_free(struct container_registry *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->stages.n; i++)
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

		if (e->inquiry.is_awaited)
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
	inquiry_init(&e->inquiry, id);
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

/* Whom to ask next, if anybody. */
static void choose(struct container_registry *c, struct entry *e, struct questions *q)
{
	uint32_t due = inquiry_due(&e->inquiry, &c->stages);

	if (!due || container_facts_dup(&e->inquiry.facts, &q->known) < 0)
		return;
	inquiry_note_asked(&e->inquiry, due);
	q->sources = due;
}

/*
 * Something was learned, or somebody has nothing more to say. Whoever is next is asked even where
 * nobody waits any more: then it is news.
 */
static void advance(struct container_registry *c, struct entry *e, bool is_news,
		    struct questions *q)
{
	if (!inquiry_is_complete(&e->inquiry))
		choose(c, e, q);
	if (inquiry_settle(&e->inquiry, is_news))
		announce(c, e);
}

static void questions_ask(struct container_registry *c, struct questions *q)
{
	if (!q->sources)
		return;
	for (size_t i = 0; i < c->stages.n; i++)
		if (q->sources & 1U << i)
			c->sources[i].source->ask(c->sources[i].self, &q->known);
	container_facts_done(&q->known);
}

static void tell(void *ctx, unsigned int source, const struct container_facts *facts)
{
	struct container_registry *c = ctx;
	struct questions q = { 0 };
	bool changed = false;
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = obtain(c, facts->id);
	if (e && inquiry_learn(&e->inquiry, &c->stages, source, facts, &changed) == 0 && changed)
		advance(c, e, true, &q);
	pthread_mutex_unlock(&c->lock);
	questions_ask(c, &q);
}

static void tell_pod(void *ctx, unsigned int source, const struct container_facts *facts)
{
	struct container_registry *c = ctx;

	(void)source;
	pthread_mutex_lock(&c->lock);
	for (struct list *l = c->lru.next; l != &c->lru; l = l->next) {
		struct entry *e = LIST_ENTRY(l, struct entry, lru);

		if (inquiry_learn_pod(&e->inquiry, facts))
			announce(c, e);
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
		inquiry_note_answer(&e->inquiry, source);
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
	if (e && !e->inquiry.is_awaited && list_is_empty(&e->news))
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
					.source = (unsigned int)c->stages.n };
}

void container_registry_add(struct container_registry *c, const struct container_source *source,
			    void *self, enum source_stage stage)
{
	pthread_mutex_lock(&c->lock);
	c->stages.stages[c->stages.n] = stage;
	c->sources[c->stages.n++] = (struct source){ .source = source, .self = self };
	pthread_mutex_unlock(&c->lock);
}

static enum registry_answer answer_of(const struct entry *e)
{
	if (inquiry_is_complete(&e->inquiry))
		return REGISTRY_COMPLETE;
	return e->inquiry.is_awaited ? REGISTRY_LATER : REGISTRY_KNOWN;
}

int container_registry_set_pod(struct container_registry *c, const char id[CONTAINER_ID_LEN],
			       struct str uid)
{
	int r = -ENOMEM;
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	e = obtain(c, id);
	if (e)
		r = e->inquiry.facts.texts[CONTAINER_POD_UID]
			    ? 0
			    : container_facts_set(&e->inquiry.facts, CONTAINER_POD_UID, uid);
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
		if (inquiry_begin(&e->inquiry)) {
			choose(c, e, &q);
			inquiry_end_asking(&e->inquiry);
		}
		r = container_facts_dup(&e->inquiry.facts, ret);
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
		inquiry_give_up(&e->inquiry);
		choose(c, e, &q);
		list_unlink(&e->news);
		r = container_facts_dup(&e->inquiry.facts, ret);
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
		r = container_facts_dup(&e->inquiry.facts, ret);
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
	if (e && !e->inquiry.is_awaited)
		entry_free(c, e);
	pthread_mutex_unlock(&c->lock);
}

bool container_registry_source(struct container_registry *c, size_t i, const char **ret_name,
			       struct source_state *ret)
{
	struct source one;
	bool is_there;

	pthread_mutex_lock(&c->lock);
	is_there = i < c->stages.n;
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
