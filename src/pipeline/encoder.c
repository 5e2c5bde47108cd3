/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_EVENTS 256		/* of a stride; more are encoded by each for itself */
#define KEPT_BYTES (512 * 1024) /* the same */

/* Event i of the stride, in texts; n is 0: it was not encoded yet. */
struct kept {
	size_t begin, n;
};

struct encoder {
	size_t refs;
	struct json_schema *schema;
	struct buf key; /* all that the schema and the view are made from */
	uint64_t stride_id;
	struct kept *kept; /* KEPT_EVENTS of them; NULL while nobody shares it */
	struct buf texts;
};

static void put_text(struct buf *key, const char *text)
{
	if (text)
		buf_put(key, text, strlen(text));
	buf_put(key, text ? "\0t" : "\0n", 2);
}

/* Two keys are equal when all that stands in them is. */
static int make_key(const struct shape *shape, const struct encoding *encoding,
		    const struct demand *demand, struct buf *key)
{
	const struct string_list *names = demand->environment;

	for (size_t i = 0; i < shape->n; i++) {
		buf_put(key, &shape->keys[i].field, sizeof(shape->keys[i].field));
		put_text(key, shape->keys[i].name);
		put_text(key, shape->keys[i].text);
	}
	buf_put_char(key, encoding->time_string ? 's' : 'i');
	buf_put_char(key, encoding->tags ? 't' : '-');
	buf_put_u64(key, demand->max_args);
	for (size_t i = 0; names && i < names->n; i++)
		put_text(key, names->items[i]);
	return buf_failed(key) ? -ENOMEM : 0;
}

int encoder_new(const struct shape *shape, const struct encoding *encoding,
		const struct demand *demand, struct encoder **ret)
{
	const struct json_options options = { .time_string = encoding->time_string,
					      .tags = encoding->tags };
	_cleanup_(encoder_unrefp) struct encoder *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->refs = 1;
	r = make_key(shape, encoding, demand, &e->key);
	if (r == 0)
		r = json_schema_new(shape, &options, &e->schema);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(e);
	return 0;
}

struct encoder *encoder_ref(struct encoder *e)
{
	e->refs++;
	return e;
}

struct encoder *encoder_unref(struct encoder *e)
{
	if (!e || --e->refs)
		return NULL;
	json_schema_free(e->schema);
	buf_done(&e->key);
	buf_done(&e->texts);
	free(e->kept);
	free(e);
	return NULL;
}

bool encoder_is_same(const struct encoder *a, const struct encoder *b)
{
	return a->key.len == b->key.len && memcmp(a->key.data, b->key.data, a->key.len) == 0;
}

static void begin_stride(struct encoder *e, uint64_t stride_id)
{
	if (!e->kept)
		e->kept = calloc(KEPT_EVENTS, sizeof(*e->kept));
	else
		memset(e->kept, 0, KEPT_EVENTS * sizeof(*e->kept));
	buf_clear(&e->texts);
	e->stride_id = stride_id;
}

/* Its place, if there is one to keep it in. */
static struct kept *lookup(struct encoder *e, uint64_t stride_id, size_t i)
{
	if (e->refs == 1 || !stride_id || i >= KEPT_EVENTS)
		return NULL;
	if (e->stride_id != stride_id)
		begin_stride(e, stride_id);
	return e->kept ? &e->kept[i] : NULL;
}

void encoder_put(struct encoder *e, uint64_t stride_id, size_t i, const struct event *ev,
		 const struct field_view *view, struct buf *out)
{
	struct kept *kept = lookup(e, stride_id, i);
	size_t begin = out->len;

	if (kept && kept->n) {
		buf_put(out, e->texts.data + kept->begin, kept->n);
		return;
	}
	json_encode(e->schema, ev, view, out);
	if (!kept || buf_failed(out) || buf_failed(view->scratch) ||
	    out->len - begin > KEPT_BYTES - e->texts.len)
		return;
	kept->begin = e->texts.len;
	buf_put(&e->texts, out->data + begin, out->len - begin);
	if (!buf_failed(&e->texts))
		kept->n = out->len - begin;
}

const struct json_counters *encoder_counters(const struct encoder *e)
{
	return json_counters(e->schema);
}
