/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digests that images have in their repository, kept by image so that each is asked for once.
 * Up to a limit; then the one that was kept longest goes. Any thread.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>

#define IMAGE_DIGESTS_MAX 128

struct image_digests {
	pthread_mutex_t lock;
	struct image_digest {
		char *image, *digest; /* the digest is "" where the image has none */
	} items[IMAGE_DIGESTS_MAX];
	size_t next; /* where the next one is put */
};

void image_digests_init(struct image_digests *d);
void image_digests_done(struct image_digests *d);

/* Of an image, by its id and name. *ret is the caller's, "" for none. 0, -ENOENT, -ENOMEM. */
int image_digests_get(struct image_digests *d, const char *id, const char *name, char **ret);
/* 0 or -ENOMEM. */
int image_digests_put(struct image_digests *d, const char *id, const char *name,
		      const char *digest);
