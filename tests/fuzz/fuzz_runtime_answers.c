/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container runtime answers, or who has taken its place: JSON as Docker's, messages as
 * CRI's. Whatever it is, what is made of it has an id of 64 digits, and can be told and let go.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/cri_facts.h"
#include "enrich/docker_facts.h"
#include "net/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void judge(int r, struct container_facts *f)
{
	require(r <= 0);
	if (r < 0)
		return;
	require(container_id_is_valid((struct str){ .p = f->id, .n = CONTAINER_ID_LEN }));
	require(f->started_ns >= 0);
	container_facts_done(f);
}

static void judge_json(const json_t *json)
{
	struct container_facts f;
	enum docker_event what;

	judge(docker_facts_of_item(json, STR("docker"), &f), &f);
	judge(docker_facts_of_inspect(json, STR("docker"), &f), &f);
	judge(docker_facts_of_event(json, STR("docker"), &what, &f), &f);
	require(docker_facts_digest(json_object_get(json, "RepoDigests"), "a/b:c") != NULL);
}

static int take_line(void *ctx, struct str line)
{
	_cleanup_(json_unrefp) json_t *json = json_loadb(line.p, line.n, 0, NULL);

	(void)ctx;
	if (json)
		judge_json(json);
	return 0;
}

static void judge_containers(const uint8_t *data, size_t size)
{
	Cri__ListContainersResponse *m = cri__list_containers_response__unpack(NULL, size, data);

	for (size_t i = 0; m && i < m->n_containers; i++) {
		struct container_facts f;

		judge(cri_facts_of_container(m->containers[i], STR("cri"), &f), &f);
	}
	cri__list_containers_response__free_unpacked(m, NULL);
}

static void judge_sandboxes(const uint8_t *data, size_t size)
{
	Cri__ListPodSandboxResponse *m = cri__list_pod_sandbox_response__unpack(NULL, size, data);

	for (size_t i = 0; m && i < m->n_items; i++) {
		struct container_facts f;

		judge(cri_facts_of_sandbox(m->items[i], STR("cri"), &f), &f);
	}
	cri__list_pod_sandbox_response__free_unpacked(m, NULL);
}

static void judge_image(const uint8_t *data, size_t size)
{
	Cri__ImageStatusResponse *m = cri__image_status_response__unpack(NULL, size, data);

	if (m && m->image)
		require(cri_facts_digest(m->image, "a/b:c") != NULL);
	cri__image_status_response__free_unpacked(m, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lines lines = { .fn = take_line, .max_bytes = 65536 };

	(void)lines_put(&lines, (struct str){ .p = (const char *)data, .n = size });
	lines_done(&lines);
	judge_containers(data, size);
	judge_sandboxes(data, size);
	judge_image(data, size);
	return 0;
}
