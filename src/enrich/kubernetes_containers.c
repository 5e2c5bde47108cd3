/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/kubernetes_containers.h"

#include <errno.h>
#include <string.h>

#include "enrich/kubernetes_json.h"

static const struct {
	const char *scheme, *runtime;
	bool is_cri_name; /* the runtime's name for a container is that of the specification */
} runtimes[] = {
	{ "containerd://", "containerd", true },
	{ "cri-o://", "cri-o", true },
	{ "docker://", "docker", false },
};

static int set(struct container_facts *f, enum container_text which, const char *text)
{
	return container_facts_set(f, which, str_from(text));
}

/* "containerd://docker.io/..." or "docker://sha256:...": what is behind the scheme. */
static const char *without_scheme(const char *text)
{
	const char *at = strstr(text, "://");

	return at ? at + strlen("://") : text;
}

/*
 * `imageID` is the image's own id where the runtime has no other, else the name of the repository
 * with a digest.
 */
static int set_image(struct container_facts *f, const json_t *status)
{
	const char *id = without_scheme(kubernetes_json_text(status, "imageID"));
	const char *digest = strchr(id, '@');
	int r;

	r = container_facts_set_image_name(f, str_from(kubernetes_json_text(status, "image")));
	if (r < 0 || !digest)
		return r < 0 ? r : container_facts_set_image_id(f, str_from(id));
	digest++;
	return strncmp(digest, "sha256:", 7) == 0 && kubernetes_is_hex(digest + 7, 64)
		       ? set(f, CONTAINER_IMAGE_DIGEST, digest)
		       : 0;
}

static int set_runtime(struct container_facts *f, const char *container_id, const char *name)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++) {
		if (strncmp(container_id, runtimes[i].scheme, strlen(runtimes[i].scheme)) != 0)
			continue;
		r = set(f, CONTAINER_RUNTIME, runtimes[i].runtime);
		return r == 0 && runtimes[i].is_cri_name ? set(f, CONTAINER_NAME, name) : r;
	}
	return 0;
}

static bool is_privileged(const json_t *specs, const char *name)
{
	for (size_t i = 0; i < json_array_size(specs); i++) {
		const json_t *spec = json_array_get(specs, i);

		if (strcmp(kubernetes_json_text(spec, "name"), name) == 0)
			return json_is_true(json_object_get(
				json_object_get(spec, "securityContext"), "privileged"));
	}
	return false;
}

static int parse_container(const json_t *status, const json_t *specs, const char *uid,
			   struct container_facts *f)
{
	const char *id = kubernetes_json_text(status, "containerID");
	const char *name = kubernetes_json_text(status, "name");
	int r;

	container_facts_init(f, without_scheme(id));
	f->bits = CONTAINER_IS_KNOWN;
	if (is_privileged(specs, name))
		f->bits |= CONTAINER_IS_PRIVILEGED;
	r = set_runtime(f, id, name);
	if (r == 0)
		r = set(f, CONTAINER_POD_CONTAINER, name);
	if (r == 0)
		r = set(f, CONTAINER_POD_UID, uid);
	return r < 0 ? r : set_image(f, status);
}

/* Those of one kind; one that has no id yet has not been made. */
static int parse_kind(const json_t *statuses, const json_t *specs, const char *uid,
		      struct kubernetes_containers *all)
{
	int r = 0;

	for (size_t i = 0; i < json_array_size(statuses) && r == 0; i++) {
		const json_t *status = json_array_get(statuses, i);
		const char *id = without_scheme(kubernetes_json_text(status, "containerID"));

		if (kubernetes_is_hex(id, CONTAINER_ID_LEN) && all->n < KUBERNETES_CONTAINERS_MAX)
			r = parse_container(status, specs, uid, &all->items[all->n++]);
	}
	return r;
}

void kubernetes_containers_done(struct kubernetes_containers *all)
{
	for (size_t i = 0; i < all->n; i++)
		container_facts_done(&all->items[i]);
	free(all->items);
	*all = (struct kubernetes_containers){ 0 };
}

int kubernetes_containers_parse(const json_t *pod, const char *uid,
				struct kubernetes_containers *ret)
{
	static const struct {
		const char *statuses, *specs;
	} kinds[] = {
		{ "containerStatuses", "containers" },
		{ "initContainerStatuses", "initContainers" },
		{ "ephemeralContainerStatuses", "ephemeralContainers" },
	};
	_cleanup_(kubernetes_containers_done) struct kubernetes_containers all = { 0 };
	const json_t *status = json_object_get(pod, "status"), *spec = json_object_get(pod, "spec");
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		n += json_array_size(json_object_get(status, kinds[i].statuses));
	n = n < KUBERNETES_CONTAINERS_MAX ? n : KUBERNETES_CONTAINERS_MAX;
	all.items = calloc(n + 1, sizeof(*all.items));
	if (!all.items)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && r == 0; i++)
		r = parse_kind(json_object_get(status, kinds[i].statuses),
			       json_object_get(spec, kinds[i].specs), uid, &all);
	if (r == 0)
		*ret = TAKE(all, (struct kubernetes_containers){ 0 });
	return r;
}
