/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker: ReferenceStore of reference/store.go. containers/storage: Image of images.go, whose
 * manifests' digests have those of before that time; podman gives each of its names the first one.
 */
#include "enrich/image_list.h"

#include <errno.h>
#include <string.h>

#include "enrich/image_name.h"
#include "enrich/json_file.h"

#define SHA256 "sha256:"

void image_list_init(struct image_list *l)
{
	image_digests_init(&l->found);
	l->file = (struct stat){ 0 };
}

void image_list_done(struct image_list *l)
{
	image_digests_done(&l->found);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A runtime writes it beside, and puts it in the place of the old one. */
static int follow(struct image_list *l, const char *path)
{
	struct stat now;

	if (stat(path, &now) < 0)
		return -errno;
	if (is_same(&l->file, &now))
		return 0;
	image_list_done(l);
	image_list_init(l);
	l->file = now;
	return 0;
}

/* Of the repository that the image's name has, or else of any. Borrowed. */
static const char *find_reference(const json_t *list, const char *id, const char *name)
{
	const json_t *repositories = json_object_get(list, "Repositories"), *references, *value;
	const char *repository, *reference, *digest = "";

	json_object_foreach((json_t *)repositories, repository, references)
	{
		json_object_foreach((json_t *)references, reference, value)
		{
			if (json_is_string(value) && strcmp(json_string_value(value), id) == 0 &&
			    image_name_take_digest(reference, name, &digest))
				return digest;
		}
	}
	return digest;
}

static int find_in_docker(const char *path, const char *id, const char *name, char **ret)
{
	_cleanup_(json_unrefp) json_t *list = NULL;
	int r = json_file_read(path, &list);

	if (r < 0)
		return r;
	*ret = strdup(find_reference(list, id, name));
	return *ret ? 0 : -ENOMEM;
}

/* Borrowed. An image without a name is in no repository. */
static struct str digest_of(const json_t *image)
{
	struct str digest = JSON_TEXT(image, "digest");

	if (json_array_size(json_object_get(image, "names")) == 0)
		return STR_EMPTY;
	return digest.n ? digest : JSON_TEXT(image, "big-data-digests", "manifest");
}

static int find_in_storage(const char *path, const char *id, char **ret)
{
	struct str hex = str_from(id), digest = STR_EMPTY;
	_cleanup_(json_unrefp) json_t *image = NULL;
	int r;

	if (str_starts_with(hex, STR(SHA256)))
		hex = str_from(id + strlen(SHA256));
	r = json_file_find(path, hex, &image);
	if (r == 0)
		digest = digest_of(image);
	else if (r != -ENOENT)
		return r;
	*ret = strndup(digest.n ? digest.p : "", digest.n);
	return *ret ? 0 : -ENOMEM;
}

int image_list_add(struct image_list *l, enum image_list_form form, const char *path,
		   struct container_facts *f)
{
	const char *id = f->texts[CONTAINER_IMAGE_ID], *name = f->texts[CONTAINER_IMAGE_NAME];
	_cleanup_(freep) char *digest = NULL;
	int r = id && name ? follow(l, path) : -ENOENT;

	if (r < 0)
		return r;
	r = image_digests_get(&l->found, id, name, &digest);
	if (r == -ENOENT) {
		r = form == IMAGE_LIST_DOCKER ? find_in_docker(path, id, name, &digest)
					      : find_in_storage(path, id, &digest);
		if (r == 0)
			(void)image_digests_put(&l->found, id, name, digest); /* asked again then */
	}
	return r < 0 ? r : container_facts_set_image_digest(f, str_from(digest));
}
