/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON encoder. Which keys a record may have is settled when the schema is made: it holds each
 * key as it is written, its comma and its opening quote included. A record is then a run of
 * appends, with one check of the room for each value. The schema is constant; any thread.
 */
#include "codec/json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/utf8.h"

#define CHUNK 4096	/* bytes of text whose worst case is reserved at once */
#define ESCAPED_MAX 6	/* bytes that one byte becomes, at most: \u00HH */
#define CHARACTER_MAX 4 /* bytes of a UTF-8 character: the last of a chunk may reach beyond it */
#define WORD sizeof(uint64_t)
#define TAG_NAME "__tag__:__hostname__"
#define TAG_ADDRESS "__tag__:__host_ip__"

struct json_key {
	field_get_fn *get; /* NULL: fixed, whatever the event */
	struct str text;   /* ,"name":" */
	struct str fixed;  /* ,"name":"value" for a constant, or where the field is absent */
	bool is_time;
	bool quoted; /* the value stands in quotes, the first of which belongs to the text */
};

struct json_schema {
	bool tag_name, tag_address;
	size_t n_keys;
	struct buf texts; /* of all keys, one behind the other */
	struct json_key keys[];
};

/* How each byte is written: 0 as it is; 'u' as \u00HH; 'x' where UTF-8 begins; else \ and this. */
static const char escapes[256] = {
	[0x00 ... 0x07] = 'u', ['\b'] = 'b',  ['\t'] = 't',	     ['\n'] = 'n',
	[0x0b] = 'u',	       ['\f'] = 'f',  ['\r'] = 'r',	     [0x0e ... 0x1f] = 'u',
	['"'] = '"',	       ['\\'] = '\\', [0x80 ... 0xff] = 'x',
};

#define ALL_BYTES(c) (UINT64_C(0x0101010101010101) * (c))

/*
 * Whether none of 8 bytes needs a look: no control, no ", no \, nothing above 0x7f. A byte is less
 * than n where subtracting n borrows into its top bit; borrows from below only make this say no too
 * often, never too seldom.
 */
static bool is_plain_word(uint64_t w)
{
	uint64_t quote = w ^ ALL_BYTES('"');
	uint64_t backslash = w ^ ALL_BYTES('\\');

	return !((w | (w - ALL_BYTES(0x20)) | (quote - ALL_BYTES(1)) | (backslash - ALL_BYTES(1))) &
		 ALL_BYTES(0x80));
}

static char *put_hex(char *to, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	*to++ = hex[c >> 4];
	*to++ = hex[c & 15];
	return to;
}

/* Writes the character at *p, of which n bytes are there, and moves *p behind it. */
static char *put_character(char *to, const char **p, size_t n)
{
	unsigned char c = (unsigned char)**p;
	char escape = escapes[c];
	size_t length = escape == 'x' ? utf8_length(*p, n) : 0;

	*p += length ? length : 1;
	if (length) {
		memcpy(to, *p - length, length);
		return to + length;
	}
	if (!escape) {
		*to++ = (char)c;
		return to;
	}
	*to++ = '\\';
	if (escape == 'u') {
		memcpy(to, "u00", 3);
		return put_hex(to + 3, c);
	}
	*to++ = escape == 'x' ? '\\' : escape;
	if (escape == 'x') {
		*to++ = 'x';
		return put_hex(to, c);
	}
	return to;
}

/* Writes what lies before `stop`; a character that begins there is written whole. */
static char *put_chunk(char *to, const char **p, const char *stop, const char *end)
{
	while (*p < stop) {
		const char *word_end = *p + WORD < stop ? *p + WORD : stop;
		uint64_t word;

		if (word_end - *p == WORD) {
			memcpy(&word, *p, WORD);
			if (is_plain_word(word)) {
				memcpy(to, &word, WORD);
				to += WORD;
				*p += WORD;
				continue;
			}
		}
		while (*p < word_end) {
			if (!escapes[(unsigned char)**p])
				*to++ = *(*p)++;
			else
				to = put_character(to, p, (size_t)(end - *p));
		}
	}
	return to;
}

static void put_escaped(struct buf *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end) {
		const char *stop = end - p > CHUNK ? p + CHUNK : end;
		char *to = buf_room(out, ((size_t)(stop - p) + CHARACTER_MAX) * ESCAPED_MAX);

		if (!to)
			return;
		buf_advance(out, (size_t)(put_chunk(to, &p, stop, end) - to));
	}
}

void json_put_text(struct buf *out, struct str s)
{
	buf_put_char(out, '"');
	put_escaped(out, s);
	buf_put_char(out, '"');
}

static void put_list(struct buf *out, struct str args)
{
	const char *p = args.p, *end = args.p + args.n;

	buf_put_char(out, '[');
	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		size_t n = (size_t)((nul ? nul : end) - p);

		if (p > args.p)
			buf_put_char(out, ',');
		json_put_text(out, (struct str){ .p = p, .n = n });
		p += n + (nul != NULL);
	}
	buf_put_char(out, ']');
}

