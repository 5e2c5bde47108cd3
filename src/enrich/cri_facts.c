/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of a message are never NULL, its messages may be. */
#include "enrich/cri_facts.h"

#include <errno.h>

#include "enrich/image_name.h"

static int begin(const char *id, struct str runtime, struct container_facts *f)
{
	if (!container_facts_is_id(str_from(id)))
		return -EBADMSG;
	container_facts_init(f, id);
	f->bits = CONTAINER_IS_KNOWN;
	return container_facts_set(f, CONTAINER_RUNTIME, runtime);
}

/* What kubelet writes down of the pod. */
static int add_labels(struct container_facts *f, Cri__Label *const *labels, size_t n)
{
	static const struct {
		const char *label;
		enum container_text text;
	} known[] = {
		{ "io.kubernetes.pod.namespace", CONTAINER_NAMESPACE },
		{ "io.kubernetes.pod.name", CONTAINER_POD_NAME },
		{ "io.kubernetes.pod.uid", CONTAINER_POD_UID },
		{ "io.kubernetes.container.name", CONTAINER_POD_CONTAINER },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		for (size_t j = 0; r == 0 && j < ARRAY_SIZE(known); j++)
			if (strcmp(labels[i]->key, known[j].label) == 0)
				r = container_facts_set(f, known[j].text,
							str_from(labels[i]->value));
	return r;
}

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
	int r = begin(c->id, runtime, f);

	if (r == 0 && c->metadata)
		r = container_facts_set(f, CONTAINER_NAME, str_from(c->metadata->name));
	if (r == 0 && c->image && *c->image->image)
		r = container_facts_set_image_name(f, str_from(c->image->image));
	if (r == 0)
		r = add_image_ref(f, c);
	return r == 0 ? add_labels(f, c->labels, c->n_labels) : r;
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
	int r = begin(s->id, runtime, f);

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
