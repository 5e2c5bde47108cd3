/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of a message are never NULL, its messages may be. */
#include "enrich/cri_facts.h"

#include "enrich/image_name.h"
#include "enrich/runtime_facts.h"

/* By its id, as containerd writes it, or REPOSITORY@DIGEST, as CRI-O does. */
static int add_image_ref(struct container_facts *f, const Cri__Container *c)
{
	const char *at = strchr(c->image_ref, '@');
	int r = container_facts_set_image_id(f, str_from(c->image_id));

	if (r == 0 && at)
		return container_facts_set_image_digest(f, str_from(at + 1));
	if (r == 0 && !f->texts[CONTAINER_IMAGE_ID])
		return container_facts_set_image_id(f, str_from(c->image_ref));
	return r;
}

static int fill_container(struct container_facts *f, const Cri__Container *c, struct str runtime)
{
	int r = runtime_facts_begin(f, str_from(c->id), runtime);

	if (r == 0 && c->metadata)
		r = container_facts_set(f, CONTAINER_NAME, str_from(c->metadata->name));
	if (r == 0 && c->image && *c->image->image)
		r = container_facts_set_image_name(f, str_from(c->image->image));
	if (r == 0)
		r = add_image_ref(f, c);
	for (size_t i = 0; r == 0 && i < c->n_labels; i++)
		r = runtime_facts_take_label(f, c->labels[i]->key, str_from(c->labels[i]->value));
	return r;
}

int cri_facts_of_container(const Cri__Container *c, struct str runtime, struct container_facts *ret)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	int r = fill_container(&f, c, runtime);

	if (r < 0)
		return r;
	*ret = TAKE(f, (struct container_facts){ 0 });
	return 0;
}

int cri_facts_add_pod(struct container_facts *f, const Cri__PodSandbox *s)
{
	int r;

	if (!s->metadata)
		return 0;
	r = container_facts_set(f, CONTAINER_NAMESPACE, str_from(s->metadata->namespace_));
	if (r == 0)
		r = container_facts_set(f, CONTAINER_POD_NAME, str_from(s->metadata->name));
	if (r == 0)
		r = container_facts_set(f, CONTAINER_POD_UID, str_from(s->metadata->uid));
	return r;
}

/* Its name is its metadata.name as well: the pod's. */
static int fill_sandbox(struct container_facts *f, const Cri__PodSandbox *s, struct str runtime)
{
	int r = runtime_facts_begin(f, str_from(s->id), runtime);

	if (r < 0)
		return r;
	f->bits |= CONTAINER_IS_SANDBOX;
	if (s->created_at > 0)
		f->started_ns = s->created_at; /* it runs from the beginning */
	if (s->metadata)
		r = container_facts_set(f, CONTAINER_NAME, str_from(s->metadata->name));
	return r == 0 ? cri_facts_add_pod(f, s) : r;
}

int cri_facts_of_sandbox(const Cri__PodSandbox *s, struct str runtime, struct container_facts *ret)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	int r = fill_sandbox(&f, s, runtime);

	if (r < 0)
		return r;
	*ret = TAKE(f, (struct container_facts){ 0 });
	return 0;
}

const char *cri_facts_digest(const Cri__Image *image, const char *name)
{
	const char *digest = "";

	for (size_t i = 0; i < image->n_repo_digests; i++)
		if (image_name_take_digest(image->repo_digests[i], name, &digest))
			break;
	return digest;
}
