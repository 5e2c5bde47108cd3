/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the source "kubernetes" with the options of its command line (KEY=VALUE) and prints what it
 * tells, a JSON object a line. Reads commands: "ask ID [UID]", "named ID NAMESPACE NAME", "state".
 * Ends with its input, and says how long the source took to end.
 */
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "enrich/kubernetes.h"

#define ANNOTATIONS_MAX 16

static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const text_names[_CONTAINER_TEXT_MAX] = {
	[CONTAINER_NAME] = "name",
	[CONTAINER_RUNTIME] = "runtime",
	[CONTAINER_IMAGE_ID] = "image.id",
	[CONTAINER_IMAGE_NAME] = "image.name",
	[CONTAINER_IMAGE_TAG] = "image.tag",
	[CONTAINER_IMAGE_DIGEST] = "image.digest",
	[CONTAINER_NAMESPACE] = "namespace",
	[CONTAINER_POD_NAME] = "pod",
	[CONTAINER_POD_UID] = "uid",
	[CONTAINER_POD_CONTAINER] = "container",
	[CONTAINER_WORKLOAD_NAME] = "workload",
	[CONTAINER_WORKLOAD_KIND] = "kind",
	[CONTAINER_POD_LABELS] = "labels",
	[CONTAINER_POD_ANNOTATIONS] = "annotations",
};

static const char *const status_names[_SOURCE_STATUS_MAX] = {
	[SOURCE_OFF] = "off",
	[SOURCE_CONNECTING] = "connecting",
	[SOURCE_READY] = "ready",
};

/* Takes the object. */
static void print(json_t *object)
{
	pthread_mutex_lock(&out_lock);
	json_dumpf(object, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&out_lock);
	json_decref(object);
}

static json_t *facts_json(const struct container_facts *facts)
{
	json_t *texts = json_object();

	for (size_t i = 0; i < _CONTAINER_TEXT_MAX; i++)
		if (facts->texts[i] && text_names[i])
			json_object_set_new(texts, text_names[i], json_string(facts->texts[i]));
	if (facts->bits & CONTAINER_IS_PRIVILEGED)
		json_object_set_new(texts, "privileged", json_true());
	return texts;
}

static void tell(void *ctx, unsigned int source, const struct container_facts *facts)
{
	(void)ctx;
	(void)source;
	print(json_pack("{s:s%,s:o}", "id", facts->id, (size_t)CONTAINER_ID_LEN, "is",
			facts_json(facts)));
}

static void tell_pod(void *ctx, unsigned int source, const struct container_facts *facts)
{
	(void)ctx;
	(void)source;
	print(json_pack("{s:o}", "pod", facts_json(facts)));
}

static void answered(void *ctx, unsigned int source, const char id[CONTAINER_ID_LEN])
{
	(void)ctx;
	(void)source;
	print(json_pack("{s:s%}", "answered", id, (size_t)CONTAINER_ID_LEN));
}

static void gone(void *ctx, unsigned int source, const char id[CONTAINER_ID_LEN])
{
	(void)ctx;
	(void)source;
	print(json_pack("{s:s%}", "gone", id, (size_t)CONTAINER_ID_LEN));
}

static enum kubernetes_mode parse_mode(const char *text)
{
	static const char *const names[] = { "auto", "off", "api", "kubelet" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0)
			return (enum kubernetes_mode)i;
	fprintf(stderr, "kube_follow: no mode '%s'\n", text);
	exit(2);
}

static void take_option(struct kubernetes_options *o, char **annotations, char *argument)
{
	char *value = strchr(argument, '=');

	if (!value)
		exit(2);
	*value++ = '\0';
	if (strcmp(argument, "mode") == 0)
		o->mode = parse_mode(value);
	else if (strcmp(argument, "node") == 0)
		o->node_name = value;
	else if (strcmp(argument, "kubeconfig") == 0)
		o->kubeconfig = value;
	else if (strcmp(argument, "account") == 0)
		o->account = value;
	else if (strcmp(argument, "server") == 0)
		o->server = value;
	else if (strcmp(argument, "insecure") == 0)
		o->is_insecure = strcmp(value, "true") == 0;
	else if (strcmp(argument, "max_pods") == 0)
		o->max_pods = strtoul(value, NULL, 10);
	else if (strcmp(argument, "annotation") == 0 && o->n_annotations < ANNOTATIONS_MAX)
		annotations[o->n_annotations++] = value;
	else
		exit(2);
}

static void put(struct container_facts *f, enum container_text which, const char *text)
{
	if (text && container_facts_set(f, which, str_from(text)) < 0)
		exit(1);
}

static void ask(struct kubernetes *k, const char *command, char *rest)
{
	struct container_facts known;
	char id[CONTAINER_ID_LEN + 1] = "", *first;

	first = strtok_r(NULL, " \n", &rest);
	snprintf(id, sizeof(id), "%s", first ? first : "");
	container_facts_init(&known, id);
	first = strtok_r(NULL, " \n", &rest);
	if (strcmp(command, "named") == 0) {
		put(&known, CONTAINER_NAMESPACE, first);
		put(&known, CONTAINER_POD_NAME, strtok_r(NULL, " \n", &rest));
	} else {
		put(&known, CONTAINER_POD_UID, first);
	}
	kubernetes_source.ask(k, &known);
	container_facts_done(&known);
}

static void print_state(struct kubernetes *k)
{
	struct source_state s;

	kubernetes_source.state(k, &s);
	print(json_pack("{s:{s:s,s:i,s:I,s:I,s:I,s:I,s:I}}", "state", "status",
			status_names[s.status], "error", s.error, "questions",
			(json_int_t)s.questions, "answers", (json_int_t)s.answers, "failures",
			(json_int_t)s.failures, "reconnects", (json_int_t)s.reconnects, "items",
			(json_int_t)s.items));
}

int main(int argc, char **argv)
{
	static const struct container_sink sink = {
		.tell = tell, .tell_pod = tell_pod, .answered = answered, .gone = gone
	};
	char *annotations[ANNOTATIONS_MAX];
	struct kubernetes_options options = { .node_name = "node-1", .annotations = annotations };
	struct kubernetes *k;
	char line[512], *rest, *command;
	uint64_t began;
	int r;

	for (int i = 1; i < argc; i++)
		take_option(&options, annotations, argv[i]);
	r = kubernetes_new(&options, &sink, &k);
	if (r < 0)
		return -r;
	while (fgets(line, sizeof(line), stdin)) {
		command = strtok_r(line, " \n", &rest);
		if (command && strcmp(command, "state") == 0)
			print_state(k);
		else if (command)
			ask(k, command, rest);
	}
	began = clock_now_ns(CLOCK_MONOTONIC);
	kubernetes_source.free(k);
	print(json_pack("{s:I}", "ended_ms",
			(json_int_t)((clock_now_ns(CLOCK_MONOTONIC) - began) / 1000000)));
	return 0;
}
