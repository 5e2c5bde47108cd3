/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/pod_marks.h"

#include <string.h>

#include "enrich/json_file.h"

/*
 * Kubelet's own: pkg/kubelet/types/labels.go. containerd's: pkg/cri/annotations/annotations.go.
 * CRI-O's: pkg/annotations/annotations.go.
 */
#define N_LABELS 4 /* the first ones are labels as well */

static const struct pod_mark texts[] = {
	{ "io.kubernetes.pod.name", CONTAINER_POD_NAME },
	{ "io.kubernetes.pod.namespace", CONTAINER_NAMESPACE },
	{ "io.kubernetes.pod.uid", CONTAINER_POD_UID },
	{ "io.kubernetes.container.name", CONTAINER_POD_CONTAINER },
	{ "io.kubernetes.cri.sandbox-name", CONTAINER_POD_NAME },
	{ "io.kubernetes.cri.sandbox-namespace", CONTAINER_NAMESPACE },
	{ "io.kubernetes.cri.sandbox-uid", CONTAINER_POD_UID },
	{ "io.kubernetes.cri.container-name", CONTAINER_POD_CONTAINER },
};

/* What says that it is the pause container of a pod. */
static const struct {
	const char *name, *value;
} sandbox_marks[] = {
	{ "io.kubernetes.cri.container-type", "sandbox" },
	{ "io.kubernetes.cri-o.ContainerType", "sandbox" },
	{ "io.kubernetes.docker.type", "podsandbox" },
	{ "io.kubernetes.container.name", POD_MARK_SANDBOX },
};

const struct pod_mark *pod_marks_lookup_label(const char *name)
{
	for (size_t i = 0; i < N_LABELS; i++)
		if (strcmp(name, texts[i].name) == 0)
			return &texts[i];
	return NULL;
}

static bool is_sandbox(const json_t *marks)
{
	for (size_t i = 0; i < ARRAY_SIZE(sandbox_marks); i++)
		if (str_eq(JSON_TEXT(marks, sandbox_marks[i].name),
			   str_from(sandbox_marks[i].value)))
			return true;
	return false;
}

int pod_marks_take(const json_t *marks, struct container_facts *f)
{
	bool sandbox = is_sandbox(marks);
	int r = 0;

	if (sandbox)
		f->bits |= CONTAINER_IS_SANDBOX;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
		if (!sandbox || texts[i].which != CONTAINER_POD_CONTAINER)
			r = container_facts_set(f, texts[i].which, JSON_TEXT(marks, texts[i].name));
	return r;
}
