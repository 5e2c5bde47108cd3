/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/docker_facts.h"

#include <errno.h>
#include <string.h>

#include "base/rfc3339.h"
#include "enrich/image_name.h"
#include "enrich/runtime_facts.h"

static struct str text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? str_from(text) : STR_EMPTY;
}

static struct str without_slash(struct str name)
{
	if (name.n && *name.p == '/')
		return (struct str){ .p = name.p + 1, .n = name.n - 1 };
	return name;
}

/* As dockershim and cri-dockerd write them down of a pod. */
static int add_labels(const json_t *labels, struct container_facts *f)
{
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach((json_t *)labels, key, value)
	{
		if (r == 0 && json_is_string(value))
			r = runtime_facts_take_label(f, key, str_from(json_string_value(value)));
	}
	return r;
}

static int add_texts(struct str name, struct str image, struct str image_id, const json_t *labels,
		     struct container_facts *f)
{
	int r = container_facts_set(f, CONTAINER_NAME, without_slash(name));

	if (r == 0 && image.n)
		r = container_facts_set_image_name(f, image);
	if (r == 0)
		r = container_facts_set_image_id(f, image_id);
	return r == 0 ? add_labels(labels, f) : r;
}

static int fill_from_item(const json_t *item, struct str runtime, struct container_facts *f)
{
	const char *name = json_string_value(json_array_get(json_object_get(item, "Names"), 0));
	int r = runtime_facts_begin(f, text_of(item, "Id"), runtime);

	if (r < 0)
		return r;
	return add_texts(name ? str_from(name) : STR_EMPTY, text_of(item, "Image"),
			 text_of(item, "ImageID"), json_object_get(item, "Labels"), f);
}

static int fill_from_inspect(const json_t *answer, struct str runtime, struct container_facts *f)
{
	const json_t *config = json_object_get(answer, "Config");
	struct str started = text_of(json_object_get(answer, "State"), "StartedAt");
	int64_t ns;
	int r = runtime_facts_begin(f, text_of(answer, "Id"), runtime);

	if (r < 0)
		return r;
	if (json_is_true(json_object_get(json_object_get(answer, "HostConfig"), "Privileged")))
		f->bits |= CONTAINER_IS_PRIVILEGED;
	/* One that was never started has the year 1. */
	if (rfc3339_parse(started, &ns) == 0)
		f->started_ns = ns;
	return add_texts(text_of(answer, "Name"), text_of(config, "Image"),
			 text_of(answer, "Image"), json_object_get(config, "Labels"), f);
}

static enum docker_event what_happened(const json_t *event)
{
	static const struct {
		const char *action;
		enum docker_event what;
	} known[] = {
		{ "create", DOCKER_CREATED },	{ "start", DOCKER_STARTED },
		{ "rename", DOCKER_RENAMED },	{ "destroy", DOCKER_DESTROYED },
		{ "remove", DOCKER_DESTROYED }, /* podman's word */
	};
	struct str action = text_of(event, "Action");

	if (!str_eq(text_of(event, "Type"), STR("container")))
		return DOCKER_OTHER;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(action, str_from(known[i].action)))
			return known[i].what;
	return DOCKER_OTHER;
}

/* The labels are among the attributes. */
static int fill_from_event(const json_t *event, struct str runtime, struct container_facts *f)
{
	const json_t *actor = json_object_get(event, "Actor");
	const json_t *attributes = json_object_get(actor, "Attributes");
	int r = runtime_facts_begin(f, text_of(actor, "ID"), runtime);

	if (r < 0)
		return r;
	return add_texts(text_of(attributes, "name"), text_of(attributes, "image"), STR_EMPTY,
			 attributes, f);
}

static int make(int (*fill)(const json_t *, struct str, struct container_facts *),
		const json_t *from, struct str runtime, struct container_facts *ret)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	int r = fill(from, runtime, &f);

	if (r < 0)
		return r;
	*ret = TAKE(f, (struct container_facts){ 0 });
	return 0;
}

int docker_facts_of_item(const json_t *item, struct str runtime, struct container_facts *ret)
{
	return make(fill_from_item, item, runtime, ret);
}

int docker_facts_of_inspect(const json_t *answer, struct str runtime, struct container_facts *ret)
{
	return make(fill_from_inspect, answer, runtime, ret);
}

int docker_facts_of_event(const json_t *event, struct str runtime, enum docker_event *ret_what,
			  struct container_facts *ret)
{
	int r = make(fill_from_event, event, runtime, ret);

	if (r == 0)
		*ret_what = what_happened(event);
	return r;
}

const char *docker_facts_digest(const json_t *repo_digests, const char *image_name)
{
	const char *digest = "";

	for (size_t i = 0; i < json_array_size(repo_digests); i++) {
		const char *text = json_string_value(json_array_get(repo_digests, i));

		if (text && image_name_take_digest(text, image_name, &digest))
			break;
	}
	return digest;
}
