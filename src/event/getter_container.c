/* SPDX-License-Identifier: Apache-2.0 */
/* What a record says of the container that its process is in. Pure; any thread. */
#include "event/getter.h"

static const struct container *container_of_event(const struct event *ev)
{
	return ev->image ? image_container(ev->image) : ev->container;
}

struct value get_container_id(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_container_id(container_of_event(ev));
}

static struct value text(const struct event *ev, enum container_text which)
{
	const struct container *c = container_of_event(ev);
	struct str s = c ? container_text(c, which) : STR_EMPTY;

	return s.n ? value_text(s) : value_absent();
}

#define TEXT(name, which)                                                              \
	struct value get_##name(const struct event *ev, const struct field_view *view) \
	{                                                                              \
		(void)view;                                                            \
		return text(ev, which);                                                \
	}

TEXT(container_name, CONTAINER_NAME)
TEXT(container_runtime, CONTAINER_RUNTIME)
TEXT(container_image_id, CONTAINER_IMAGE_ID)
TEXT(container_image_name, CONTAINER_IMAGE_NAME)
TEXT(container_image_tag, CONTAINER_IMAGE_TAG)
TEXT(container_image_digest, CONTAINER_IMAGE_DIGEST)
TEXT(k8s_namespace, CONTAINER_NAMESPACE)
TEXT(k8s_pod_name, CONTAINER_POD_NAME)
TEXT(k8s_pod_uid, CONTAINER_POD_UID)
TEXT(k8s_container_name, CONTAINER_POD_CONTAINER)
TEXT(k8s_workload_name, CONTAINER_WORKLOAD_NAME)
TEXT(k8s_workload_kind, CONTAINER_WORKLOAD_KIND)
TEXT(k8s_pod_labels, CONTAINER_POD_LABELS)
TEXT(k8s_pod_annotations, CONTAINER_POD_ANNOTATIONS)

struct value get_container_privileged(const struct event *ev, const struct field_view *view)
{
	const struct container *c = container_of_event(ev);

	(void)view;
	return value_true(c && c->bits & CONTAINER_IS_PRIVILEGED);
}

struct value get_container_started(const struct event *ev, const struct field_view *view)
{
	const struct container *c = container_of_event(ev);
	int64_t ns = c ? container_started_ns(c) : 0;

	return ns ? value_moment(ns, view->scratch) : value_absent();
}

struct value get_container_entry(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_true(ev->image->flags & IMAGE_ENTRY);
}

struct value get_container_exec(const struct event *ev, const struct field_view *view)
{
	(void)view;
	return value_true(ev->image->flags & IMAGE_ENTERED);
}
