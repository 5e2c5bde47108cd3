/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose child an image is. The parent is real_parent at the fork, in the image that it had then;
 * after a second exec in the same process it is the image before. A process's counter is copied
 * from its forker at the fork and moves on by one with each exec, so that the counters alone say
 * which of the two holds.
 */
#include "proc/fold_state.h"

int lineage_set(struct fold *f, struct image *image, const struct event_id *parent, bool *ret_known)
{
	struct image_key key = image_key_from_id(parent);
	struct image *p = NULL;
	bool is_known = true;
	int r;

	/* One that is not older than its child is none: the records contradict each other. */
	if (parent->tgid && image_key_cmp(&key, &image->key) < 0) {
		p = table_lookup_image(&f->table, &key);
		if (p) {
			table_set_parent(&f->table, image, p);
		} else {
			r = table_stub_new(&f->table, &key, &p);
			if (r < 0)
				return r;
			table_set_parent(&f->table, image, p);
			table_unref(&f->table, p);
			is_known = false;
		}
	} else {
		table_set_parent(&f->table, image, NULL);
	}
	if (ret_known)
		*ret_known = is_known;
	return 0;
}

static struct event_id before(const struct image_key *key)
{
	return (struct event_id){
		.start_ns = key->start_ns,
		.exec_count = key->exec_count - 1,
		.tgid = key->pid,
	};
}

#define PREVIOUS_MAX 8 /* images of a process that nobody saw, named to reach its parent */

/*
 * The parent is the image before, of which nothing but its name is known, nor of those before it:
 * they are named one by one, down to the first one after `count`: the last that was seen, or what
 * was forked. Its parent is `first`.
 */
static int set_previous(struct fold *f, struct image *image, const struct event_id *first,
			uint64_t count, bool *ret_known)
{
	struct event_id previous = before(&image->key);
	int r = lineage_set(f, image, &previous, ret_known);

	for (int i = 0; r == 0 && i < PREVIOUS_MAX; i++) {
		image = image->parent;
		if (!image || !(image->flags & IMAGE_STUB) || image->parent)
			return 0;
		if (image->key.exec_count <= count + 1)
			return lineage_set(f, image, first, NULL);
		previous = before(&image->key);
		r = lineage_set(f, image, &previous, NULL);
	}
	return r;
}

int lineage_set_first(struct fold *f, struct image *image, const struct event_head *head,
		      const struct event_id *parent, bool *ret_known)
{
	static const struct event_id none = { 0 };
	const struct event_id *forker = head->flags & EVENT_F_ADOPTED ? &none : parent;
	bool is_second = head->exec_count > parent->exec_count &&
			 head->exec_count - parent->exec_count >= 2;

	if (!is_second || head->flags & EVENT_F_NEVER_EXEC)
		return lineage_set(f, image, forker, ret_known);
	return set_previous(f, image, forker, parent->exec_count, ret_known);
}

/* What comes after `image` in its process has this parent. */
static struct image *parent_of_next(struct image *image)
{
	return image->flags & IMAGE_NEVER_EXEC ? image->parent : image;
}

int lineage_set_next(struct fold *f, struct image *image, struct image *last, bool *ret_known)
{
	struct image *parent = parent_of_next(last);
	struct event_id id = { 0 };

	if (image->key.exec_count == last->key.exec_count + 1) {
		table_set_parent(&f->table, image, parent);
		if (ret_known)
			*ret_known = true;
		return 0;
	}
	/* Execs in between were not seen. */
	if (parent)
		id = (struct event_id){ .start_ns = parent->key.start_ns,
					.exec_count = parent->key.exec_count,
					.tgid = parent->key.pid };
	return set_previous(f, image, &id, last->key.exec_count, ret_known);
}
