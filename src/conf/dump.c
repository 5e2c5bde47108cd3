/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a structure back to YAML that our own parser reads to the same structure. Text is plain
 * where that is safe and in double quotes elsewhere; a ${ in it is written $${. Pure.
 */
#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "conf/option.h"
#include "conf/scalar.h"

#define MASK "***"

/*
 * Letters, digits and signs that mean nothing to YAML where they stand. Numbers and words are fine:
 * all scalars are text.
 */
static bool is_plain_safe(const char *text)
{
	static const char *const nothing[] = { "null", "~", "<<", "=" };

	if (!*text || strchr("~=<", *text) ||
	    (strchr("-.", *text) && !isdigit((unsigned char)text[1])))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(nothing); i++)
		if (strcasecmp(text, nothing[i]) == 0)
			return false;
	return strspn(text,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+") ==
	       strlen(text);
}

/* What YAML does not take as it is, or takes as the end of a line; C1 controls aside. */
static const struct {
	const char *bytes, *escape;
} escapes[] = {
	{ "\"", "\\\"" },
	{ "\\", "\\\\" },
	{ "\n", "\\n" },
	{ "\xe2\x80\xa8", "\\u2028" },
	{ "\xe2\x80\xa9", "\\u2029" },
	{ "\xef\xbb\xbf", "\\ufeff" },
	{ "\xef\xbf\xbe", "\\ufffe" },
	{ "\xef\xbf\xbf", "\\uffff" },
	{ "${", "$${" },
};

static const char *escape_of(const char *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
		if (strncmp(p, escapes[i].bytes, strlen(escapes[i].bytes)) == 0)
			return escapes[i].escape;
	return NULL;
}

/* Returns what is behind the first character. */
static const char *put_char(struct buf *out, const char *p)
{
	size_t n = utf8_length(p, strlen(p));
	const char *escape = escape_of(p);
	unsigned char first = (unsigned char)p[0], last = n == 2 ? (unsigned char)p[1] : first;

	if (escape)
		buf_put_str(out, str_from(escape));
	else if (last < 0x20 || last == 0x7f || (first == 0xc2 && last < 0xa0))
		buf_printf(out, "\\x%02x", last);
	else
		buf_put(out, p, n);
	if (*p == '$' && escape)
		return p + 2;
	return p + (n ? n : 1); /* texts are valid UTF-8: the parser has seen to it */
}

static void put_quoted(struct buf *out, const char *text)
{
	buf_put_char(out, '"');
	while (*text)
		text = put_char(out, text);
	buf_put_char(out, '"');
}

void conf_put_scalar(struct buf *out, const char *text)
{
	if (is_plain_safe(text))
		buf_put_str(out, str_from(text));
	else
		put_quoted(out, text);
}

/* Whoever reads the tree can tell null from "null" and 3 from "3": so can who reads this. */
static void put_node_scalar(struct buf *out, const struct conf_node *node)
{
	bool is_null = !*node->text || strcmp(node->text, "null") == 0 ||
		       strcmp(node->text, "~") == 0;

	if (!node->is_plain)
		put_quoted(out, node->text);
	else if (is_null)
		buf_put_str(out, STR("null"));
	else
		conf_put_scalar(out, node->text);
}

/* Variables are not put into keys, so a ${ there is what it is. */
static void put_key(struct buf *out, const char *key)
{
	const char *p;

	if (is_plain_safe(key) || !strstr(key, "${")) {
		conf_put_scalar(out, key);
		return;
	}
	buf_put_char(out, '"');
	for (p = key; *p;) {
		bool is_dollar = *p == '$';

		if (is_dollar)
			buf_put_char(out, *p++);
		else
			p = put_char(out, p);
	}
	buf_put_char(out, '"');
}

void conf_put_flow(struct buf *out, const struct conf_node *node)
{
	if (node->kind == CONF_SCALAR) {
		put_node_scalar(out, node);
		return;
	}
	buf_put_char(out, node->kind == CONF_MAP ? '{' : '[');
	for (size_t i = 0; i < node->n; i++) {
		if (i)
			buf_put_str(out, STR(", "));
		if (node->kind == CONF_MAP) {
			put_key(out, node->keys[i]->text);
			buf_put_str(out, STR(": "));
		}
		conf_put_flow(out, node->items[i]);
	}
	buf_put_char(out, node->kind == CONF_MAP ? '}' : ']');
}

static void put_list(struct buf *out, const struct string_list *list)
{
	buf_put_char(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			buf_put_str(out, STR(", "));
		conf_put_scalar(out, list->items[i]);
	}
	buf_put_char(out, ']');
}

static void put_value(struct buf *out, const struct option *o, const void *from)
{
	char text[SCALAR_FORMAT_MAX];

	switch (o->type) {
	case OPTION_BOOL:
		buf_put_str(out, *(const bool *)from ? STR("true") : STR("false"));
		break;
	case OPTION_INT:
		buf_put_i64(out, *(const int64_t *)from);
		break;
	case OPTION_SIZE:
		buf_put_str(out, str_from(scalar_format_size(*(const uint64_t *)from, text)));
		break;
	case OPTION_DURATION:
		buf_put_str(out, str_from(scalar_format_duration(*(const uint64_t *)from, text)));
		break;
	case OPTION_STRING:
		conf_put_scalar(out, *(char *const *)from);
		break;
	case OPTION_ENUM:
		conf_put_scalar(out, o->names[*(const int *)from]);
		break;
	case OPTION_STRINGS:
	case OPTION_CHECKED:
		put_list(out, from);
		break;
	case OPTION_NODE:
		conf_put_flow(out, *(const struct conf_node *const *)from);
		break;
	case OPTION_END:
		break;
	}
}

static bool has_value(const struct option *o, const void *from)
{
	if (o->type == OPTION_STRING)
		return *(char *const *)from;
	if (o->type == OPTION_NODE)
		return *(const struct conf_node *const *)from;
	return true;
}

void options_dump(const struct option *options, const void *conf, unsigned int indent,
		  enum option_secrets secrets, struct buf *out)
{
	for (const struct option *o = options; o->type != OPTION_END; o++) {
		const void *from = (const char *)conf + o->offset;

		if (!has_value(o, from))
			continue;
		buf_printf(out, "%*s%s: ", (int)indent, "", o->name);
		if (o->secret && secrets == OPTION_SECRETS_MASKED)
			buf_put_str(out, STR("\"" MASK "\""));
		else
			put_value(out, o, from);
		buf_put_char(out, '\n');
	}
}
