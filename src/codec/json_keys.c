/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key is a text that was made beforehand, its comma and its opening quote included, and a getter.
 * There is room for key and value, whatever has to be escaped, before either is written: so most
 * keys are a few moves of bytes. Constant after json_keys_finish(); any thread.
 */
#include "codec/json_keys.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/decimal.h"
#include "base/json_text.h"

struct json_key {
	field_get_fn *get; /* NULL: fixed, whatever the event */
	struct str text;   /* ,"name":" */
	struct str fixed;  /* ,"name":"value" for a constant, or where the field is absent */
	bool quoted;	   /* the value stands in quotes, the first of which belongs to the text */
	uint32_t in;	   /* FIELD_IN_* */
};

static void put_list(struct buf *out, struct str args)
{
	const char *p = args.p, *end = args.p + args.n;

	buf_put_char(out, '[');
	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		size_t n = (size_t)((nul ? nul : end) - p);

		if (p > args.p)
			buf_put_char(out, ',');
		json_text_put(out, (struct str){ .p = p, .n = n });
		p += n + (nul != NULL);
	}
	buf_put_char(out, ']');
}

static void put_long(struct str text, const struct value *v, bool quoted, struct buf *out)
{
	buf_put_str(out, text);
	if (v->kind == VALUE_ARGV)
		put_list(out, v->text);
	else
		json_text_escape(out, v->text);
	if (quoted)
		buf_put_char(out, '"');
}

/* Room for a key's text, which is written, and for n bytes of its value; NULL: no memory. */
static inline char *begin_value(struct str text, size_t n, struct buf *out)
{
	char *to = buf_room(out, text.n + BUF_SLACK + n);

	if (!to)
		return NULL;
	/* Most are short: as many bytes each time are no call of a function. */
	memcpy(to, text.p, BUF_SLACK);
	if (text.n > BUF_SLACK)
		memcpy(to + BUF_SLACK, text.p + BUF_SLACK, text.n - BUF_SLACK);
	return to + text.n;
}

/* What was written up to `to`; there is room for its closing quote. */
static void end_value(const struct json_key *key, char *to, struct buf *out)
{
	*to = '"';
	out->len = (size_t)(to - out->data) + key->quoted;
}

static void put_key(const struct json_key *key, const struct value *v, struct buf *out)
{
	char *to;

	switch (v->kind) {
	case VALUE_U64:
	case VALUE_I64:
		to = begin_value(key->text, DECIMAL_ROOM, out);
		if (to)
			end_value(key,
				  v->kind == VALUE_U64 ? decimal_put_u64(to, v->u64)
						       : decimal_put_i64(to, v->i64),
				  out);
		return;
	case VALUE_TEXT:
		if (v->text.n > JSON_TEXT_SHORT)
			break;
		to = begin_value(key->text, JSON_TEXT_ROOM(v->text.n), out);
		if (to)
			end_value(key, json_text_escape_short(to, v->text), out);
		return;
	case VALUE_SAFE:
		to = begin_value(key->text, v->text.n, out);
		if (!to)
			return;
		memcpy(to, v->text.p, v->text.n);
		end_value(key, to + v->text.n, out);
		return;
	case VALUE_ABSENT:
		if (key->fixed.n)
			buf_put_slack(out, key->fixed.p, key->fixed.n);
		return;
	case VALUE_ARGV:
		break;
	}
	put_long(key->text, v, key->quoted, out);
}

void json_keys_put(const struct json_keys *k, size_t first, size_t n, const struct event *ev,
		   const struct field_view *view, struct buf *out)
{
	const struct json_key *key = k->keys + first, *end = key + n;
	uint32_t needs = field_in_call(ev->call);
	struct value v;

	for (; key < end; key++) {
		if (needs && !(key->in & needs))
			continue;
		if (!key->get) {
			buf_put_slack(out, key->fixed.p, key->fixed.n);
			continue;
		}
		v = key->get(ev, view);
		if (buf_failed(view->scratch))
			out->failed = true;
		put_key(key, &v, out);
	}
}

int json_keys_init(struct json_keys *k, size_t max)
{
	*k = (struct json_keys){ .keys = calloc(max + 1, sizeof(*k->keys)) };
	return k->keys ? 0 : -ENOMEM;
}

void json_keys_done(struct json_keys *k)
{
	free(k->keys);
	buf_done(&k->texts);
	*k = (struct json_keys){ 0 };
}

/* A piece of the texts, which still move: its place comes with json_keys_finish(). */
static struct str piece_from(const struct buf *texts, size_t begin)
{
	return (struct str){ .p = NULL, .n = texts->len - begin };
}

static struct str put_name(struct buf *texts, const char *name, bool quoted)
{
	size_t begin = texts->len;

	buf_put_char(texts, ',');
	json_text_put(texts, str_from(name));
	buf_put_char(texts, ':');
	if (quoted)
		buf_put_char(texts, '"');
	return piece_from(texts, begin);
}

static struct str put_pair(struct buf *texts, const char *name, struct str value)
{
	size_t begin = texts->len;

	put_name(texts, name, false);
	json_text_put(texts, value);
	return piece_from(texts, begin);
}

/* The value of a field that is the same in all records. */
static struct value constant_value(const struct field *field)
{
	static const struct event any;
	static const struct field_view anyhow;

	return field->get(&any, &anyhow);
}

static struct str put_fixed(struct buf *texts, const struct shape_key *from)
{
	struct value v = { .kind = VALUE_ABSENT };

	if (from->field && from->field->scope == FIELD_OF_NOTHING)
		v = constant_value(from->field);
	if (v.kind != VALUE_ABSENT)
		return put_pair(texts, from->name, v.text);
	if (from->text)
		return put_pair(texts, from->name, str_from(from->text));
	return (struct str){ .p = NULL, .n = 0 };
}

enum field_scope json_keys_add(struct json_keys *k, const struct shape_key *from,
			       const struct json_options *options)
{
	const struct field *field = from->field;
	enum field_scope scope = field ? field->scope : FIELD_OF_NOTHING;
	bool is_bare = field && (field->type == FIELD_LIST ||
				 (field->type == FIELD_TIME && !options->time_string));
	struct json_key *key = &k->keys[k->n];

	key->get = scope == FIELD_OF_NOTHING ? NULL : field->get;
	key->in = field ? field->in : FIELD_IN_LOST | FIELD_IN_CONTAINER;
	key->fixed = put_fixed(&k->texts, from);
	if (!key->get && !key->fixed.n)
		return scope;
	key->quoted = !is_bare;
	key->text = put_name(&k->texts, from->name, key->quoted);
	k->n++;
	return scope;
}

int json_keys_finish(struct json_keys *k)
{
	char *behind = buf_room(&k->texts, BUF_SLACK);
	const char *at;

	if (!behind)
		return -ENOMEM;
	memset(behind, 0, BUF_SLACK);
	at = k->texts.data;
	for (size_t i = 0; i < k->n; i++) {
		k->keys[i].fixed.p = at;
		k->keys[i].text.p = at + k->keys[i].fixed.n;
		at = k->keys[i].text.p + k->keys[i].text.n;
	}
	return 0;
}
