/* SPDX-License-Identifier: Apache-2.0 */
/* jansson reads value after value; between them there are only brackets, commas and colons. */
#include "enrich/kubernetes_items.h"

#include <errno.h>
#include <string.h>

#include "enrich/kubernetes_json.h"

/* What has not been read yet. */
static char peek(struct str *rest)
{
	while (rest->n && strchr(" \t\r\n", *rest->p) && *rest->p) {
		rest->p++;
		rest->n--;
	}
	return rest->n ? *rest->p : '\0';
}

static bool take(struct str *rest, char c)
{
	if (peek(rest) != c)
		return false;
	rest->p++;
	rest->n--;
	return true;
}

static json_t *take_value(struct str *rest)
{
	json_error_t error;
	json_t *value =
		json_loadb(rest->p, rest->n, JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY, &error);

	if (!value)
		return NULL;
	rest->p += error.position;
	rest->n -= (size_t)error.position;
	return value;
}

static int take_items(struct str *rest, kubernetes_item_fn *fn, void *ctx)
{
	int r = 0;

	if (!take(rest, '['))
		return -EBADMSG;
	if (take(rest, ']'))
		return 0;
	while (r == 0) {
		_cleanup_(json_unrefp) json_t *item = take_value(rest);

		if (!item)
			return -EBADMSG;
		r = fn(ctx, item);
		if (r == 0 && !take(rest, ','))
			return take(rest, ']') ? 0 : -EBADMSG;
	}
	return r;
}

static void copy(const json_t *object, const char *key, char *to, size_t size)
{
	const char *text = kubernetes_json_text(object, key);

	if (strlen(text) < size)
		memcpy(to, text, strlen(text) + 1);
}

static int take_member(struct str *rest, const char *key, kubernetes_item_fn *fn, void *ctx,
		       struct kubernetes_page *page)
{
	_cleanup_(json_unrefp) json_t *value = NULL;

	if (strcmp(key, "items") == 0 && peek(rest) == '[')
		return take_items(rest, fn, ctx);
	value = take_value(rest);
	if (!value)
		return -EBADMSG;
	if (strcmp(key, "metadata") == 0) {
		copy(value, "resourceVersion", page->version, sizeof(page->version));
		copy(value, "continue", page->next, sizeof(page->next));
	}
	return 0;
}

int kubernetes_items(struct str body, kubernetes_item_fn *fn, void *ctx,
		     struct kubernetes_page *ret)
{
	struct kubernetes_page page = { 0 };
	bool is_list = false;
	int r;

	if (!take(&body, '{'))
		return -EBADMSG;
	do {
		_cleanup_(json_unrefp) json_t *key = take_value(&body);

		if (!json_is_string(key) || !take(&body, ':'))
			return -EBADMSG;
		is_list |= strcmp(json_string_value(key), "items") == 0;
		r = take_member(&body, json_string_value(key), fn, ctx, &page);
		if (r < 0)
			return r;
	} while (take(&body, ','));
	if (!take(&body, '}') || !is_list)
		return -EBADMSG;
	*ret = page;
	return 0;
}
