/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/kubernetes_workload.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "enrich/kubernetes_escape.h"
#include "enrich/kubernetes_json.h"

#define RETRY_FIRST_NS ((uint64_t)CLOCK_SECOND_NS)
#define RETRY_MAX_NS (600 * (uint64_t)CLOCK_SECOND_NS)

/* Who may be owned by somebody who matters more. */
static const struct {
	const char *group, *kind, *path;
} followed[] = {
	{ "apps/", "ReplicaSet", "/apis/apps/v1/namespaces/%s/replicasets/%s" },
	{ "extensions/", "ReplicaSet", "/apis/apps/v1/namespaces/%s/replicasets/%s" },
	{ "batch/", "Job", "/apis/batch/v1/namespaces/%s/jobs/%s" },
};

static const char *path_of(const struct kubernetes_owner *owner)
{
	for (size_t i = 0; owner->kind && i < ARRAY_SIZE(followed); i++)
		if (strcmp(owner->kind, followed[i].kind) == 0 &&
		    strncmp(owner->api, followed[i].group, strlen(followed[i].group)) == 0)
			return followed[i].path;
	return NULL;
}

static struct kubernetes_workload *workload_free(struct kubernetes_workload *w)
{
	if (!w)
		return NULL;
	free(w->path);
	free(w->uid);
	free(w->kind);
	free(w->name);
	free(w);
	return NULL;
}

DEFINE_CLEANUP(struct kubernetes_workload *, workload_free)

void kubernetes_workloads_done(struct kubernetes_workloads *ws)
{
	for (size_t i = 0; i < ws->n; i++)
		workload_free(ws->items[i]);
	free(ws->items);
	*ws = (struct kubernetes_workloads){ 0 };
}

/* The path with `?resourceVersion=0`: from the server's memory, not from its database. */
static int make_path(const struct kubernetes_pod *pod, const char *format, char **ret)
{
	_cleanup_(buf_done) struct buf namespace = { 0 }, name = { 0 }, path = { 0 };

	kubernetes_escape(&namespace, pod->facts.texts[CONTAINER_NAMESPACE]);
	kubernetes_escape(&name, pod->owner.name);
	buf_put_char(&namespace, '\0');
	buf_put_char(&name, '\0');
	if (buf_failed(&namespace) || buf_failed(&name))
		return -ENOMEM;
	buf_printf(&path, format, namespace.data, name.data);
	buf_put(&path, "?resourceVersion=0", sizeof("?resourceVersion=0"));
	if (buf_failed(&path))
		return -ENOMEM;
	*ret = TAKE_PTR(path.data);
	return 0;
}

static int add(struct kubernetes_workloads *ws, char **path, const char *uid,
	       struct kubernetes_workload **ret)
{
	_cleanup_(workload_freep) struct kubernetes_workload *w = calloc(1, sizeof(*w));

	if (ws->n == ws->cap) {
		size_t cap = ws->cap ? 2 * ws->cap : 16;
		struct kubernetes_workload **items =
			reallocarray(ws->items, cap, sizeof(struct kubernetes_workload *));

		if (!items)
			return -ENOMEM;
		ws->items = items;
		ws->cap = cap;
	}
	if (!w)
		return -ENOMEM;
	w->uid = strdup(uid);
	if (!w->uid)
		return -ENOMEM;
	w->path = TAKE_PTR(*path);
	*ret = w;
	ws->items[ws->n++] = TAKE_PTR(w);
	return 0;
}

int kubernetes_workload_get(struct kubernetes_workloads *ws, const struct kubernetes_pod *pod,
			    struct kubernetes_workload **ret)
{
	const char *format = path_of(&pod->owner);
	_cleanup_(freep) char *path = NULL;
	struct kubernetes_workload *w = NULL;
	int r = format ? make_path(pod, format, &path) : 0;

	for (size_t i = 0; r == 0 && path && i < ws->n && !w; i++)
		if (strcmp(ws->items[i]->path, path) == 0 &&
		    strcmp(ws->items[i]->uid, pod->owner.uid) == 0)
			w = ws->items[i];
	if (r == 0 && path && !w)
		r = add(ws, &path, pod->owner.uid, &w);
	if (r < 0)
		return r;
	if (w)
		w->n_refs++;
	*ret = w;
	return 0;
}

