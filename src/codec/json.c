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
#include "base/json_text.h"
#include "codec/fragments.h"
#include "codec/json_keys.h"

#define TAG_NAME "__tag__:__hostname__"
#define TAG_ADDRESS "__tag__:__host_ip__"

/* Keys that stand side by side and are made from the same. */
struct run {
	enum field_scope scope;
	uint32_t part;		     /* names its fragments */
	size_t first, n;	     /* in keys */
	size_t exit_begin, exit_end; /* FIELD_OF_CALL: in calls, what it comes to in an exit */
};

/*
 * What is kept as one: a run, or the tags, or all runs side by side that are the image's, its
 * owner's or its program's, or all that are of the call or of the exit.
 */
struct block {
	enum field_scope scope;
	bool is_tags;
	uint32_t part;	 /* names its fragments */
	size_t first, n; /* in runs */
	/* FIELD_OF_CALL: in calls begins what they come to, and ends where the next begins */
	size_t by_call[_CALL_MAX + 1];
};

struct json_schema {
	bool tag_name, tag_address;
	struct json_keys keys;
	struct run *runs;
	struct block *blocks;
	size_t n_runs, n_blocks;
	uint32_t n_parts;
	struct buf calls;    /* what blocks and runs come to that tell of the call alone */
	struct buf tags;     /* of the node */
	uint64_t node_stamp; /* of the node that tags and fragments are of; 0: of none */
	struct fragments fragments;
	struct json_counters counters;
};

/* A record that is being written. */
struct record {
	struct json_schema *schema;
	/*
	 * By scope: as long as it is the same, what fields of this scope come to is. 0: it may be
	 * anything.
	 */
	uint64_t stamps[FIELD_SCOPES];
	const struct event *ev;
	const struct field_view *view;
	struct buf *out;
};

static bool has_owner_of(const struct image *image, const struct image *other)
{
	return image->cred == other->cred && image->user == other->user &&
	       image->cgroup == other->cgroup && !((image->flags ^ other->flags) & IMAGE_STUB);
}

static void set_stamps(uint64_t stamps[FIELD_SCOPES], const struct event *ev)
{
	const struct image *image = ev->image, *parent = image->parent;
	const struct container *container = image_container(image);

	stamps[FIELD_OF_IMAGE] = image->stamp;
	/* Mostly there are brothers and sisters who have the same. */
	stamps[FIELD_OF_OWNER] = parent && has_owner_of(image, parent) ? parent->stamp
								       : image->stamp;
	stamps[FIELD_OF_PROGRAM] = image->program ? image->program->stamp : 0;
	stamps[FIELD_OF_PARENT] = parent ? parent->stamp : 0;
	stamps[FIELD_OF_SECOND] = (uint64_t)event_second(ev);
	stamps[FIELD_OF_CONTAINER] = container ? container->stamp : 0;
}

static void put_run(const struct record *r, const struct run *run)
{
	json_keys_put(&r->schema->keys, run->first, run->n, r->ev, r->view, r->out);
}

static inline bool put_fragment(const struct record *r, uint64_t stamp, uint32_t part)
{
	struct str kept = fragments_lookup(&r->schema->fragments, stamp, part);

	if (!kept.p) {
		r->schema->counters.made++;
		return false;
	}
	r->schema->counters.copied++;
	buf_put_slack(r->out, kept.p, kept.n);
	return true;
}

static void keep_fragment(const struct record *r, uint64_t stamp, uint32_t part, size_t begin)
{
	const struct buf *out = r->out;

	if (!buf_failed(out))
		fragments_keep(&r->schema->fragments, stamp, part,
			       (struct str){ .p = out->data + begin, .n = out->len - begin });
}

static void make_run(const struct record *r, const struct run *run)
{
	size_t begin = r->out->len;

	put_run(r, run);
	keep_fragment(r, r->stamps[run->scope], run->part, begin);
}

static inline void put_kept_run(const struct record *r, const struct run *run)
{
	if (!put_fragment(r, r->stamps[run->scope], run->part))
		make_run(r, run);
}

/*
 * A clone shows the program of its forker, and mostly goes on to its own: what is kept of it is the
 * program's. Other images have theirs to themselves.
 */
static void make_image(const struct record *r, const struct block *block)
{
	const struct image *image = r->ev->image;
	const struct run *run = &r->schema->runs[block->first], *end = run + block->n;
	size_t begin = r->out->len;

	for (; run < end; run++) {
		if (run->scope == FIELD_OF_OWNER ||
		    (run->scope == FIELD_OF_PROGRAM && image->flags & IMAGE_NEVER_EXEC))
			put_kept_run(r, run);
		else
			put_run(r, run);
	}
	if (r->ev->call != CALL_CLONE)
		keep_fragment(r, image->stamp, block->part, begin);
}

static void put_image(const struct record *r, const struct block *block)
{
	if (!put_fragment(r, r->ev->image->stamp, block->part))
		make_image(r, block);
}

static inline void put_made(const struct record *r, size_t begin, size_t end)
{
	buf_put_slack(r->out, r->schema->calls.data + begin, end - begin);
}

static void put_call(const struct record *r, const struct block *block)
{
	const struct run *run = &r->schema->runs[block->first], *end = run + block->n;
	enum call call = r->ev->call;

	if (call != CALL_EXIT) {
		put_made(r, block->by_call[call], block->by_call[call + 1]);
		return;
	}
	for (; run < end; run++) {
		if (run->scope == FIELD_OF_CALL)
			put_made(r, run->exit_begin, run->exit_end);
		else
			put_run(r, run);
	}
}

