/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sheets that are not shown any more are used again, the same one first, so that steady work
 * takes no memory and finds it in the cache; what a burst took is given back by whoever shows it
 * last.
 */
#include "pipeline/encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_EVENTS 256		  /* of a stride; more are encoded by each for itself */
#define SHEETS 4		  /* one is filled, and others are on their way to flushers */
#define FIRST_BYTES (320 * 1024)  /* of most batches all: what is not written to takes no memory */
#define SPARE_BYTES (1024 * 1024) /* a sheet that a huge record made larger is not used again */

struct place {
	struct sheet *sheet; /* NULL: none was there yet */
	uint64_t number;     /* another one each time that it is begun anew */
};

/* Event i of the stride, where it is. */
struct kept {
	uint64_t number; /* the sheet's; 0: it was not encoded yet */
	size_t begin, n;
	struct place *place;
};

struct encoder {
	size_t refs;
	struct json_schema *schema;
	struct buf key; /* all that the schema and the view are made from */
	uint64_t stride_id;
	struct kept *kept;		  /* KEPT_EVENTS of them; NULL while nobody shares it */
	struct place places[SHEETS], *at; /* which of them is written to; NULL: none is */
	uint64_t n_begun;
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
	for (size_t i = 0; i < SHEETS; i++)
		sheet_unref(e->places[i].sheet);
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
	e->stride_id = stride_id;
}

/* Its place, if there is one to keep it in. */
static struct kept *lookup(struct encoder *e, uint64_t stride_id, size_t i)
{
	if (e->refs == 1 || i >= KEPT_EVENTS)
		return NULL;
	if (e->stride_id != stride_id)
		begin_stride(e, stride_id);
	return e->kept ? &e->kept[i] : NULL;
}

/* What nobody shows any more; otherwise the one that was begun first, which its chunks keep. */
static struct place *find_place(struct encoder *e)
{
	struct place *oldest = e->places;

	for (size_t i = 0; i < SHEETS; i++) {
		struct place *p = &e->places[i];

		if (!p->sheet || sheet_is_own(p->sheet))
			return p;
		if (p->number < oldest->number)
			oldest = p;
	}
	return oldest;
}

static struct place *begin_sheet(struct encoder *e)
{
	struct place *p = find_place(e);

	if (p->sheet && (!sheet_is_own(p->sheet) || p->sheet->bytes.cap > SPARE_BYTES))
		p->sheet = sheet_unref(p->sheet);
	if (!p->sheet)
		p->sheet = sheet_new();
	if (!p->sheet)
		return NULL;
	p->number = ++e->n_begun;
	/* Without the memory there is less, and the first record asks again. */
	(void)buf_grow(&p->sheet->bytes, FIRST_BYTES);
	buf_clear(&p->sheet->bytes);
	return p;
}

/* At the end of the sheet, or nothing. */
static bool encode(struct encoder *e, const struct event *ev, const struct field_view *view,
		   struct text *ret)
{
	struct buf *out;

	if (!e->at)
		e->at = begin_sheet(e);
	if (!e->at)
		return false;
	out = &e->at->sheet->bytes;
	*ret = (struct text){ .sheet = e->at->sheet, .begin = out->len };
	json_encode(e->schema, ev, view, out);
	ret->n = out->len - ret->begin;
	if (!buf_failed(out) && !buf_failed(view->scratch))
		return true;
	buf_clear(out);
	out->len = ret->begin;
	return false;
}

bool encoder_take(struct encoder *e, uint64_t stride_id, size_t i, const struct event *ev,
		  const struct field_view *view, struct text *ret)
{
	struct kept *kept = lookup(e, stride_id, i);

	if (kept && kept->number && kept->number == kept->place->number) {
		*ret = (struct text){ kept->place->sheet, kept->begin, kept->n };
		return true;
	}
	if (!encode(e, ev, view, ret))
		return false;
	if (kept)
		*kept = (struct kept){
			.number = e->at->number, .begin = ret->begin, .n = ret->n, .place = e->at
		};
	return true;
}

void encoder_turn(struct encoder *e)
{
	e->at = NULL;
}

void encoder_put(struct encoder *e, const struct event *ev, const struct field_view *view,
		 struct buf *out)
{
	json_encode(e->schema, ev, view, out);
}

const struct json_counters *encoder_counters(const struct encoder *e)
{
	return json_counters(e->schema);
}
