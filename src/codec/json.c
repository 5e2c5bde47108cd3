/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON encoder. Which keys a record may have is settled when the schema is made: it holds them
 * in runs of keys that are made from the same: the image, its program, its parent, the call. What
 * was written of a run is kept and copied when it is wanted again: most of a record is. Reader
 * thread, one a schema.
 */
#include "codec/json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "codec/fragments.h"
#include "codec/json_keys.h"

#define TAG_NAME "__tag__:__hostname__"
#define TAG_ADDRESS "__tag__:__host_ip__"

/* Keys that stand side by side and are made from the same. */
struct run {
	enum field_scope scope;
	size_t first, n; /* in keys */
};

/*
 * What is kept as one: a run, or the tags, or all runs side by side that are the image's or its
 * program's.
 */
struct block {
	enum field_scope scope;
	bool is_tags;
	size_t first, n; /* in runs */
	/* FIELD_OF_CALL: where in calls begins what they come to, and ends where the next begins */
	size_t by_call[_CALL_MAX + 1];
};

struct json_schema {
	bool tag_name, tag_address;
	struct json_keys keys;
	struct run *runs;
	struct block *blocks;
	size_t n_runs, n_blocks;
	struct buf calls;	    /* what blocks come to that tell of the call alone */
	struct buf tags;	    /* of the node */
	uint64_t node_stamp;	    /* of the node that tags and fragments are of; 0: of none */
	struct fragments fragments; /* by block, or by n_blocks + run */
};

static void put_run(const struct json_schema *s, const struct run *run, const struct event *ev,
		    const struct field_view *view, struct buf *out)
{
	json_keys_put(&s->keys, run->first, run->n, ev, view, out);
}

static bool put_fragment(const struct json_schema *s, uint64_t stamp, size_t part, struct buf *out)
{
	struct str kept = fragments_lookup(&s->fragments, stamp, (uint32_t)part);

	if (!kept.p)
		return false;
	buf_put_str(out, kept);
	return true;
}

static void keep_fragment(struct json_schema *s, uint64_t stamp, size_t part, const struct buf *out,
			  size_t begin)
{
	if (!buf_failed(out))
		fragments_keep(&s->fragments, stamp, (uint32_t)part,
			       (struct str){ .p = out->data + begin, .n = out->len - begin });
}

/* A run that comes to the same as long as the stamp is the same. */
static void put_kept_run(struct json_schema *s, const struct run *run, uint64_t stamp,
			 const struct event *ev, const struct field_view *view, struct buf *out)
{
	size_t part = s->n_blocks + (size_t)(run - s->runs);
	size_t begin = out->len;

	if (put_fragment(s, stamp, part, out))
		return;
	put_run(s, run, ev, view, out);
	keep_fragment(s, stamp, part, out, begin);
}

static uint64_t program_stamp(const struct image *image)
{
	return image->program ? image->program->stamp : 0;
}

/*
 * A clone shows the program of its forker, and mostly goes on to its own: what is kept of it is the
 * program's. Other images have theirs to themselves.
 */
static void put_image(struct json_schema *s, const struct block *block, const struct event *ev,
		      const struct field_view *view, struct buf *out)
{
	const struct image *image = ev->image;
	bool is_clone = image->flags & IMAGE_NEVER_EXEC;
	size_t part = (size_t)(block - s->blocks), begin = out->len;

	if (put_fragment(s, image->stamp, part, out))
		return;
	for (size_t i = block->first; i < block->first + block->n; i++) {
		const struct run *run = &s->runs[i];

		if (is_clone && run->scope == FIELD_OF_PROGRAM)
			put_kept_run(s, run, program_stamp(image), ev, view, out);
		else
			put_run(s, run, ev, view, out);
	}
	if (ev->call != CALL_CLONE)
		keep_fragment(s, image->stamp, part, out, begin);
}

static void put_call(const struct json_schema *s, const struct block *block, enum call call,
		     struct buf *out)
{
	size_t begin = block->by_call[call], end = block->by_call[call + 1];

	buf_put(out, s->calls.data + begin, end - begin);
}

/* Nothing kept, nothing taken from what is kept. */
static void put_plain(const struct json_schema *s, const struct block *block,
		      const struct event *ev, const struct field_view *view, struct buf *out)
{
	if (block->is_tags)
		buf_put_str(out, buf_str(&s->tags));
	for (size_t i = 0; i < block->n; i++)
		put_run(s, &s->runs[block->first + i], ev, view, out);
}

static void put_block(struct json_schema *s, const struct block *block, const struct event *ev,
		      const struct field_view *view, struct buf *out)
{
	const struct run *run = &s->runs[block->first];
	const struct image *parent;

	switch (block->scope) {
	case FIELD_OF_IMAGE:
		put_image(s, block, ev, view, out);
		return;
	case FIELD_OF_PROGRAM:
		put_kept_run(s, run, program_stamp(ev->image), ev, view, out);
		return;
	case FIELD_OF_PARENT:
		parent = ev->image->parent;
		put_kept_run(s, run, parent ? parent->stamp : 0, ev, view, out);
		return;
	case FIELD_OF_CALL:
		if (ev->call != CALL_EXIT) {
			put_call(s, block, ev->call, out);
			return;
		}
		break;
	case FIELD_OF_NOTHING:
	case FIELD_OF_EVENT:
		break;
	}
	put_plain(s, block, ev, view, out);
}

static void put_tag(struct buf *out, const char *name, struct str value)
{
	buf_put_char(out, ',');
	json_put_text(out, str_from(name));
	buf_put_char(out, ':');
	json_put_text(out, value);
}

