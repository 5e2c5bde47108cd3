/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/runtime_facts.h"

#include <errno.h>

int runtime_facts_begin(struct container_facts *f, struct str id, struct str runtime)
{
	if (!container_facts_is_id(id))
		return -EBADMSG;
	container_facts_init(f, id.p);
	f->bits = CONTAINER_IS_KNOWN;
	return container_facts_set(f, CONTAINER_RUNTIME, runtime);
}

int runtime_facts_take_label(struct container_facts *f, const char *key, struct str value)
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

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(key, known[i].label) != 0)
			continue;
		if (known[i].text != CONTAINER_POD_CONTAINER || !str_eq(value, STR("POD")))
			return container_facts_set(f, known[i].text, value);
		f->bits |= CONTAINER_IS_SANDBOX;
	}
	return 0;
}
