/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of Kubernetes in tests: written with ' for ", which is read easier. */
#pragma once

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/kubernetes_json.h"
#include "enrich/kubernetes_pod.h"

#define HEX64(d)                                                                                  \
	d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d \
		d d d d d d d d d d d d d d d d d d d

static inline json_t *parse_json(const char *text)
{
	char *copy = strdup(text);
	json_t *json;

	assert_non_null(copy);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, 0, NULL);
	free(copy);
	assert_non_null(json);
	return json;
}

/* A pod, which must be one. */
static inline struct kubernetes_pod *parse_pod(const char *text)
{
	const struct kubernetes_selection none = { 0 };
	struct kubernetes_pod *pod = NULL;
	json_t *json = parse_json(text);

	assert_int_equal(kubernetes_pod_parse(json, &none, &pod), 0);
	json_decref(json);
	return pod;
}

/* Name, uid, and further members of its metadata. */
#define POD(name, uid, more) \
	"{'metadata':{'name':'" name "','namespace':'ns','uid':'" uid "'" more "}}"
#define OWNED(api, kind, name, uid)                                                   \
	",'ownerReferences':[{'apiVersion':'" api "','kind':'" kind "','name':'" name \
	"','uid':'" uid "','controller':true}]"