/* What was kept names another node, or this one by another name. */
static void change_node(struct json_schema *s, const struct node *node)
{
	fragments_clear(&s->fragments);
	buf_clear(&s->tags);
	if (s->tag_name)
		put_tag(&s->tags, TAG_NAME, node->name);
	if (s->tag_address)
		put_tag(&s->tags, TAG_ADDRESS, node->address);
	s->node_stamp = buf_failed(&s->tags) ? 0 : node->stamp;
}

/* Every key brings its comma; the first one's is where the object opens. */
static void close_object(struct buf *out, size_t begin)
{
	if (out->len == begin)
		buf_put_char(out, '{');
	else
		out->data[begin] = '{';
	buf_put_str(out, STR("}\n"));
}

void json_encode(struct json_schema *s, const struct event *ev, const struct field_view *view,
		 struct buf *out)
{
	size_t begin = out->len;

	buf_clear(view->scratch);
	if (!s->node_stamp || ev->node->stamp != s->node_stamp)
		change_node(s, ev->node);
	if (buf_failed(&s->tags))
		out->failed = true;
	for (size_t i = 0; i < s->n_blocks; i++) {
		if (ev->call == CALL_LOST)
			put_plain(s, &s->blocks[i], ev, view, out);
		else
			put_block(s, &s->blocks[i], ev, view, out);
	}
	close_object(out, begin);
}

/* The last key joins the run before it, or begins another. A constant goes with any. */
static void join_run(struct json_schema *s, enum field_scope scope, bool begins)
{
	struct run *run = s->n_runs ? &s->runs[s->n_runs - 1] : NULL;

	if (!run || begins ||
	    (scope != run->scope && scope != FIELD_OF_NOTHING && run->scope != FIELD_OF_NOTHING)) {
		run = &s->runs[s->n_runs++];
		*run = (struct run){ .scope = scope, .first = s->keys.n - 1 };
	}
	if (run->scope == FIELD_OF_NOTHING)
		run->scope = scope;
	run->n++;
}

static bool is_time(const struct shape_key *key)
{
	return key->field && key->field->type == FIELD_TIME;
}

/* Returns before which run the tags stand. */
static size_t fill_runs(struct json_schema *s, const struct shape *shape,
			const struct json_options *options)
{
	size_t tags_at = SIZE_MAX;

	for (size_t i = 0; i < shape->n; i++) {
		const struct shape_key *key = &shape->keys[i];
		bool begins = is_time(key) && tags_at == SIZE_MAX;
		size_t n = s->keys.n;
		enum field_scope scope = json_keys_add(&s->keys, key, options);

		if (begins)
			tags_at = s->n_runs;
		if (s->keys.n > n)
			join_run(s, scope, begins);
	}
	return tags_at < s->n_runs ? tags_at : s->n_runs;
}

static bool is_of_image(enum field_scope scope)
{
	return scope == FIELD_OF_IMAGE || scope == FIELD_OF_PROGRAM;
}

static void join_block(struct json_schema *s, size_t run)
{
	struct block *last = s->n_blocks ? &s->blocks[s->n_blocks - 1] : NULL;
	enum field_scope scope = s->runs[run].scope;

	if (last && is_of_image(last->scope) && is_of_image(scope)) {
		last->scope = FIELD_OF_IMAGE;
		last->n++;
		return;
	}
	s->blocks[s->n_blocks++] = (struct block){ .scope = scope, .first = run, .n = 1 };
}

static void fill_blocks(struct json_schema *s, size_t tags_at)
{
	for (size_t i = 0; i <= s->n_runs; i++) {
		if (i == tags_at)
			s->blocks[s->n_blocks++] = (struct block){ .is_tags = true };
		if (i < s->n_runs)
			join_block(s, i);
	}
}

/* What a block comes to that tells of the call alone: the event may be any of that call. */
static void fill_calls(struct json_schema *s, struct block *block)
{
	_cleanup_(buf_done) struct buf scratch = { 0 };
	const struct field_view view = { .scratch = &scratch };
	static const struct image image;

	for (enum call call = 0; call < _CALL_MAX; call++) {
		const struct event ev = { .call = call, .image = &image };

		block->by_call[call] = s->calls.len;
		if (call != CALL_EXIT && call != CALL_LOST)
			put_run(s, &s->runs[block->first], &ev, &view, &s->calls);
	}
	block->by_call[_CALL_MAX] = s->calls.len;
}

static int fill(struct json_schema *s, const struct shape *shape,
		const struct json_options *options)
{
	int r;

	fill_blocks(s, fill_runs(s, shape, options));
	r = json_keys_finish(&s->keys);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n_blocks; i++)
		if (s->blocks[i].scope == FIELD_OF_CALL)
			fill_calls(s, &s->blocks[i]);
	return buf_failed(&s->calls) ? -ENOMEM : 0;
}

int json_schema_new(const struct shape *shape, const struct json_options *options,
		    struct json_schema **ret)
{
	_cleanup_(json_schema_freep) struct json_schema *s = NULL;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->runs = calloc(shape->n + 1, sizeof(*s->runs));
	s->blocks = calloc(shape->n + 2, sizeof(*s->blocks));
	if (!s->runs || !s->blocks || json_keys_init(&s->keys, shape->n) < 0 ||
	    fragments_init(&s->fragments) < 0)
		return -ENOMEM;
	s->tag_name = options->tags && !shape_lookup(shape, TAG_NAME);
	s->tag_address = options->tags && !shape_lookup(shape, TAG_ADDRESS);
	if (fill(s, shape, options) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(s);
	return 0;
}

struct json_schema *json_schema_free(struct json_schema *s)
{
	if (!s)
		return NULL;
	json_keys_done(&s->keys);
	fragments_done(&s->fragments);
	buf_done(&s->calls);
	buf_done(&s->tags);
	free(s->runs);
	free(s->blocks);
	free(s);
	return NULL;
}
