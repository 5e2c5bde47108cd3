/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what an API server answers: a list of pods, and the metadata of an owner. Whatever
 * is kept can be described, has the texts that others rely on, and is within its limits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/kubernetes_items.h"
#include "enrich/kubernetes_pods.h"

#define PODS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static int keep(void *ctx, const json_t *item)
{
	static const char *const names[] = { "a*", "b" };
	const struct kubernetes_selection annotations = { .names = (char *const *)names, .n = 2 };
	struct kubernetes_pod *pod;

	if (kubernetes_pod_parse(item, &annotations, &pod) < 0)
		return 0;
	require(pod->facts.texts[CONTAINER_POD_UID] && pod->facts.texts[CONTAINER_POD_NAME] &&
		pod->facts.texts[CONTAINER_NAMESPACE]);
	kubernetes_pods_put(ctx, pod);
	return 0;
}

static void describe(const struct kubernetes_entry *e)
{
	_cleanup_(container_facts_done) struct container_facts f = { 0 };
	bool is_settled = kubernetes_workload_is_settled(e->workload, e->pod);

	require(kubernetes_workload_describe(e->workload, e->pod, &f) == 0);
	require(is_settled == (f.texts[CONTAINER_WORKLOAD_NAME] != NULL));
}

static void check(struct kubernetes_pods *pods, struct str answer)
{
	struct kubernetes_entry *e;

	require(pods->n <= PODS_MAX && pods->workloads.n <= pods->n);
	while ((e = kubernetes_pods_next_changed(pods))) {
		require(kubernetes_pods_lookup(pods, &e->pod->facts) != NULL);
		describe(e);
		if (e->workload && !e->workload->is_answered)
			(void)kubernetes_workload_answer(e->workload, answer);
		describe(e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = { .p = (const char *)data, .n = size }, answer = STR_EMPTY;
	const char *line = memchr(data, '\n', size);
	struct kubernetes_pods pods = { .max = PODS_MAX };
	struct kubernetes_page page;

	if (line) {
		all.n = (size_t)(line - all.p);
		answer = (struct str){ .p = line + 1, .n = size - all.n - 1 };
	}
	kubernetes_pods_begin_list(&pods);
	if (kubernetes_items(all, keep, &pods, &page) == 0)
		kubernetes_pods_end_list(&pods);
	check(&pods, answer);
	kubernetes_pods_done(&pods);
	require(pods.bytes == 0);
	return 0;
}
