/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from the objects of Kubernetes, whatever they are. */
#pragma once

#include <jansson.h>

#include "base/cleanup.h"

/* The text of a key; "" where it has none, or another kind of value. Borrowed. */
static inline const char *kubernetes_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static inline void kubernetes_json_unrefp(json_t **json)
{
	json_decref(*json);
}
