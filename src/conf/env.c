/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables of the environment in values. They are put in after parsing, so what a variable holds
 * stays one text, whatever characters are in it. Pure but for getenv().
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "conf/node.h"

#define PATH_SIZE 256

struct expander {
	char path[PATH_SIZE]; /* of the value at hand */
	size_t n_bytes;	      /* of the variables put in so far */
	struct diag *reterr;
};

#define finding(x, node, ...) diag_error((x)->reterr, (node)->at, (x)->path, __VA_ARGS__)

/* What stands between ${ and }. */
struct reference {
	struct str name;
	struct str fallback;
	bool has_fallback;
};

static size_t name_length(const char *p)
{
	size_t n = 0;

	if (isdigit((unsigned char)*p))
		return 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

/* `p` is behind the ${. Returns what is behind the }, or NULL when it is no reference. */
static const char *parse_reference(const char *p, struct reference *ret)
{
	const char *end = strchr(p, '}');
	struct reference ref = { .name = { .p = p, .n = name_length(p) } };

	if (!end || !ref.name.n)
		return NULL;
	p += ref.name.n;
	if (strncmp(p, ":-", 2) == 0) {
		p += 2;
		ref.has_fallback = true;
		ref.fallback = (struct str){ .p = p, .n = (size_t)(end - p) };
		p = end;
	}
	if (p != end)
		return NULL;
	*ret = ref;
	return end + 1;
}

static bool is_utf8(const char *text)
{
	for (size_t n = strlen(text); n;) {
		size_t length = utf8_length(text, n);

		if (!length)
			return false;
		text += length;
		n -= length;
	}
	return true;
}

/* As in a shell: an empty variable is as good as none where there is a default. */
static int lookup(struct expander *x, const struct conf_node *node, const struct reference *ref,
		  struct str *ret)
{
	_cleanup_(freep) char *name = NULL;
	const char *value;

	name = strndup(ref->name.p, ref->name.n);
	if (!name)
		return -ENOMEM;
	value = getenv(name);
	if (ref->has_fallback && (!value || !*value)) {
		*ret = ref->fallback;
		return 0;
	}
	if (!value)
		return finding(
			x, node,
			"the environment variable '%s' is not set; set it, or write ${%s:-DEFAULT}",
			name, name);
	*ret = str_from(value);
	if (ret->n > CONF_TEXT_MAX - x->n_bytes)
		return finding(x, node, "too large: variables may put in at most %d bytes",
			       CONF_TEXT_MAX);
	x->n_bytes += ret->n; /* before it is looked through: the work is bounded, too */
	if (!is_utf8(value))
		return finding(x, node, "the environment variable '%s' is not valid UTF-8", name);
	return 0;
}

/*
 * Everything up to the next reference, with each $${ as ${. Returns where the reference begins, or
 * the end.
 */
static const char *put_literal(struct buf *out, const char *p)
{
	while (*p && strncmp(p, "${", 2) != 0) {
		bool is_escape = strncmp(p, "$${", 3) == 0;

		buf_put(out, p + is_escape, is_escape ? 2 : 1);
		p += is_escape ? 3 : 1;
	}
	return p;
}

static int expand_text(struct expander *x, const struct conf_node *node, struct buf *out)
{
	const char *p = put_literal(out, node->text);

	while (*p) {
		struct reference ref;
		struct str value = STR_EMPTY;
		int r;

		p = parse_reference(p + 2, &ref);
		if (!p)
			return finding(
				x, node,
				"expected ${NAME} or ${NAME:-DEFAULT}; a ${ that is meant so is written $${");
		r = lookup(x, node, &ref, &value);
		if (r < 0)
			return r;
		buf_put_str(out, value);
		p = put_literal(out, p);
	}
	buf_put_char(out, '\0');
	return buf_failed(out) ? -ENOMEM : 0;
}

static int expand_scalar(struct expander *x, struct conf_node *node)
{
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(freep) char *text = NULL;
	int r;

	if (!strstr(node->text, "${"))
		return 0;
	r = expand_text(x, node, &out);
	if (r < 0)
		return r;
	text = strdup(out.data);
	if (!text)
		return -ENOMEM;
	*node = (struct conf_node){ .kind = CONF_SCALAR,
				    .at = node->at,
				    .text = TAKE(text, node->text) };
	return 0;
}

/* "inputs[0].CallNames" and an index, or a key, behind it. Returns where it ended before. */
static size_t descend(struct expander *x, const struct conf_node *node, size_t i)
{
	size_t n = strlen(x->path);

	if (node->kind == CONF_LIST)
		snprintf(x->path + n, PATH_SIZE - n, "[%zu]", i);
	else
		snprintf(x->path + n, PATH_SIZE - n, "%s%s", n ? "." : "", node->keys[i]->text);
	return n;
}

static int expand(struct expander *x, struct conf_node *node)
{
	int r = 0;

	if (node->kind == CONF_SCALAR) {
		r = expand_scalar(x, node);
		node->is_ignored = r < 0;
	}
	for (size_t i = 0; i < node->n && r != -ENOMEM; i++) {
		size_t n = descend(x, node, i);

		r = expand(x, node->items[i]);
		x->path[n] = '\0';
	}
	return r;
}

int conf_expand_env(struct conf_node *root, struct diag *reterr)
{
	struct expander x = { .reterr = reterr };
	size_t n_errors = reterr->n_errors;

	if (expand(&x, root) == -ENOMEM)
		return -ENOMEM;
	return reterr->n_errors > n_errors ? -EINVAL : 0;
}
