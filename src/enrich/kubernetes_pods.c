/* SPDX-License-Identifier: Apache-2.0 */
/* A few hundred at most on most nodes: an array is looked through in microseconds. */
#include "enrich/kubernetes_pods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void entry_done(struct kubernetes_pods *pods, struct kubernetes_entry *e)
{
	pods->bytes -= kubernetes_pod_bytes(e->pod);
	kubernetes_workload_put(&pods->workloads, e->workload);
	kubernetes_pod_free(e->pod);
}

void kubernetes_pods_done(struct kubernetes_pods *pods)
{
	for (size_t i = 0; i < pods->n; i++)
		entry_done(pods, &pods->entries[i]);
	free(pods->entries);
	kubernetes_workloads_done(&pods->workloads);
	*pods = (struct kubernetes_pods){ 0 };
}

static struct kubernetes_entry *find(const struct kubernetes_pods *pods, const char *uid)
{
	for (size_t i = 0; i < pods->n; i++)
		if (strcmp(pods->entries[i].pod->facts.texts[CONTAINER_POD_UID], uid) == 0)
			return &pods->entries[i];
	return NULL;
}

static bool has_room(struct kubernetes_pods *pods, size_t bytes)
{
	struct kubernetes_entry *grown;
	size_t cap = pods->cap ? 2 * pods->cap : 32;

	if (pods->n >= pods->max || pods->bytes + bytes > KUBERNETES_PODS_BYTES)
		return false;
	if (pods->n < pods->cap)
		return true;
	grown = reallocarray(pods->entries, cap, sizeof(*grown));
	if (!grown)
		return false;
	pods->entries = grown;
	pods->cap = cap;
	return true;
}

static int add(struct kubernetes_pods *pods, const struct kubernetes_entry *new)
{
	size_t bytes = kubernetes_pod_bytes(new->pod);

	if (!has_room(pods, bytes)) {
		pods->n_left_out++;
		return -ENOSPC;
	}
	pods->bytes += bytes;
	pods->entries[pods->n++] = *new;
	pods->n_changes++;
	return 0;
}

/* Most changes of a pod are of its conditions, which nobody here asks for. */
static void replace(struct kubernetes_pods *pods, struct kubernetes_entry *old,
		    struct kubernetes_entry *new)
{
	bool is_change = old->workload != new->workload ||
			 !kubernetes_pod_is_equal(old->pod, new->pod);

	pods->n_changes += is_change;
	new->is_changed = old->is_changed || is_change;
	pods->bytes += kubernetes_pod_bytes(new->pod);
	entry_done(pods, old);
	*old = *new;
}

int kubernetes_pods_put(struct kubernetes_pods *pods, struct kubernetes_pod *pod)
{
	struct kubernetes_entry *old = find(pods, pod->facts.texts[CONTAINER_POD_UID]);
	struct kubernetes_entry new = { .pod = pod, .is_changed = true, .is_listed = true };
	int r = kubernetes_workload_get(&pods->workloads, pod, &new.workload);

	if (new.workload && pods->asks_nobody)
		kubernetes_workload_failed(new.workload, true, 0);
	if (r == 0 && old)
		replace(pods, old, &new);
	else if (r == 0)
		r = add(pods, &new);
	if (r < 0) {
		kubernetes_workload_put(&pods->workloads, new.workload);
		kubernetes_pod_free(pod);
	}
	return r;
}

static void remove_at(struct kubernetes_pods *pods, size_t i)
{
	entry_done(pods, &pods->entries[i]);
	pods->entries[i] = pods->entries[--pods->n];
	pods->n_changes++;
}

void kubernetes_pods_remove(struct kubernetes_pods *pods, const char *uid)
{
	struct kubernetes_entry *e = find(pods, uid);

	if (e)
		remove_at(pods, (size_t)(e - pods->entries));
}

void kubernetes_pods_begin_list(struct kubernetes_pods *pods)
{
	for (size_t i = 0; i < pods->n; i++)
		pods->entries[i].is_listed = false;
}

void kubernetes_pods_end_list(struct kubernetes_pods *pods)
{
	for (size_t i = pods->n; i--;)
		if (!pods->entries[i].is_listed)
			remove_at(pods, i);
}

static bool has_text(const struct container_facts *f, enum container_text which, const char *text)
{
	return text && f->texts[which] && strcmp(f->texts[which], text) == 0;
}

static bool has_container(const struct kubernetes_pod *pod, const char id[CONTAINER_ID_LEN])
{
	for (size_t i = 0; i < pod->containers.n; i++)
		if (memcmp(pod->containers.items[i].id, id, CONTAINER_ID_LEN) == 0)
			return true;
	return false;
}

static bool is_of(const struct kubernetes_pod *pod, const struct container_facts *known)
{
	if (known->texts[CONTAINER_POD_UID])
		return has_text(&pod->facts, CONTAINER_POD_UID, known->texts[CONTAINER_POD_UID]);
	if (known->texts[CONTAINER_POD_NAME])
		return has_text(&pod->facts, CONTAINER_POD_NAME,
				known->texts[CONTAINER_POD_NAME]) &&
		       has_text(&pod->facts, CONTAINER_NAMESPACE,
				known->texts[CONTAINER_NAMESPACE]);
	return has_container(pod, known->id);
}

struct kubernetes_entry *kubernetes_pods_lookup(const struct kubernetes_pods *pods,
						const struct container_facts *known)
{
	for (size_t i = 0; i < pods->n; i++)
		if (is_of(pods->entries[i].pod, known))
			return &pods->entries[i];
	return NULL;
}

struct kubernetes_entry *kubernetes_pods_next_changed(struct kubernetes_pods *pods)
{
	for (size_t i = 0; i < pods->n; i++)
		if (pods->entries[i].is_changed) {
			pods->entries[i].is_changed = false;
			return &pods->entries[i];
		}
	return NULL;
}

void kubernetes_pods_workload_changed(struct kubernetes_pods *pods,
				      const struct kubernetes_workload *w)
{
	for (size_t i = 0; i < pods->n; i++)
		if (pods->entries[i].workload == w)
			pods->entries[i].is_changed = true;
}