static void put_value(struct buf *out, const struct value *v)
{
	switch (v->kind) {
	case VALUE_ABSENT:
		break;
	case VALUE_TEXT:
		put_escaped(out, v->text);
		break;
	case VALUE_SAFE:
		buf_put_str(out, v->text);
		break;
	case VALUE_U64:
		buf_put_u64(out, v->u64);
		break;
	case VALUE_I64:
		buf_put_i64(out, v->i64);
		break;
	case VALUE_ARGV:
		put_list(out, v->text);
		break;
	}
}

static void put_tags(const struct json_schema *s, struct buf *out, const struct node *node)
{
	if (s->tag_name) {
		buf_put_str(out, STR(",\"" TAG_NAME "\":"));
		json_put_text(out, node->name);
	}
	if (s->tag_address) {
		buf_put_str(out, STR(",\"" TAG_ADDRESS "\":"));
		json_put_text(out, node->address);
	}
}

static void put_key(const struct json_key *key, const struct event *ev,
		    const struct field_view *view, struct buf *out)
{
	struct value v = { .kind = VALUE_ABSENT };

	if (key->get)
		v = key->get(ev, view);
	if (v.kind == VALUE_ABSENT) {
		buf_put_str(out, key->fixed);
		return;
	}
	buf_put_str(out, key->text);
	put_value(out, &v);
	if (key->quoted)
		buf_put_char(out, '"');
	if (buf_failed(view->scratch))
		out->failed = true;
}

void json_encode(const struct json_schema *s, const struct event *ev, const struct field_view *view,
		 struct buf *out)
{
	bool tags = s->tag_name || s->tag_address;
	size_t begin = out->len;
	size_t i;

	buf_clear(view->scratch);
	for (i = 0; i < s->n_keys; i++) {
		if (tags && s->keys[i].is_time) {
			put_tags(s, out, ev->node);
			tags = false;
		}
		put_key(&s->keys[i], ev, view, out);
	}
	if (tags)
		put_tags(s, out, ev->node);
	/* Every key brings its comma; the first one's is where the object opens. */
	if (out->len == begin)
		buf_put_char(out, '{');
	else
		out->data[begin] = '{';
	buf_put_str(out, STR("}\n"));
}

/* Positions, until the buffer has stopped moving. */
static void put_key_texts(struct json_schema *s, const struct shape_key *from, struct json_key *key)
{
	struct buf *texts = &s->texts;
	size_t begin = texts->len;

	buf_put_char(texts, ',');
	json_put_text(texts, str_from(from->name));
	buf_put_char(texts, ':');
	if (key->quoted)
		buf_put_char(texts, '"');
	key->text.n = texts->len - begin;
	if (!from->text)
		return;
	begin = texts->len;
	buf_put_char(texts, ',');
	json_put_text(texts, str_from(from->name));
	buf_put_char(texts, ':');
	json_put_text(texts, str_from(from->text));
	key->fixed.n = texts->len - begin;
}

static void fill_key(struct json_schema *s, const struct shape_key *from,
		     const struct json_options *options)
{
	struct json_key *key = &s->keys[s->n_keys++];
	const struct field *field = from->field;

	key->get = field ? field->get : NULL;
	key->is_time = field && field->type == FIELD_TIME;
	key->quoted = field && field->type != FIELD_LIST && (!key->is_time || options->time_string);
	put_key_texts(s, from, key);
}

static void point_keys(struct json_schema *s)
{
	const char *text = s->texts.data;

	for (size_t i = 0; i < s->n_keys; i++) {
		s->keys[i].text.p = text;
		text += s->keys[i].text.n;
		s->keys[i].fixed.p = text;
		text += s->keys[i].fixed.n;
	}
}

int json_schema_new(const struct shape *shape, const struct json_options *options,
		    struct json_schema **ret)
{
	_cleanup_(json_schema_freep) struct json_schema *s = NULL;

	s = calloc(1, sizeof(*s) + shape->n * sizeof(s->keys[0]));
	if (!s)
		return -ENOMEM;
	s->tag_name = options->tags && !shape_lookup(shape, TAG_NAME);
	s->tag_address = options->tags && !shape_lookup(shape, TAG_ADDRESS);
	for (size_t i = 0; i < shape->n; i++)
		fill_key(s, &shape->keys[i], options);
	if (buf_failed(&s->texts))
		return -ENOMEM;
	point_keys(s);
	*ret = TAKE_PTR(s);
	return 0;
}

struct json_schema *json_schema_free(struct json_schema *s)
{
	if (s) {
		buf_done(&s->texts);
		free(s);
	}
	return NULL;
}
