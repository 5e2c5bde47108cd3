/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/passwd_cache.h"

#include <errno.h>
#include <stdlib.h>

struct cached {
	struct list lru;
	struct passwd_identity identity;
	struct passwd *passwd;
};

void passwd_cache_init(struct passwd_cache *c)
{
	*c = (struct passwd_cache){ 0 };
	list_init(&c->lru);
}

static void cached_free(struct passwd_cache *c, struct cached *file)
{
	list_unlink(&file->lru);
	c->n--;
	c->bytes -= passwd_bytes(file->passwd);
	passwd_free(file->passwd);
	free(file);
}

static struct cached *oldest(const struct passwd_cache *c)
{
	return LIST_ENTRY(c->lru.next, struct cached, lru);
}

void passwd_cache_done(struct passwd_cache *c)
{
	while (!list_is_empty(&c->lru))
		cached_free(c, oldest(c));
}

static struct cached *lookup(struct passwd_cache *c, const struct passwd_identity *identity)
{
	for (struct list *l = c->lru.prev; l != &c->lru; l = l->prev) {
		struct cached *file = LIST_ENTRY(l, struct cached, lru);

		if (passwd_identity_eq(&file->identity, identity))
			return file;
	}
	return NULL;
}

const struct passwd *passwd_cache_lookup(struct passwd_cache *c,
					 const struct passwd_identity *identity)
{
	struct cached *file = lookup(c, identity);

	if (!file)
		return NULL;
	list_unlink(&file->lru);
	list_append(&c->lru, &file->lru);
	return file->passwd;
}

int passwd_cache_put(struct passwd_cache *c, const struct passwd_identity *identity,
		     struct passwd *passwd)
{
	struct cached *old = lookup(c, identity), *file = malloc(sizeof(*file));

	if (!file) {
		passwd_free(passwd);
		return -ENOMEM;
	}
	if (old)
		cached_free(c, old);
	*file = (struct cached){ .identity = *identity, .passwd = passwd };
	list_append(&c->lru, &file->lru);
	c->n++;
	c->bytes += passwd_bytes(passwd);
	while (c->n > 1 && (c->n > PASSWD_CACHE_FILES || c->bytes > PASSWD_CACHE_BYTES)) {
		cached_free(c, oldest(c));
		c->evicted++;
	}
	return 0;
}
