/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/kubernetes_owner.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "enrich/kubernetes_json.h"

static char *dup_text(const json_t *object, const char *key, bool *failed)
{
	char *copy = strdup(kubernetes_json_text(object, key));

	*failed |= !copy;
	return copy;
}

void kubernetes_owner_done(struct kubernetes_owner *owner)
{
	free(owner->api);
	free(owner->kind);
	free(owner->name);
	free(owner->uid);
	*owner = (struct kubernetes_owner){ 0 };
}

/* Whoever controls it; where nobody does, the first of the owners. */
static const json_t *controller_of(const json_t *owners)
{
	for (size_t i = 0; i < json_array_size(owners); i++)
		if (json_is_true(json_object_get(json_array_get(owners, i), "controller")))
			return json_array_get(owners, i);
	return json_array_get(owners, 0);
}

int kubernetes_owner_parse(const json_t *metadata, struct kubernetes_owner *ret)
{
	const json_t *found = controller_of(json_object_get(metadata, "ownerReferences"));
	struct kubernetes_owner owner;
	bool failed = false;

	if (!*kubernetes_json_text(found, "kind") || !*kubernetes_json_text(found, "name")) {
		*ret = (struct kubernetes_owner){ 0 };
		return 0;
	}
	owner = (struct kubernetes_owner){ .api = dup_text(found, "apiVersion", &failed),
					   .kind = dup_text(found, "kind", &failed),
					   .name = dup_text(found, "name", &failed),
					   .uid = dup_text(found, "uid", &failed) };
	if (failed) {
		kubernetes_owner_done(&owner);
		return -ENOMEM;
	}
	*ret = owner;
	return 0;
}
