/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/container_list.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_text.h"

#define SOURCES_MAX 32

struct container_list {
	pthread_mutex_t lock;
	struct entry {
		struct container_facts facts;
		uint32_t sources; /* a bit for each that told */
	} * containers;
	size_t n;
	struct container_facts *pods; /* without an id */
	size_t n_pods;
	uint64_t last_ns; /* when something was put in */
	const char *names[SOURCES_MAX];
	bool failed; /* memory ran out: something is missing */
};

struct container_list *container_list_new(void)
{
	struct container_list *list = calloc(1, sizeof(*list));

	if (list) {
		pthread_mutex_init(&list->lock, NULL);
		list->last_ns = clock_now_ns(CLOCK_MONOTONIC);
	}
	return list;
}

struct container_list *container_list_free(struct container_list *list)
{
	if (!list)
		return NULL;
	for (size_t i = 0; i < list->n; i++)
		container_facts_done(&list->containers[i].facts);
	for (size_t i = 0; i < list->n_pods; i++)
		container_facts_done(&list->pods[i]);
	free(list->containers);
	free(list->pods);
	pthread_mutex_destroy(&list->lock);
	free(list);
	return NULL;
}

static struct entry *lookup(const struct container_list *list, const char id[CONTAINER_ID_LEN])
{
	for (size_t i = 0; i < list->n; i++)
		if (memcmp(list->containers[i].facts.id, id, CONTAINER_ID_LEN) == 0)
			return &list->containers[i];
	return NULL;
}

static struct entry *add(struct container_list *list, const char id[CONTAINER_ID_LEN])
{
	struct entry *longer =
		reallocarray(list->containers, list->n + 1, sizeof(*list->containers));

	if (!longer)
		return NULL;
	list->containers = longer;
	longer[list->n] = (struct entry){ 0 };
	container_facts_init(&longer[list->n].facts, id);
	return &longer[list->n++];
}

static void begin_change(struct container_list *list)
{
	pthread_mutex_lock(&list->lock);
	list->last_ns = clock_now_ns(CLOCK_MONOTONIC);
}

static void tell(void *ctx, unsigned int source, const struct container_facts *facts)
{
	struct container_list *list = ctx;
	struct entry *e;
	bool changed;

	begin_change(list);
	e = lookup(list, facts->id);
	if (!e)
		e = add(list, facts->id);
	if (!e || container_facts_update(&e->facts, facts, &changed) < 0)
		list->failed = true;
	if (e)
		e->sources |= 1u << source;
	pthread_mutex_unlock(&list->lock);
}

static struct container_facts *lookup_pod(const struct container_list *list, const char *uid)
{
	for (size_t i = 0; uid && i < list->n_pods; i++)
		if (strcmp(list->pods[i].texts[CONTAINER_POD_UID], uid) == 0)
			return &list->pods[i];
	return NULL;
}

static int add_pod(struct container_list *list, const struct container_facts *facts)
{
	struct container_facts *longer =
		reallocarray(list->pods, list->n_pods + 1, sizeof(*list->pods));
	int r;

	if (!longer)
		return -ENOMEM;
	list->pods = longer;
	r = container_facts_dup(facts, &longer[list->n_pods]);
	if (r == 0)
		list->n_pods++;
	return r;
}

static void tell_pod(void *ctx, unsigned int source, const struct container_facts *facts)
{
	struct container_list *list = ctx;
	struct container_facts *pod;
	bool changed;
	int r;

	(void)source;
	if (!facts->texts[CONTAINER_POD_UID])
		return;
	begin_change(list);
	pod = lookup_pod(list, facts->texts[CONTAINER_POD_UID]);
	r = pod ? container_facts_update(pod, facts, &changed) : add_pod(list, facts);
	list->failed |= r < 0;
	pthread_mutex_unlock(&list->lock);
}

static void answered(void *ctx, unsigned int source, const char id[CONTAINER_ID_LEN])
{
	(void)ctx;
	(void)source;
	(void)id;
}

static void gone(void *ctx, unsigned int source, const char id[CONTAINER_ID_LEN])
{
	struct container_list *list = ctx;
	struct entry *e;

	begin_change(list);
	e = lookup(list, id);
	if (e)
		e->sources &= ~(1u << source);
	if (e && !e->sources) {
		container_facts_done(&e->facts);
		*e = list->containers[--list->n];
	}
	pthread_mutex_unlock(&list->lock);
}

struct container_sink container_list_sink(struct container_list *list, unsigned int source,
					  const char *name)
{
	assert(source < SOURCES_MAX);
	list->names[source] = name;
	return (struct container_sink){ .tell = tell,
					.tell_pod = tell_pod,
					.answered = answered,
					.gone = gone,
					.ctx = list,
					.source = source };
}