void kubernetes_workload_put(struct kubernetes_workloads *ws, struct kubernetes_workload *w)
{
	if (!w || --w->n_refs)
		return;
	for (size_t i = 0; i < ws->n; i++)
		if (ws->items[i] == w) {
			ws->items[i] = ws->items[--ws->n];
			break;
		}
	workload_free(w);
}

struct kubernetes_workload *kubernetes_workloads_next(const struct kubernetes_workloads *ws)
{
	struct kubernetes_workload *next = NULL;

	for (size_t i = 0; i < ws->n; i++)
		if (ws->items[i]->due_ns != UINT64_MAX &&
		    (!next || ws->items[i]->due_ns < next->due_ns))
			next = ws->items[i];
	return next;
}

static int take_answer(struct kubernetes_workload *w, const json_t *metadata)
{
	struct kubernetes_owner owner;
	int r;

	r = kubernetes_owner_parse(metadata, &owner);
	if (r < 0)
		return r;
	w->kind = TAKE_PTR(owner.kind);
	w->name = TAKE_PTR(owner.name);
	kubernetes_owner_done(&owner);
	w->due_ns = UINT64_MAX;
	w->is_answered = true;
	return 0;
}

int kubernetes_workload_answer(struct kubernetes_workload *w, struct str body)
{
	_cleanup_(json_unrefp) json_t *json = json_loadb(body.p, body.n, 0, NULL);
	const json_t *metadata = json_object_get(json, "metadata");

	/* another one of the same name is not the pod's owner */
	if (!metadata || strcmp(kubernetes_json_text(metadata, "uid"), w->uid) != 0)
		return -EBADMSG;
	return take_answer(w, metadata);
}

void kubernetes_workload_failed(struct kubernetes_workload *w, bool is_final, uint64_t now_ns)
{
	uint64_t after = RETRY_FIRST_NS << (w->n_tries < 10 ? w->n_tries : 10);

	w->n_tries++;
	w->due_ns = is_final ? UINT64_MAX : now_ns + (after < RETRY_MAX_NS ? after : RETRY_MAX_NS);
}

/* "Deployment" as "deployment". */
static int set_lower(struct container_facts *f, const char *kind)
{
	_cleanup_(freep) char *copy = strdup(kind);

	if (!copy)
		return -ENOMEM;
	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return container_facts_set(f, CONTAINER_WORKLOAD_KIND, str_from(copy));
}

static int set(struct container_facts *f, const char *kind, struct str name)
{
	int r = set_lower(f, kind);

	return r < 0 ? r : container_facts_set(f, CONTAINER_WORKLOAD_NAME, name);
}

/*
 * A Deployment calls its ReplicaSets by its own name and the hash of the template, and gives their
 * pods the hash as a label. "" where this is not so.
 */
static struct str deployment_of(const struct kubernetes_pod *pod)
{
	struct str name = str_from(pod->owner.name);
	size_t n_hash = pod->template_hash ? strlen(pod->template_hash) : 0;

	if (!n_hash || strcmp(pod->owner.kind, "ReplicaSet") != 0 || name.n < n_hash + 2 ||
	    name.p[name.n - n_hash - 1] != '-' ||
	    memcmp(name.p + name.n - n_hash, pod->template_hash, n_hash) != 0)
		return STR_EMPTY;
	name.n -= n_hash + 1;
	return name;
}

static bool is_open(const struct kubernetes_workload *w)
{
	return w && !w->is_answered;
}

bool kubernetes_workload_is_settled(const struct kubernetes_workload *w,
				    const struct kubernetes_pod *pod)
{
	return !is_open(w) || w->n_tries || deployment_of(pod).n;
}

int kubernetes_workload_describe(const struct kubernetes_workload *w,
				 const struct kubernetes_pod *pod, struct container_facts *f)
{
	struct str deployment = is_open(w) ? deployment_of(pod) : STR_EMPTY;

	if (!pod->owner.kind)
		return set(f, "pod", str_from(pod->facts.texts[CONTAINER_POD_NAME]));
	if (w && w->kind)
		return set(f, w->kind, str_from(w->name));
	if (deployment.n)
		return set(f, "deployment", deployment);
	if (!kubernetes_workload_is_settled(w, pod))
		return 0;
	return set(f, pod->owner.kind, str_from(pod->owner.name));
}
