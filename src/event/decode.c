/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder of the wire: what record_check() has proved, the accessors rely on. Pure; any thread.
 */
#include "event/decode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define HEAD_STABLE_SIZE 24 /* what every layout has in common */

static const char *const type_names[] = {
	[EVENT_INVALID] = "invalid",
#define EVENT(id, name, doc) [EVENT_##id] = name,
#include "abi/event_types.def"
#undef EVENT
};
_Static_assert(ARRAY_SIZE(type_names) == _EVENT_MAX, "every type has a name");

const char *event_type_to_string(unsigned int type)
{
	return type_names[type < _EVENT_MAX ? type : EVENT_INVALID];
}

static size_t task_ext_size(const struct event_head *h)
{
	return h->flags & EVENT_F_TASK_EXT ? sizeof(struct event_task_ext) : 0;
}

static size_t exe_ext_size(const struct event_head *h)
{
	return h->flags & EVENT_F_EXE_EXT ? sizeof(struct event_exe_ext) : 0;
}

/* Names, each with its NUL, none of them empty; or nothing. */
static bool is_walk(struct str walk)
{
	const char *p = walk.p, *end = walk.p + walk.n;

	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		if (!nul || nul == p)
			return false;
		p = nul + 1;
	}
	return true;
}

static bool has_no_nul(struct str s)
{
	return !s.n || !memchr(s.p, '\0', s.n);
}

/* Cuts n bytes off the front of what is left of a record whose sizes are known to add up. */
static struct str take(const char **at, size_t n)
{
	struct str part = { .p = *at, .n = n };

	*at += n;
	return part;
}

static const void *take_struct(const char **at, size_t n)
{
	return n ? take(at, n).p : NULL;
}

void exec_parts(const struct event_exec *e, struct exec_parts *ret)
{
	const char *at = (const char *)(e + 1);

	ret->filename = take(&at, e->filename_len);
	ret->interp = take(&at, e->interp_len);
	ret->cwd = take(&at, e->cwd_len);
	ret->exe = take(&at, e->exe_len);
	ret->task_ext = take_struct(&at, task_ext_size(&e->head));
	ret->exe_ext = take_struct(&at, exe_ext_size(&e->head));
	ret->args = take(&at, e->args_len);
	ret->env = take(&at, e->env_len);
}

void process_parts(const struct event_process *e, struct exec_parts *ret)
{
	const char *at = (const char *)(e + 1);

	ret->filename = STR_EMPTY;
	ret->interp = STR_EMPTY;
	ret->cwd = take(&at, e->cwd_len);
	ret->exe = take(&at, e->exe_len);
	ret->task_ext = take_struct(&at, task_ext_size(&e->head));
	ret->exe_ext = take_struct(&at, exe_ext_size(&e->head));
	ret->args = take(&at, e->args_len);
	ret->env = STR_EMPTY;
}

void image_parts(const struct event_image *e, struct image_parts *ret)
{
	const char *at = (const char *)(e + 1);

	ret->task_ext = take_struct(&at, task_ext_size(&e->head));
	ret->exe_ext = take_struct(&at, exe_ext_size(&e->head));
	ret->binary = take(&at, e->binary_len);
	ret->cwd = take(&at, e->cwd_len);
	ret->interpreter = take(&at, e->interp_len);
	ret->exe = take(&at, e->exe_len);
	ret->args = take(&at, e->args_len);
	ret->env = take(&at, e->env_len);
}

const struct event_task_ext *fork_task_ext(const struct event_fork *e)
{
	return e->head.flags & EVENT_F_TASK_EXT ? (const struct event_task_ext *)(e + 1) : NULL;
}

struct str cgroup_made_path(const struct event_cgroup_made *e)
{
	return (struct str){ .p = (const char *)(e + 1), .n = e->path_len };
}

struct str node_name(const struct event_node *e)
{
	return (struct str){ .p = (const char *)(e + 1), .n = e->name_len };
}

struct str node_address(const struct event_node *e)
{
	return (struct str){ .p = (const char *)(e + 1) + e->name_len, .n = e->address_len };
}

