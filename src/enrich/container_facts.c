/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/container_facts.h"

#include <errno.h>
#include <string.h>

#define HASH_PREFIX "sha256:"
#define HASH_DIGITS 64

void container_facts_init(struct container_facts *f, const char id[CONTAINER_ID_LEN])
{
	*f = (struct container_facts){ 0 };
	memcpy(f->id, id, CONTAINER_ID_LEN);
}

void container_facts_done(struct container_facts *f)
{
	for (size_t i = 0; i < _CONTAINER_TEXT_MAX; i++)
		free(f->texts[i]);
	free(f->rootfs);
	*f = (struct container_facts){ 0 };
}

static size_t limit_of(enum container_text which)
{
	return which == CONTAINER_POD_LABELS || which == CONTAINER_POD_ANNOTATIONS
		       ? CONTAINER_LABEL_BYTES
		       : CONTAINER_TEXT_BYTES;
}

int container_facts_set(struct container_facts *f, enum container_text which, struct str text)
{
	size_t n = text.n < limit_of(which) ? text.n : limit_of(which);
	_cleanup_(freep) char *old = NULL;
	char *copy;

	if (!n)
		return 0;
	copy = strndup(text.p, n);
	if (!copy)
		return -ENOMEM;
	old = f->texts[which];
	f->texts[which] = copy;
	return 0;
}

int container_facts_set_rootfs(struct container_facts *f, const char *path)
{
	_cleanup_(freep) char *old = NULL;
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	old = f->rootfs;
	f->rootfs = copy;
	return 0;
}

static int take_text(struct container_facts *to, const struct container_facts *from,
		     enum container_text which, bool is_newer, bool *changed)
{
	const char *new = from->texts[which], *old = to->texts[which];

	if (!new || (old && (!is_newer || strcmp(new, old) == 0)))
		return 0;
	*changed = true;
	return container_facts_set(to, which, str_from(new));
}

static int take(struct container_facts *to, const struct container_facts *from, bool is_newer,
		bool *ret_changed)
{
	bool changed = from->bits & ~to->bits;
	int r = 0;

	to->bits |= from->bits;
	if (from->started_ns && from->started_ns != to->started_ns &&
	    (is_newer || !to->started_ns)) {
		to->started_ns = from->started_ns;
		changed = true;
	}
	for (int i = 0; r == 0 && i < _CONTAINER_TEXT_MAX; i++)
		r = take_text(to, from, i, is_newer, &changed);
	if (r == 0 && from->rootfs && (is_newer || !to->rootfs))
		r = container_facts_set_rootfs(to, from->rootfs);
	*ret_changed = changed;
	return r;
}

int container_facts_merge(struct container_facts *to, const struct container_facts *from,
			  bool *ret_changed)
{
	return take(to, from, false, ret_changed);
}

int container_facts_update(struct container_facts *to, const struct container_facts *from,
			   bool *ret_changed)
{
	return take(to, from, true, ret_changed);
}

int container_facts_dup(const struct container_facts *f, struct container_facts *ret)
{
	struct container_facts copy;
	bool changed;
	int r;

	container_facts_init(&copy, f->id);
	r = take(&copy, f, true, &changed);
	if (r < 0) {
		container_facts_done(&copy);
		return r;
	}
	*ret = copy;
	return 0;
}

static bool is_hash(struct str s)
{
	return s.n == HASH_DIGITS && str_is_hex(s);
}

static struct str without_prefix(struct str s)
{
	size_t n = strlen(HASH_PREFIX);

	if (s.n > n && memcmp(s.p, HASH_PREFIX, n) == 0)
		return (struct str){ .p = s.p + n, .n = s.n - n };
	return s;
}

static int set_hash(struct container_facts *f, enum container_text which, struct str hash)
{
	char text[sizeof(HASH_PREFIX) + HASH_DIGITS] = HASH_PREFIX;

	hash = without_prefix(hash);
	if (!is_hash(hash))
		return 0;
	memcpy(text + strlen(HASH_PREFIX), hash.p, hash.n);
	return container_facts_set(f, which, str_from(text));
}

int container_facts_set_image_id(struct container_facts *f, struct str id)
{
	return set_hash(f, CONTAINER_IMAGE_ID, id);
}

int container_facts_set_image_digest(struct container_facts *f, struct str digest)
{
	return set_hash(f, CONTAINER_IMAGE_DIGEST, digest);
}

/* [registry[:port]/]path[:tag][@sha256:digest]: a colon before a slash is a port's. */
int container_facts_set_image_name(struct container_facts *f, struct str name)
{
	const char *at = memchr(name.p, '@', name.n);
	size_t n = at ? (size_t)(at - name.p) : name.n;
	const char *colon = memrchr(name.p, ':', n), *slash = memrchr(name.p, '/', n);
	int r;

	if (is_hash(without_prefix(name)))
		return container_facts_set_image_id(f, name);
	r = container_facts_set(f, CONTAINER_IMAGE_NAME, name);
	if (r == 0 && colon && colon > (slash ? slash : name.p))
		r = container_facts_set(f, CONTAINER_IMAGE_TAG,
					(struct str){ .p = colon + 1,
						      .n = n - (size_t)(colon + 1 - name.p) });
	if (r == 0 && at)
		r = set_hash(f, CONTAINER_IMAGE_DIGEST,
			     (struct str){ .p = at + 1, .n = name.n - n - 1 });
	return r;
}
