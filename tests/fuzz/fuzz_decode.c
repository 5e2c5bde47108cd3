/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a record. What record_check() accepts is read to the last byte through the
 * accessors: a sanitizer sees what it should not have accepted. The input is tried as it is, and
 * again with the size and the layout put right, so that the checks behind these are reached.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "event/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned char sink;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void touch(const void *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		sink ^= ((const unsigned char *)p)[i];
}

static void touch_walk(struct str walk)
{
	_cleanup_(freep) char *to = malloc(walk.n + 1);
	bool cut = false;
	size_t n;

	require(to != NULL);
	n = path_from_walk(walk, false, to, &cut);
	touch(to, n);
	require(n >= 1 && n <= EVENT_PATH_MAX && n <= walk.n + 1);
	require(cut == (walk.n > EVENT_PATH_MAX));
	require(cut || to[0] == '/');
}

static void touch_parts(const struct exec_parts *parts)
{
	touch(parts->filename.p, parts->filename.n);
	touch(parts->interp.p, parts->interp.n);
	touch(parts->args.p, parts->args.n);
	touch_walk(parts->cwd);
	touch_walk(parts->exe);
	if (parts->task_ext)
		touch(parts->task_ext, sizeof(*parts->task_ext));
	if (parts->exe_ext)
		touch(parts->exe_ext, sizeof(*parts->exe_ext));
}

static void touch_str(struct str s)
{
	touch(s.p, s.n);
}

static void touch_image(const struct event_image *e)
{
	struct image_parts parts;

	image_parts(e, &parts);
	if (parts.task_ext)
		touch(parts.task_ext, sizeof(*parts.task_ext));
	if (parts.exe_ext)
		touch(parts.exe_ext, sizeof(*parts.exe_ext));
	touch_str(parts.binary);
	touch_str(parts.cwd);
	touch_str(parts.interpreter);
	touch_str(parts.exe);
	touch_str(parts.args);
	touch_str(parts.env);
}

static void touch_container(const struct event_container *e)
{
	struct str texts[_CONTAINER_TEXT_MAX];

	container_texts(e, texts);
	for (size_t i = 0; i < _CONTAINER_TEXT_MAX; i++)
		touch_str(texts[i]);
}

static void touch_record(const struct event_head *h)
{
	const void *record = h;
	struct exec_parts parts;

	switch ((enum event_type)h->type) {
	case EVENT_FORK:
		if (fork_task_ext(record))
			touch(fork_task_ext(record), sizeof(struct event_task_ext));
		break;
	case EVENT_EXEC:
		exec_parts(record, &parts);
		touch_parts(&parts);
		break;
	case EVENT_PROCESS:
		process_parts(record, &parts);
		touch_parts(&parts);
		break;
	case EVENT_CGROUP:
		touch_str(cgroup_made_path(record));
		break;
	case EVENT_NODE:
		touch_str(node_name(record));
		touch_str(node_address(record));
		break;
	case EVENT_USER:
		touch_str(user_name(record));
		break;
	case EVENT_IMAGE:
		touch_image(record);
		break;
	case EVENT_INNER_USER:
		touch_str(inner_user_name(record));
		break;
	case EVENT_CONTAINER:
		touch_container(record);
		break;
	case EVENT_STATE:
		touch((const struct event_state *)record + 1,
		      ((const struct event_state *)record)->n_ended * sizeof(struct event_ended));
		break;
	case EVENT_TRANSIENTS:
		touch(transients_steps(record), ((const struct event_transients *)record)->n_steps *
							sizeof(struct event_stream_step));
		touch(transients_ended(record), ((const struct event_transients *)record)->n_ended *
							sizeof(struct event_ended));
		break;
	case EVENT_EXIT:
	case EVENT_CLOCK:
	case EVENT_MARK:
	case EVENT_STREAM:
	case EVENT_GAP:
	case EVENT_INVALID:
	case _EVENT_MAX:
		break;
	}
	touch(event_type_to_string(h->type), 1);
}

static void check(const void *record, size_t size)
{
	const struct event_head *h = record;

	if (record_check(record, size) == 0) {
		require(h->size == size && h->layout == EVENT_LAYOUT);
		require(h->type > EVENT_INVALID && h->type < _EVENT_MAX);
		touch_record(h);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) struct event_head *record = malloc(size ? size : 1);

	require(record != NULL);
	memcpy(record, data, size);
	check(record, size);
	if (size >= 24) {
		record->size = (uint32_t)size;
		record->layout = EVENT_LAYOUT;
		check(record, size);
	}
	return 0;
}
