/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON encoder. Which keys a record may have is settled when the schema is made, and so is how
 * a record of each kind is put together: in steps, each of what is made from the same. What was
 * written of a step is kept and copied when it is wanted again: most of a record is. Reader thread,
 * one a schema.
 */
#include "codec/json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json_text.h"
#include "codec/fragments.h"
#include "codec/json_keys.h"
#include "codec/json_plan.h"

#define TAG_NAME "__tag__:__hostname__"
#define TAG_ADDRESS "__tag__:__host_ip__"

#define STAMP_ALWAYS UINT64_MAX /* of what is the same in all records of a node */

struct json_schema {
	bool tag_name, tag_address;
	struct json_keys keys;
	struct json_plans plans;
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

/* Says whom the image takes after, too. */
static enum json_kin set_stamps(uint64_t stamps[FIELD_SCOPES], const struct event *ev)
{
	const struct image *image = ev->image, *parent = image->parent;
	const struct container *container = image_container(image);
	bool is_like_parent = parent && has_owner_of(image, parent);

	stamps[FIELD_OF_EVENT] = 0;
	stamps[FIELD_OF_NOTHING] = STAMP_ALWAYS;
	stamps[FIELD_OF_IMAGE] = image->stamp;
	/* Mostly there are brothers and sisters who have the same. */
	stamps[FIELD_OF_OWNER] = is_like_parent ? parent->stamp : image->stamp;
	stamps[FIELD_OF_PROGRAM] = image->program ? image->program->stamp : 0;
	stamps[FIELD_OF_PARENT] = parent ? parent->stamp : 0;
	stamps[FIELD_OF_SECOND] = (uint64_t)event_second(ev);
	stamps[FIELD_OF_CONTAINER] = container ? container->stamp : 0;
	return is_like_parent && image->program == parent->program ? JSON_KIN_PARENT
								   : JSON_KIN_NOBODY;
}

static inline void put_run(const struct record *r, const struct json_run *run)
{
	if (run->is_tags)
		buf_put_str(r->out, buf_str(&r->schema->tags));
	else
		json_keys_put(&r->schema->keys, run->first, run->n, r->ev, r->view, r->out);
}

static inline bool put_fragment(const struct record *r, uint64_t stamp, uint32_t part)
{
	struct str kept = { 0 };

	if (stamp)
		kept = fragments_lookup(&r->schema->fragments, stamp, part);
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

	if (stamp && !buf_failed(out))
		fragments_keep(&r->schema->fragments, stamp, part,
			       (struct str){ .p = out->data + begin, .n = out->len - begin });
}

/* A run of a step that goes by the image, of which others have the same. */
static void put_shared_run(const struct record *r, const struct json_run *run, uint32_t part)
{
	size_t begin = r->out->len;

	if (put_fragment(r, r->stamps[run->scope], part))
		return;
	put_run(r, run);
	keep_fragment(r, r->stamps[run->scope], part, begin);
}

/* A clone shows the program of its forker; other images have theirs to themselves. */
static bool is_shared(const struct record *r, const struct json_run *run)
{
	return run->scope == FIELD_OF_OWNER ||
	       (run->scope == FIELD_OF_PROGRAM && r->ev->image->flags & IMAGE_NEVER_EXEC);
}

static void make_step(const struct record *r, const struct json_step *step)
{
	const struct json_plans *plans = &r->schema->plans;
	const struct json_run *run = plans->runs + step->first, *end = run + step->n;
	size_t begin = r->out->len;

	for (; run < end; run++) {
		if (json_run_is_silent(run, step, r->ev->call))
			continue;
		if (step->by == FIELD_OF_IMAGE && is_shared(r, run))
			put_shared_run(r, run, plans->n_parts + (uint32_t)(run - plans->runs));
		else
			put_run(r, run);
	}
	keep_fragment(r, r->stamps[step->by], step->part, begin);
}

static void put_steps(const struct record *r, const struct json_plan *plan)
{
	const struct json_plans *plans = &r->schema->plans;
	const struct json_step *step = plans->steps + plan->first, *end = step + plan->n;

	for (; step < end; step++)
		if (!put_fragment(r, r->stamps[step->by], step->part))
			make_step(r, step);
}

/* Nothing kept, nothing taken from what is kept. */
static void put_plain(const struct record *r)
{
	const struct json_plans *plans = &r->schema->plans;

	for (size_t i = 0; i < plans->n_runs; i++)
		put_run(r, &plans->runs[i]);
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
	struct record r = { .schema = s, .ev = ev, .view = view, .out = out };
	size_t begin = out->len;

	buf_clear(view->scratch);
	if (!s->node_stamp || ev->node->stamp != s->node_stamp)
		change_node(s, ev->node);
	if (buf_failed(&s->tags))
		out->failed = true;
	if (call_has_image(ev->call)) {
		enum json_kin kin = set_stamps(r.stamps, ev);

		put_steps(&r, json_plans_get(&s->plans, ev->call, kin, image_container(ev->image)));
	} else {
		put_plain(&r);
	}
	close_object(out, begin);
}

static bool is_time(const struct shape_key *key)
{
	return key->field && key->field->type == FIELD_TIME;
}

/* The tags stand before the time, or behind everything. */
static void fill_plans(struct json_schema *s, const struct shape *shape,
		       const struct json_options *options)
{
	bool has_tags = !s->tag_name && !s->tag_address;

	for (size_t i = 0; i < shape->n; i++) {
		const struct shape_key *key = &shape->keys[i];
		bool tags_come = is_time(key) && !has_tags;
		size_t n = s->keys.n;
		enum field_scope scope = json_keys_add(&s->keys, key, options);

		if (tags_come)
			json_plans_add_tags(&s->plans);
		has_tags |= tags_come;
		if (s->keys.n > n)
			json_plans_add(&s->plans, n, scope);
	}
	if (!has_tags)
		json_plans_add_tags(&s->plans);
}

/* Whether a run is constant in a call; those of a container are where there is none. */
static bool is_constant(const struct json_run *run, enum call call)
{
	return run->scope == FIELD_OF_CALL || run->scope == FIELD_OF_CONTAINER ||
	       (run->scope == FIELD_OF_EXIT && call != CALL_EXIT);
}

/* What an event of which nothing is known but the call has of a run. */
static int note_silence(const struct json_schema *s, struct json_run *run, enum call call)
{
	_cleanup_(buf_done) struct buf scratch = { 0 }, out = { 0 };
	const struct field_view view = { .scratch = &scratch };
	static const struct image image;
	const struct event ev = { .call = call, .image = &image };

	json_keys_put(&s->keys, run->first, run->n, &ev, &view, &out);
	if (!out.len && !buf_failed(&out))
		run->silent |= 1U << call;
	return buf_failed(&out) ? -ENOMEM : 0;
}

static int finish(struct json_schema *s)
{
	int r = json_keys_finish(&s->keys);

	for (size_t i = 0; i < s->plans.n_runs; i++)
		for (enum call call = 0; r == 0 && call < _CALL_MAX; call++)
			if (call_has_image(call) && is_constant(&s->plans.runs[i], call))
				r = note_silence(s, &s->plans.runs[i], call);
	return r < 0 ? r : json_plans_finish(&s->plans);
}

int json_schema_new(const struct shape *shape, const struct json_options *options,
		    struct json_schema **ret)
{
	_cleanup_(json_schema_freep) struct json_schema *s = NULL;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (json_keys_init(&s->keys, shape->n) < 0 || json_plans_init(&s->plans, shape->n) < 0 ||
	    fragments_init(&s->fragments) < 0)
		return -ENOMEM;
	s->tag_name = options->tags && !shape_lookup(shape, TAG_NAME);
	s->tag_address = options->tags && !shape_lookup(shape, TAG_ADDRESS);
	fill_plans(s, shape, options);
	if (finish(s) < 0)
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
	json_plans_done(&s->plans);
	buf_done(&s->tags);
	free(s);
	return NULL;
}

const struct json_counters *json_counters(const struct json_schema *s)
{
	return &s->counters;
}
