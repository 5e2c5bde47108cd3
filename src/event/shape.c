/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a pipeline's records: an array in their order. Used while a configuration is loaded,
 * by one thread; searched from end to end, for it is short.
 */
#include "event/shape.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/nearest.h"

static void key_done(struct shape_key *key)
{
	free(key->name);
	free(key->text);
	*key = (struct shape_key){ 0 };
}

/* Room for one more key. */
static int reserve(struct shape *s)
{
	size_t cap = s->cap < 16 ? 16 : s->cap * 2;
	struct shape_key *grown;

	if (s->n < s->cap)
		return 0;
	grown = reallocarray(s->keys, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->keys = grown;
	s->cap = cap;
	return 0;
}

static int insert(struct shape *s, size_t at, struct shape_key *key)
{
	int r;

	r = reserve(s);
	if (r < 0)
		return r;
	memmove(&s->keys[at + 1], &s->keys[at], (s->n - at) * sizeof(*s->keys));
	s->keys[at] = TAKE(*key, (struct shape_key){ 0 });
	s->n++;
	return 0;
}

static int append_field(struct shape *s, const struct field *field)
{
	_cleanup_(key_done) struct shape_key key = { .field = field };

	key.name = strdup(field->name);
	return key.name ? insert(s, s->n, &key) : -ENOMEM;
}

int shape_init(struct shape *s, const bool *want)
{
	int r = 0;

	*s = (struct shape){ 0 };
	s->reads = calloc(n_fields, sizeof(*s->reads));
	if (!s->reads)
		return -ENOMEM;
	for (size_t i = 0; i < n_fields && r == 0; i++)
		if (want[i])
			r = append_field(s, &fields[i]);
	return r;
}

void shape_done(struct shape *s)
{
	for (size_t i = 0; i < s->n; i++)
		key_done(&s->keys[i]);
	free(s->keys);
	free(s->reads);
	*s = (struct shape){ 0 };
}

struct shape_key *shape_lookup(const struct shape *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->keys[i].name, name) == 0)
			return &s->keys[i];
	return NULL;
}

const char *shape_nearest(const struct shape *s, const char *name)
{
	_cleanup_(freep) const char **names = NULL;

	names = calloc(s->n + 1, sizeof(*names));
	if (!names)
		return NULL;
	for (size_t i = 0; i < s->n; i++)
		names[i] = s->keys[i].name;
	return nearest_name(name, names);
}

void shape_drop(struct shape *s, struct shape_key *key)
{
	size_t at = (size_t)(key - s->keys);

	assert(at < s->n);
	key_done(key);
	memmove(key, key + 1, (s->n - at - 1) * sizeof(*key));
	s->n--;
}

static int set_string(char **to, const char *text)
{
	_cleanup_(freep) char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	*to = TAKE(copy, *to); /* what was there is freed */
	return 0;
}

int shape_rename(struct shape *s, struct shape_key *key, const char *name)
{
	assert(!shape_lookup(s, name));
	return set_string(&key->name, name);
}

int shape_add(struct shape *s, const char *name, const char *text)
{
	_cleanup_(key_done) struct shape_key key = { 0 };
	bool has_time;

	assert(!shape_lookup(s, name));
	key.name = strdup(name);
	key.text = strdup(text);
	if (!key.name || !key.text)
		return -ENOMEM;
	has_time = s->n && s->keys[s->n - 1].field && s->keys[s->n - 1].field->type == FIELD_TIME;
	return insert(s, s->n - has_time, &key);
}

int shape_replace(struct shape_key *key, const char *text)
{
	int r;

	r = set_string(&key->text, text);
	if (r == 0)
		key->field = NULL;
	return r;
}

int shape_set_default(struct shape_key *key, const char *text)
{
	return key->text ? 0 : set_string(&key->text, text);
}

void shape_read(struct shape *s, const struct field *field)
{
	s->reads[field - fields] = true;
}

void shape_needs(const struct shape *s, bool *ret)
{
	memcpy(ret, s->reads, n_fields * sizeof(*ret));
	for (size_t i = 0; i < s->n; i++)
		if (s->keys[i].field)
			ret[s->keys[i].field - fields] = true;
}
