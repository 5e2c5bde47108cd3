/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/kubernetes_pod.h"

#include <errno.h>
#include <string.h>

#include "enrich/kubernetes_json.h"
#include "event/quote.h"

#define KEYS_MAX 1024	      /* of labels or annotations; the API server allows fewer */
#define STATIC_HASH_DIGITS 32 /* MD5: pkg/kubelet/config, applyDefaults() */

static int set(struct container_facts *f, enum container_text which, const char *text)
{
	return container_facts_set(f, which, str_from(text));
}

static bool is_selected(const struct kubernetes_selection *selection, const char *name)
{
	for (size_t i = 0; i < selection->n; i++) {
		const char *wanted = selection->names[i];
		size_t n = strlen(wanted);

		if (n && wanted[n - 1] == '*' ? strncmp(name, wanted, n - 1) == 0
					      : strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys that are wanted, sorted; borrowed from the map. Returns their number. */
static size_t select_keys(const json_t *map, const struct kubernetes_selection *selection,
			  const char **keys)
{
	json_t *all = (json_t *)map; /* jansson knows no iterator that only reads */
	size_t n = 0;

	for (void *at = json_object_iter(all); at && n < KEYS_MAX;
	     at = json_object_iter_next(all, at)) {
		const char *key = json_object_iter_key(at);

		if (json_is_string(json_object_iter_value(at)) &&
		    (!selection || is_selected(selection, key)))
			keys[n++] = key;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	return n;
}

/* key=value, as arguments are written; what would not fit as a whole is left out. */
static int set_map(struct container_facts *f, enum container_text which, const json_t *map,
		   const struct kubernetes_selection *selection)
{
	_cleanup_(freep) const char **keys = calloc(KEYS_MAX, sizeof(*keys));
	_cleanup_(buf_done) struct buf out = { 0 }, pair = { 0 };
	size_t n = keys ? select_keys(map, selection, keys) : 0, fits = 0;

	for (size_t i = 0; i < n; i++) {
		buf_clear(&pair);
		buf_printf(&pair, "%s=%s", keys[i], kubernetes_json_text(map, keys[i]));
		if (out.len)
			buf_put_char(&out, ' ');
		quote_argument(&out, buf_str(&pair));
		if (out.len > CONTAINER_LABEL_BYTES)
			break;
		fits = out.len;
	}
	if (!keys || buf_failed(&out) || buf_failed(&pair))
		return -ENOMEM;
	return container_facts_set(f, which, (struct str){ .p = out.data, .n = fits });
}

struct kubernetes_pod *kubernetes_pod_free(struct kubernetes_pod *pod)
{
	if (!pod)
		return NULL;
	container_facts_done(&pod->facts);
	kubernetes_owner_done(&pod->owner);
	kubernetes_containers_done(&pod->containers);
	free(pod->template_hash);
	free(pod);
	return NULL;
}

/*
 * The API server's copy of a static pod has an uid of its own; its control group is called by the
 * hash of the file that it was made from. That is MD5, without dashes: so that nobody can take the
 * name of an ordinary pod by writing its uid into an annotation.
 */
static int parse_identity(const json_t *metadata, struct kubernetes_pod *pod)
{
	const json_t *annotations = json_object_get(metadata, "annotations");
	const char *mirror = kubernetes_json_text(annotations, "kubernetes.io/config.mirror");
	const char *hash = kubernetes_json_text(annotations, "kubernetes.io/config.hash");
	const char *uid = kubernetes_json_text(metadata, "uid");
	const char *name = kubernetes_json_text(metadata, "name");
	const char *namespace = kubernetes_json_text(metadata, "namespace");
	int r;

	if (!*uid || !*name || !*namespace)
		return -EBADMSG;
	pod->is_mirror = kubernetes_is_hex(mirror, STATIC_HASH_DIGITS) && strcmp(mirror, hash) == 0;
	snprintf(pod->version, sizeof(pod->version), "%s",
		 kubernetes_json_text(metadata, "resourceVersion"));
	r = set(&pod->facts, CONTAINER_POD_UID, pod->is_mirror ? hash : uid);
	if (r == 0)
		r = set(&pod->facts, CONTAINER_POD_NAME, name);
	return r < 0 ? r : set(&pod->facts, CONTAINER_NAMESPACE, namespace);
}

static int parse_metadata(const json_t *metadata, const struct kubernetes_selection *annotations,
			  struct kubernetes_pod *pod)
{
	const json_t *labels = json_object_get(metadata, "labels");
	const char *template_hash = kubernetes_json_text(labels, "pod-template-hash");
	int r;

	r = parse_identity(metadata, pod);
	if (r == 0)
		r = set_map(&pod->facts, CONTAINER_POD_LABELS, labels, NULL);
	if (r == 0)
		r = set_map(&pod->facts, CONTAINER_POD_ANNOTATIONS,
			    json_object_get(metadata, "annotations"), annotations);
	if (r == 0)
		r = kubernetes_owner_parse(metadata, &pod->owner);
	if (r < 0)
		return r;
	/* of a static pod's copy; it is nobody's workload */
	if (pod->owner.kind && strcmp(pod->owner.kind, "Node") == 0)
		kubernetes_owner_done(&pod->owner);
	pod->template_hash = *template_hash ? strdup(template_hash) : NULL;
	return *template_hash && !pod->template_hash ? -ENOMEM : 0;
}

int kubernetes_pod_parse(const json_t *json, const struct kubernetes_selection *annotations,
			 struct kubernetes_pod **ret)
{
	_cleanup_(kubernetes_pod_freep) struct kubernetes_pod *pod = calloc(1, sizeof(*pod));
	int r;

	if (!pod)
		return -ENOMEM;
	pod->facts.bits = CONTAINER_IS_KNOWN;
	r = parse_metadata(json_object_get(json, "metadata"), annotations, pod);
	if (r == 0)
		r = kubernetes_containers_parse(json, pod->facts.texts[CONTAINER_POD_UID],
						&pod->containers);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(pod);
	return 0;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool are_equal(const struct container_facts *a, const struct container_facts *b)
{
	bool equal = a->bits == b->bits && memcmp(a->id, b->id, CONTAINER_ID_LEN) == 0;

	for (size_t i = 0; equal && i < _CONTAINER_TEXT_MAX; i++)
		equal = is_same(a->texts[i], b->texts[i]);
	return equal;
}

bool kubernetes_pod_is_equal(const struct kubernetes_pod *a, const struct kubernetes_pod *b)
{
	bool equal = a->containers.n == b->containers.n && are_equal(&a->facts, &b->facts) &&
		     is_same(a->owner.kind, b->owner.kind) &&
		     is_same(a->owner.name, b->owner.name) &&
		     is_same(a->template_hash, b->template_hash);

	for (size_t i = 0; equal && i < a->containers.n; i++)
		equal = are_equal(&a->containers.items[i], &b->containers.items[i]);
	return equal;
}

static size_t facts_bytes(const struct container_facts *f)
{
	size_t n = sizeof(*f);

	for (size_t i = 0; i < _CONTAINER_TEXT_MAX; i++)
		n += f->texts[i] ? strlen(f->texts[i]) + 1 : 0;
	return n;
}

size_t kubernetes_pod_bytes(const struct kubernetes_pod *pod)
{
	size_t n = sizeof(*pod) + facts_bytes(&pod->facts);

	for (size_t i = 0; i < pod->containers.n; i++)
		n += facts_bytes(&pod->containers.items[i]);
	return n;
}