struct str user_name(const struct event_user *e)
{
	return (struct str){ .p = (const char *)(e + 1), .n = e->name_len };
}

struct str inner_user_name(const struct event_inner_user *e)
{
	return (struct str){ .p = (const char *)(e + 1), .n = e->name_len };
}

void container_texts(const struct event_container *e, struct str ret[_CONTAINER_TEXT_MAX])
{
	const char *at = (const char *)(e + 1);

	for (size_t i = 0; i < _CONTAINER_TEXT_MAX; i++)
		ret[i] = take(&at, e->lens[i]);
}

/*
 * The checks, one per type. Each is called with at least the type's fixed structure there, and says
 * whether what follows the structure is as long as its lengths say and well formed.
 */
typedef bool check_fn(const void *record, size_t n_behind);

static bool check_fork(const void *record, size_t n_behind)
{
	const struct event_fork *e = record;

	return n_behind == task_ext_size(&e->head);
}

static bool check_exec(const void *record, size_t n_behind)
{
	const struct event_exec *e = record;
	struct exec_parts parts;

	if (n_behind != (uint64_t)e->filename_len + e->interp_len + e->cwd_len + e->exe_len +
				e->args_len + e->env_len + task_ext_size(&e->head) +
				exe_ext_size(&e->head))
		return false;
	exec_parts(e, &parts);
	return has_no_nul(parts.filename) && has_no_nul(parts.interp) && is_walk(parts.cwd) &&
	       is_walk(parts.exe);
}

static bool check_process(const void *record, size_t n_behind)
{
	const struct event_process *e = record;
	struct exec_parts parts;

	if (n_behind != (uint64_t)e->cwd_len + e->exe_len + e->args_len + task_ext_size(&e->head) +
				exe_ext_size(&e->head))
		return false;
	process_parts(e, &parts);
	return is_walk(parts.cwd) && is_walk(parts.exe);
}

static bool check_fixed(const void *record, size_t n_behind)
{
	(void)record;
	return n_behind == 0;
}

static bool check_cgroup(const void *record, size_t n_behind)
{
	const struct event_cgroup_made *e = record;

	return n_behind == e->path_len && has_no_nul(cgroup_made_path(e));
}

static bool check_node(const void *record, size_t n_behind)
{
	const struct event_node *e = record;

	return n_behind == (size_t)e->name_len + e->address_len && has_no_nul(node_name(e)) &&
	       has_no_nul(node_address(e)) && memchr(e->boot_id, '\0', sizeof(e->boot_id));
}

static bool check_user(const void *record, size_t n_behind)
{
	const struct event_user *e = record;

	return n_behind == e->name_len && has_no_nul(user_name(e));
}

static bool is_container_id(const char id[CONTAINER_ID_LEN])
{
	return container_id_is_valid((struct str){ .p = id, .n = CONTAINER_ID_LEN });
}

static bool check_inner_user(const void *record, size_t n_behind)
{
	const struct event_inner_user *e = record;

	return n_behind == e->name_len && has_no_nul(inner_user_name(e)) &&
	       is_container_id(e->container);
}

static bool check_mark(const void *record, size_t n_behind)
{
	const struct event_mark *e = record;

	return n_behind == 0 &&
	       (e->mark == EVENT_MARK_PASS_BEGIN || e->mark == EVENT_MARK_PASS_END ||
		e->mark == EVENT_MARK_RING_BEGIN);
}

static bool check_gap(const void *record, size_t n_behind)
{
	const struct event_gap *e = record;

	return n_behind == 0 && e->since_ns <= e->until_ns &&
	       (e->reason == EVENT_GAP_NOT_RUNNING || e->reason == EVENT_GAP_PARTIAL ||
		e->reason == EVENT_GAP_UNREADABLE);
}

static bool check_image(const void *record, size_t n_behind)
{
	const struct event_image *e = record;

	return n_behind == (uint64_t)e->binary_len + e->cwd_len + e->interp_len + e->exe_len +
				   e->args_len + e->env_len + task_ext_size(&e->head) +
				   exe_ext_size(&e->head);
}

