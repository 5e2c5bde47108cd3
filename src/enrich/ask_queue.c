/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists; whether an id is there is looked up by going through them: they are short. */
#include "enrich/ask_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct ask {
	struct list link;
	char id[CONTAINER_ID_LEN];
};

void ask_queue_init(struct ask_queue *q, size_t max)
{
	*q = (struct ask_queue){ .max = max };
	list_init(&q->waited_for);
	list_init(&q->wanted);
}

static struct ask *lookup(struct list *asks, const char id[CONTAINER_ID_LEN])
{
	for (struct list *l = asks->next; l != asks; l = l->next) {
		struct ask *a = LIST_ENTRY(l, struct ask, link);

		if (memcmp(a->id, id, CONTAINER_ID_LEN) == 0)
			return a;
	}
	return NULL;
}

static int add(struct ask_queue *q, struct list *asks, const char id[CONTAINER_ID_LEN])
{
	struct ask *a;

	if (q->n >= q->max)
		return -ENOSPC;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	memcpy(a->id, id, CONTAINER_ID_LEN);
	list_append(asks, &a->link);
	q->n++;
	return 0;
}

int ask_queue_put(struct ask_queue *q, const char id[CONTAINER_ID_LEN], bool is_waited_for)
{
	struct ask *wanted;

	if (lookup(&q->waited_for, id))
		return 0;
	wanted = lookup(&q->wanted, id);
	if (!wanted)
		return add(q, is_waited_for ? &q->waited_for : &q->wanted, id);
	if (is_waited_for) {
		list_unlink(&wanted->link);
		list_append(&q->waited_for, &wanted->link);
	}
	return 0;
}

bool ask_queue_take(struct ask_queue *q, bool only_waited_for, char ret_id[CONTAINER_ID_LEN],
		    bool *ret_is_waited_for)
{
	bool is_waited_for = !list_is_empty(&q->waited_for);
	struct list *asks = is_waited_for ? &q->waited_for : &q->wanted;
	_cleanup_(freep) struct ask *a = NULL;

	if (list_is_empty(asks) || (only_waited_for && !is_waited_for))
		return false;
	a = LIST_ENTRY(asks->next, struct ask, link);
	memcpy(ret_id, a->id, CONTAINER_ID_LEN);
	*ret_is_waited_for = is_waited_for;
	list_unlink(&a->link);
	q->n--;
	return true;
}

void ask_queue_done(struct ask_queue *q)
{
	char id[CONTAINER_ID_LEN];
	bool is_waited_for;

	while (ask_queue_take(q, false, id, &is_waited_for))
		;
}
