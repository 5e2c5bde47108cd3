/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digests that images have in their repositories, as a file of their runtime lists them.
 * An image is looked for in it once, for as long as the file is the same one: a container of an
 * image that was seen before costs a look at the file's inode. One thread.
 */
#pragma once

#include <sys/stat.h>

#include "enrich/container_facts.h"
#include "enrich/image_digests.h"

enum image_list_form {
	IMAGE_LIST_DOCKER,  /* image/DRIVER/repositories.json: names and digests, each with an id */
	IMAGE_LIST_STORAGE, /* overlay-images/images.json of containers/storage */
};

struct image_list {
	struct image_digests found;
	struct stat file; /* as it was when they were found */
};

void image_list_init(struct image_list *l);
void image_list_done(struct image_list *l);

/*
 * Sets the digest of the image that `f` has, if the list at `path` knows one, which is the same
 * file for all calls. 0; -ENOENT, -EBADMSG, ...: there is none, it cannot be read; -ENOMEM.
 */
int image_list_add(struct image_list *l, enum image_list_form form, const char *path,
		   struct container_facts *f);
