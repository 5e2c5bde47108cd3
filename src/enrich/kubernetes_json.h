/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from the objects of Kubernetes, whatever they are. */
#pragma once

#include <string.h>

#include "enrich/json_file.h"

/* The text of a key; "" where it has none, or another kind of value. Borrowed. */
static inline const char *kubernetes_json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Exactly n digits. */
static inline bool kubernetes_is_hex(const char *text, size_t n)
{
	return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}
