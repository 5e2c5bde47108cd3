/* SPDX-License-Identifier: Apache-2.0 */
/* A ring: there are few images on a machine, and one is looked up once for a container. */
#include "enrich/image_digests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void image_digests_init(struct image_digests *d)
{
	*d = (struct image_digests){ 0 };
	pthread_mutex_init(&d->lock, NULL);
}

static void image_digest_done(struct image_digest *item)
{
	free(item->image);
	free(item->digest);
}

void image_digests_done(struct image_digests *d)
{
	for (size_t i = 0; i < IMAGE_DIGESTS_MAX; i++)
		image_digest_done(&d->items[i]);
	pthread_mutex_destroy(&d->lock);
}

/* An image has a digest in each repository that it is in: the name counts, too. */
static char *key_of(const char *id, const char *name)
{
	char *key = NULL;

	return asprintf(&key, "%s %s", id, name) < 0 ? NULL : key;
}

static struct image_digest *lookup(struct image_digests *d, const char *key)
{
	for (size_t i = 0; i < IMAGE_DIGESTS_MAX; i++)
		if (d->items[i].image && strcmp(d->items[i].image, key) == 0)
			return &d->items[i];
	return NULL;
}

int image_digests_get(struct image_digests *d, const char *id, const char *name, char **ret)
{
	_cleanup_(freep) char *key = key_of(id, name);
	const struct image_digest *found;
	char *copy = NULL;

	if (!key)
		return -ENOMEM;
	pthread_mutex_lock(&d->lock);
	found = lookup(d, key);
	copy = found ? strdup(found->digest) : NULL;
	pthread_mutex_unlock(&d->lock);
	if (!copy)
		return found ? -ENOMEM : -ENOENT;
	*ret = copy;
	return 0;
}

int image_digests_put(struct image_digests *d, const char *id, const char *name, const char *digest)
{
	_cleanup_(freep) char *key = key_of(id, name), *copy = strdup(digest);
	struct image_digest *item;

	if (!key || !copy)
		return -ENOMEM;
	pthread_mutex_lock(&d->lock);
	item = lookup(d, key);
	if (!item) {
		item = &d->items[d->next];
		d->next = (d->next + 1) % IMAGE_DIGESTS_MAX;
	}
	image_digest_done(item);
	*item = (struct image_digest){ .image = TAKE_PTR(key), .digest = TAKE_PTR(copy) };
	pthread_mutex_unlock(&d->lock);
	return 0;
}