bool container_list_is_quiet(struct container_list *list, unsigned int ms)
{
	uint64_t silence;

	pthread_mutex_lock(&list->lock);
	silence = clock_now_ns(CLOCK_MONOTONIC) - list->last_ns;
	pthread_mutex_unlock(&list->lock);
	return silence >= (uint64_t)ms * 1000000u;
}

static const char *const keys[_CONTAINER_TEXT_MAX] = {
	[CONTAINER_NAME] = "container.name",
	[CONTAINER_RUNTIME] = "container.runtime",
	[CONTAINER_IMAGE_ID] = "container.image.id",
	[CONTAINER_IMAGE_NAME] = "container.image.name",
	[CONTAINER_IMAGE_TAG] = "container.image.tag",
	[CONTAINER_IMAGE_DIGEST] = "container.image.digest",
	[CONTAINER_NAMESPACE] = "k8s.namespace",
	[CONTAINER_POD_NAME] = "k8s.pod.name",
	[CONTAINER_POD_UID] = "k8s.pod.uid",
	[CONTAINER_POD_CONTAINER] = "k8s.container.name",
	[CONTAINER_WORKLOAD_NAME] = "k8s.workload.name",
	[CONTAINER_WORKLOAD_KIND] = "k8s.workload.kind",
	[CONTAINER_POD_LABELS] = "k8s.pod.labels",
	[CONTAINER_POD_ANNOTATIONS] = "k8s.pod.annotations",
};

static void put_text(const char *key, struct str text, struct buf *out)
{
	buf_printf(out, ",\"%s\":", key);
	json_text_put(out, text);
}

static void put_start(int64_t started_ns, struct buf *out)
{
	time_t s = (time_t)(started_ns / CLOCK_SECOND_NS);
	char text[32];
	struct tm tm;

	if (!started_ns || !gmtime_r(&s, &tm))
		return;
	strftime(text, sizeof(text), "%FT%T", &tm);
	buf_printf(out, ",\"container.start_time\":\"%s.%09uZ\"", text,
		   (unsigned int)(started_ns % CLOCK_SECOND_NS));
}

static void put_entry(const struct container_list *list, const struct entry *e,
		      const struct container_facts *facts, struct buf *out)
{
	const char *comma = "";

	buf_printf(out, "{\"container.id\":\"%.*s\"", CONTAINER_ID_LEN, facts->id);
	for (size_t i = 0; i < _CONTAINER_TEXT_MAX; i++)
		if (facts->texts[i])
			put_text(keys[i], str_from(facts->texts[i]), out);
	put_start(facts->started_ns, out);
	if (facts->bits & CONTAINER_IS_PRIVILEGED)
		put_text("container.privileged", STR("true"), out);
	if (facts->bits & CONTAINER_IS_SANDBOX)
		put_text("container.sandbox", STR("true"), out);
	buf_put_str(out, STR(",\"sources\":["));
	for (unsigned int i = 0; i < SOURCES_MAX; i++) {
		if (!(e->sources & 1u << i))
			continue;
		buf_printf(out, "%s\"%s\"", comma, list->names[i]);
		comma = ",";
	}
	buf_put_str(out, STR("]}\n"));
}

static int by_start(const void *a, const void *b)
{
	const struct container_facts *x = &((const struct entry *)a)->facts;
	const struct container_facts *y = &((const struct entry *)b)->facts;

	if (x->started_ns != y->started_ns)
		return x->started_ns < y->started_ns ? -1 : 1;
	return memcmp(x->id, y->id, CONTAINER_ID_LEN);
}

static int format_entry(const struct container_list *list, const struct entry *e, struct buf *out)
{
	_cleanup_(container_facts_done) struct container_facts all = { 0 };
	const struct container_facts *pod = lookup_pod(list, e->facts.texts[CONTAINER_POD_UID]);
	bool changed;
	int r = container_facts_dup(&e->facts, &all);

	if (r == 0 && pod)
		r = container_facts_merge(&all, pod, &changed);
	if (r == 0)
		put_entry(list, e, &all, out);
	return r;
}

void container_list_format(struct container_list *list, struct buf *out)
{
	pthread_mutex_lock(&list->lock);
	if (list->n)
		qsort(list->containers, list->n, sizeof(*list->containers), by_start);
	for (size_t i = 0; i < list->n; i++)
		list->failed |= format_entry(list, &list->containers[i], out) < 0;
	out->failed |= list->failed;
	pthread_mutex_unlock(&list->lock);
}