/* Nothing kept, nothing taken from what is kept. */
static void put_plain(const struct record *r, const struct block *block)
{
	if (block->is_tags)
		buf_put_str(r->out, buf_str(&r->schema->tags));
	for (size_t i = 0; i < block->n; i++)
		put_run(r, &r->schema->runs[block->first + i]);
}

static void put_block(const struct record *r, const struct block *block)
{
	switch (block->scope) {
	case FIELD_OF_IMAGE:
		put_image(r, block);
		return;
	case FIELD_OF_CALL:
		put_call(r, block);
		return;
	case FIELD_OF_CONTAINER:
		if (!image_container(r->ev->image))
			return; /* it has none of these keys, whatever constants stand among them */
		put_kept_run(r, &r->schema->runs[block->first]);
		return;
	case FIELD_OF_OWNER:
	case FIELD_OF_PROGRAM:
	case FIELD_OF_PARENT:
	case FIELD_OF_SECOND:
		put_kept_run(r, &r->schema->runs[block->first]);
		return;
	case FIELD_OF_NOTHING:
	case FIELD_OF_EVENT:
	case FIELD_OF_EXIT:
		put_plain(r, block);
		return;
	}
}

static void put_tag(struct buf *out, const char *name, struct str value)
{
	buf_put_char(out, ',');
	json_text_put(out, str_from(name));
	buf_put_char(out, ':');
	json_text_put(out, value);
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
	const struct block *block = s->blocks, *end = block + s->n_blocks;
	struct record r = { .schema = s, .ev = ev, .view = view, .out = out };
	size_t begin = out->len;

	buf_clear(view->scratch);
	if (!s->node_stamp || ev->node->stamp != s->node_stamp)
		change_node(s, ev->node);
	if (buf_failed(&s->tags))
		out->failed = true;
	if (call_has_image(ev->call)) {
		set_stamps(r.stamps, ev);
		for (; block < end; block++)
			put_block(&r, block);
	}
	for (; block < end; block++)
		put_plain(&r, block);
	close_object(out, begin);
}

/* The last key joins the run before it, or begins another. A constant goes with any. */
static void join_run(struct json_schema *s, enum field_scope scope, bool begins)
{
	struct run *run = s->n_runs ? &s->runs[s->n_runs - 1] : NULL;

	if (!run || begins ||
	    (scope != run->scope && scope != FIELD_OF_NOTHING && run->scope != FIELD_OF_NOTHING)) {
		run = &s->runs[s->n_runs++];
		*run = (struct run){ .scope = scope, .part = s->n_parts++, .first = s->keys.n - 1 };
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

/* Runs whose scopes come to the same here are one block. */
static enum field_scope scope_of_block(enum field_scope scope)
{
	switch (scope) {
	case FIELD_OF_IMAGE:
	case FIELD_OF_OWNER:
	case FIELD_OF_PROGRAM:
		return FIELD_OF_IMAGE;
	case FIELD_OF_CALL:
	case FIELD_OF_EXIT:
		return FIELD_OF_CALL;
	case FIELD_OF_EVENT:
	case FIELD_OF_NOTHING:
	case FIELD_OF_SECOND:
	case FIELD_OF_PARENT:
	case FIELD_OF_CONTAINER:
		break;
	}
	return scope;
}

static void join_block(struct json_schema *s, size_t run)
{
	struct block *last = s->n_blocks ? &s->blocks[s->n_blocks - 1] : NULL;
	enum field_scope scope = s->runs[run].scope, joint = scope_of_block(scope);

	if (last && last->n && scope_of_block(last->scope) == joint) {
		last->scope = joint;
		last->n++;
		return;
	}
	if (joint == FIELD_OF_CALL)
		scope = joint;
	s->blocks[s->n_blocks++] =
		(struct block){ .scope = scope, .part = s->n_parts++, .first = run, .n = 1 };
}

static void fill_blocks(struct json_schema *s, size_t tags_at)
{
	for (size_t i = 0; i <= s->n_runs; i++) {
		if (i == tags_at && (s->tag_name || s->tag_address))
			s->blocks[s->n_blocks++] = (struct block){ .is_tags = true };
		if (i < s->n_runs)
			join_block(s, i);
	}
}

/* What an event of which nothing is known but the call comes to, in calls. */
static void fill_call(struct json_schema *s, const struct run *run, enum call call)
{
	_cleanup_(buf_done) struct buf scratch = { 0 };
	const struct field_view view = { .scratch = &scratch };
	static const struct image image;
	const struct event ev = { .call = call, .image = &image };

	json_keys_put(&s->keys, run->first, run->n, &ev, &view, &s->calls);
}

static void fill_calls(struct json_schema *s, struct block *block)
{
	struct run *run = &s->runs[block->first], *end = run + block->n;

	for (enum call call = 0; call < _CALL_MAX; call++) {
		block->by_call[call] = s->calls.len;
		for (size_t i = 0; call != CALL_EXIT && call_has_image(call) && i < block->n; i++)
			fill_call(s, run + i, call);
	}
	block->by_call[_CALL_MAX] = s->calls.len;
	for (; run < end; run++) {
		run->exit_begin = s->calls.len;
		if (run->scope == FIELD_OF_CALL)
			fill_call(s, run, CALL_EXIT);
		run->exit_end = s->calls.len;
	}
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
	return buf_room(&s->calls, BUF_SLACK) ? 0 : -ENOMEM;
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

const struct json_counters *json_counters(const struct json_schema *s)
{
	return &s->counters;
}
