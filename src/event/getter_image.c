/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a record says of its image and of the parent's. The values of a parent are the same as those
 * of an image; its keys are missing where there is none, and "" where only its identity is known.
 * Pure; any thread.
 */
#include "event/getter.h"

#include "base/base64.h"
#include "base/decimal.h"
#include "base/utf8.h"
#include "event/capability.h"
#include "event/environment.h"
#include "event/quote.h"

#define ANCESTORS_MAX 32

/*
 * Names the image, not the process: each exec counts on, and an id can be derived again at any
 * time.
 */
static uint64_t ktime(const struct image *i)
{
	return i->key.start_ns + i->key.exec_count;
}

static struct value exec_id(const struct image *i, const struct event *ev, struct buf *scratch)
{
	struct str node = ev->node->name;
	size_t n_max = node.n + 2 * (DECIMAL_ROOM + 1), n_plain;
	char *plain, *to;

	buf_clear(scratch);
	plain = buf_room(scratch, n_max + BASE64_SIZE(n_max));
	if (!plain)
		return value_safe(STR_EMPTY);
	memcpy(plain, node.p, node.n);
	to = plain + node.n;
	*to++ = ':';
	to = decimal_put_u64(to, ktime(i));
	*to++ = ':';
	to = decimal_put_u64(to, i->key.pid);
	n_plain = (size_t)(to - plain);
	to = plain + n_max;
	return value_safe((struct str){ .p = to, .n = base64_encode(plain, n_plain, to) });
}

static struct value uid(const struct image *i)
{
	return i->flags & IMAGE_STUB ? value_safe(STR_EMPTY) : value_u64(i->cred->euid);
}

static struct value uid_container(const struct image *i)
{
	uint32_t inner = cred_euid_inner(i->cred);

	return i->flags & IMAGE_STUB || inner == EVENT_UID_UNKNOWN ? value_safe(STR_EMPTY)
								   : value_u64(inner);
}

static struct value user(const struct image *i)
{
	return value_text(i->user ? i->user->name : STR_EMPTY);
}

static struct str text(const struct program *p, enum program_text which)
{
	return p ? program_text(p, which) : STR_EMPTY;
}

static struct value binary(const struct image *i)
{
	return value_text(text(i->program, PROGRAM_BINARY));
}

static struct value cwd(const struct image *i)
{
	return value_text(text(i->program, PROGRAM_CWD));
}

static bool is_cut(const struct program *p, const struct field_view *view)
{
	return p->flags & PROGRAM_ARGS_CUT || program_text(p, PROGRAM_ARGS).n > view->max_args;
}

/* argv as far as the view shows it. A cut may not leave half a character. */
static struct str args(const struct image *i, const struct field_view *view)
{
	const struct program *p = i->program;
	struct str shown;

	if (!p)
		return STR_EMPTY;
	shown = program_text(p, PROGRAM_ARGS);
	if (shown.n > view->max_args)
		shown.n = view->max_args;
	if (is_cut(p, view))
		shown.n = utf8_trim(shown.p, shown.n);
	return shown;
}

static struct value arguments(const struct image *i, const struct field_view *view)
{
	buf_clear(view->scratch);
	quote_arguments(view->scratch, args(i, view), 1);
	return value_text(buf_str(view->scratch));
}

/* The same value of the event's own image and of its parent's. */
#define OWN(name, expression)                                                          \
	struct value get_##name(const struct event *ev, const struct field_view *view) \
	{                                                                              \
		const struct image *i = ev->image;                                     \
                                                                                       \
		(void)view;                                                            \
		return expression;                                                     \
	}
#define PARENT(name, expression)                                                              \
	struct value get_parent_##name(const struct event *ev, const struct field_view *view) \
	{                                                                                     \
		const struct image *i = ev->image->parent;                                    \
                                                                                              \
		(void)view;                                                                   \
		return i ? expression : value_absent();                                       \
	}
#define BOTH(name, expression) OWN(name, expression) PARENT(name, expression)

BOTH(exec_id, exec_id(i, ev, view->scratch))
BOTH(pid, value_u64(i->key.pid))
BOTH(uid, uid(i))
BOTH(user, user(i))
BOTH(binary, binary(i))
BOTH(arguments, arguments(i, view))
BOTH(cwd, cwd(i))
PARENT(container_id, value_container_id(image_container(i)))
BOTH(ktime, value_u64(ktime(i)))
OWN(uid_container, uid_container(i))
OWN(cap_permitted, value_safe(capability_names(i->cred->permitted)))
OWN(cap_effective, value_safe(capability_names(i->cred->effective)))
OWN(cap_inheritable, value_safe(capability_names(i->cred->inheritable)))
OWN(arguments_truncated, value_true(i->program &&is_cut(i->program, view)))
OWN(cwd_truncated, value_true(i->program && i->program->flags & PROGRAM_CWD_CUT))
OWN(argv, ((struct value){ .kind = VALUE_ARGV, .text = args(i, view) }))
OWN(arguments_bytes, i->program ? value_u64(i->program->args_total) : value_safe(STR_EMPTY))

static uint64_t count_arguments(struct str list)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < list.n; i++)
		n += list.p[i] == '\0';
	return n + (list.n && list.p[list.n - 1] != '\0');
}

struct value get_argc(const struct event *ev, const struct field_view *view)
{
	const struct program *p = ev->image->program;

	(void)view;
	if (p && p->argc)
		return value_u64(p->argc);
	if (!p || p->flags & PROGRAM_ARGS_CUT)
		return value_safe(STR_EMPTY);
	return value_u64(count_arguments(program_text(p, PROGRAM_ARGS)));
}

/* As an argument list, so that it is quoted like one. */
static void put_ancestor(struct buf *out, const struct image *i)
{
	buf_put_u64(out, i->key.pid);
	buf_put_char(out, ':');
	buf_put_str(out, text(i->program, PROGRAM_BINARY));
	buf_put_char(out, '\0');
}

struct value get_ancestors(const struct event *ev, const struct field_view *view)
{
	struct buf *scratch = view->scratch;
	const struct image *i = ev->image->parent;
	size_t n_list, depth;

	if (!i)
		return value_absent();
	buf_clear(scratch);
	for (depth = 0; i && depth < ANCESTORS_MAX; depth++, i = i->parent)
		put_ancestor(scratch, i);
	/* With room for the worst case the buffer does not move while it is read and written. */
	n_list = scratch->len;
	if (!buf_room(scratch, 4 * n_list + 3 * ANCESTORS_MAX))
		return value_safe(STR_EMPTY);
	quote_arguments(scratch, (struct str){ .p = scratch->data, .n = n_list }, 0);
	return value_text((struct str){ .p = scratch->data + n_list, .n = scratch->len - n_list });
}

struct value get_environment(const struct event *ev, const struct field_view *view)
{
	struct str rest = text(ev->image->program, PROGRAM_ENV), variable;

	buf_clear(view->scratch);
	while (environment_next(&rest, &variable)) {
		if (!environment_is_named(variable, view->environment))
			continue;
		if (view->scratch->len)
			buf_put_char(view->scratch, ' ');
		quote_argument(view->scratch, variable);
	}
	return view->scratch->len ? value_text(buf_str(view->scratch)) : value_absent();
}