static bool check_state(const void *record, size_t n_behind)
{
	const struct event_state *e = record;

	return n_behind == (uint64_t)e->n_ended * sizeof(struct event_ended);
}

static bool check_transients(const void *record, size_t n_behind)
{
	const struct event_transients *e = record;

	return n_behind == (uint64_t)e->n_steps * sizeof(struct event_stream_step) +
				   (uint64_t)e->n_ended * sizeof(struct event_ended) &&
	       e->bytes % 8 == 0 && e->head.cpu == EVENT_CPU_AGENT;
}

static bool check_container(const void *record, size_t n_behind)
{
	const struct event_container *e = record;
	struct str texts = { .p = (const char *)(e + 1), .n = n_behind };
	size_t n = 0;

	for (size_t i = 0; i < EVENT_CONTAINER_TEXTS; i++)
		n += e->lens[i];
	for (size_t i = _CONTAINER_TEXT_MAX; i < EVENT_CONTAINER_TEXTS; i++)
		if (e->lens[i])
			return false;
	return n_behind == n && is_container_id(e->id) && has_no_nul(texts);
}

static const struct {
	size_t size; /* of the fixed structure */
	check_fn *check;
} types[] = {
	[EVENT_FORK] = { sizeof(struct event_fork), check_fork },
	[EVENT_EXEC] = { sizeof(struct event_exec), check_exec },
	[EVENT_EXIT] = { sizeof(struct event_exit), check_fixed },
	[EVENT_CGROUP] = { sizeof(struct event_cgroup_made), check_cgroup },
	[EVENT_PROCESS] = { sizeof(struct event_process), check_process },
	[EVENT_NODE] = { sizeof(struct event_node), check_node },
	[EVENT_CLOCK] = { sizeof(struct event_clock), check_fixed },
	[EVENT_USER] = { sizeof(struct event_user), check_user },
	[EVENT_MARK] = { sizeof(struct event_mark), check_mark },
	[EVENT_STREAM] = { sizeof(struct event_stream), check_fixed },
	[EVENT_GAP] = { sizeof(struct event_gap), check_gap },
	[EVENT_IMAGE] = { sizeof(struct event_image), check_image },
	[EVENT_STATE] = { sizeof(struct event_state), check_state },
	[EVENT_CONTAINER] = { sizeof(struct event_container), check_container },
	[EVENT_INNER_USER] = { sizeof(struct event_inner_user), check_inner_user },
	[EVENT_TRANSIENTS] = { sizeof(struct event_transients), check_transients },
};
_Static_assert(ARRAY_SIZE(types) == _EVENT_MAX, "every type has a check");

int record_check(const void *data, size_t size)
{
	const struct event_head *h = data;

	if (size < HEAD_STABLE_SIZE || size > EVENT_SIZE_MAX || h->size != size)
		return -EBADMSG;
	if (h->layout != EVENT_LAYOUT)
		return -EPROTO;
	if (size < sizeof(*h) || h->type == EVENT_INVALID || h->type >= _EVENT_MAX)
		return -EBADMSG;
	if (size < types[h->type].size || !types[h->type].check(data, size - types[h->type].size))
		return -EBADMSG;
	return 0;
}

size_t path_from_walk(struct str walk, bool cut, char *to, bool *ret_cut)
{
	const char *name = walk.p;
	char *at = to + walk.n;
	size_t n = walk.n;

	while (at > to) {
		size_t length = strlen(name);

		at -= length + 1;
		*at = '/';
		memcpy(at + 1, name, length);
		name += length + 1;
	}
	if (!n)
		to[n++] = '/';
	if (n > EVENT_PATH_MAX)
		memmove(to, to + n - EVENT_PATH_MAX, EVENT_PATH_MAX);
	*ret_cut = cut || n > EVENT_PATH_MAX;
	return n > EVENT_PATH_MAX ? EVENT_PATH_MAX : n;
}
