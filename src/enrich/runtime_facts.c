/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/runtime_facts.h"

#include <errno.h>

#include "enrich/pod_marks.h"

int runtime_facts_begin(struct container_facts *f, struct str id, struct str runtime)
{
	if (!container_id_is_valid(id))
		return -EBADMSG;
	container_facts_init(f, id.p);
	f->bits = CONTAINER_IS_KNOWN;
	return container_facts_set(f, CONTAINER_RUNTIME, runtime);
}

int runtime_facts_take_label(struct container_facts *f, const char *key, struct str value)
{
	const struct pod_mark *mark = pod_marks_lookup_label(key);

	if (!mark)
		return 0;
	if (mark->which != CONTAINER_POD_CONTAINER || !str_eq(value, STR(POD_MARK_SANDBOX)))
		return container_facts_set(f, mark->which, value);
	f->bits |= CONTAINER_IS_SANDBOX;
	return 0;
}
