/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of records through the fold, with small limits, batches that end now and then, and
 * answers to what the fold asks; at the end its state goes through another fold. The input is the
 * records one after another, each padded to 8 bytes, as a batch of a recording has them. Records
 * whose size cannot be are made to fit, so that a change of a length is not the end of the input.
 * The lowest bit of the head's lost_budget says whether the batch ends after it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proc/fold.h"
#include "proc/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STRIDE 4 /* so that there are numbers between records that are one after the other here */

static const struct proc_limits limits = { .max_images = 24,
					   .max_bytes = 8192,
					   .max_users = 4,
					   .max_cgroups = 4,
					   .max_containers = 4 };

static size_t answer(void *ctx, enum need need, uint64_t key, uint32_t hierarchy, void *to,
		     size_t size)
{
	struct event_user *user = to;
	struct event_cgroup_made *cgroup = to;

	(void)ctx;
	(void)size;
	memset(to, 0, 128);
	if (key % 3 == 0)
		return 0;
	if (need == NEED_USER) {
		user->head = (struct event_head){ .size = sizeof(*user) + 1,
						  .layout = EVENT_LAYOUT,
						  .type = EVENT_USER,
						  .cpu = EVENT_CPU_AGENT };
		user->uid = (uint32_t)key;
		user->name_len = 1;
		memcpy(user + 1, "u", 1);
		return user->head.size;
	}
	cgroup->head = (struct event_head){ .size = sizeof(*cgroup) + 1,
					    .layout = EVENT_LAYOUT,
					    .type = EVENT_CGROUP,
					    .cpu = EVENT_CPU_AGENT };
	cgroup->cgroup = (struct event_cgroup){ .id = key, .hierarchy = hierarchy };
	cgroup->path_len = 1;
	memcpy(cgroup + 1, "/", 1);
	return cgroup->head.size;
}

static volatile uint64_t sink; /* keeps the compiler from leaving the reads out */

static uint64_t touch_text(struct str text)
{
	uint64_t sum = 0;

	for (size_t k = 0; k < text.n; k++)
		sum += (unsigned char)text.p[k];
	return sum;
}

static uint64_t touch_container(const struct container *c)
{
	uint64_t sum = (unsigned char)c->id[0] + c->bits;

	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		sum += touch_text(container_text(c, (enum container_text)i));
	return sum;
}

/* What a pipeline would read of an event. */
static uint64_t touch(const struct event *ev)
{
	uint64_t sum = ev->seq + ev->tid + ev->node->name.n;

	if (ev->call == CALL_LOST)
		return sum + ev->loss->exec + (uint64_t)ev->loss->until_ns;
	if (ev->call == CALL_CONTAINER)
		return sum + touch_container(ev->container);
	for (const struct image *i = ev->image; i; i = i->parent) {
		sum += i->key.pid + i->cred->euid;
		sum += i->user ? i->user->name.n : 0;
		sum += i->cgroup ? i->cgroup->id : 0;
		sum += image_container(i) ? touch_container(image_container(i)) : 0;
		sum += i->ext ? i->ext->gid : 0;
		if (!i->program)
			continue;
		for (int which = 0; which < _PROGRAM_TEXT_MAX; which++)
			sum += touch_text(program_text(i->program, (enum program_text)which));
	}
	return sum;
}

static void count_key(void *ctx, const struct image_key *key)
{
	*(uint64_t *)ctx += key->pid;
}

static void end_batch(struct fold *f, struct batch *b)
{
	struct proc_counters c;
	uint64_t sum = 0;

	fold_each_unseen(f, count_key, &sum);
	sink += sum;
	for (size_t i = 0; i < b->n; i++)
		sink += touch(&b->events[i]);
	batch_reset(b);
	fold_trim(f);
	fold_counters(f, &c);
	if (c.processes > limits.max_images)
		abort();
}

static int refold(void *ctx, const struct event_head *record)
{
	struct batch *b = ctx;

	if (fold_record(b->owner, record, record->size, 1, b) < 0 || b->n)
		abort(); /* what a fold writes it can read, and it tells nobody anything */
	return 0;
}

/* The state of any fold makes another one that is as large. */
static void go_round(struct fold *f)
{
	struct proc_counters before, after;
	struct fold *g = NULL;
	struct batch b;

	if (fold_new(&limits, NULL, &g) < 0)
		return;
	batch_init(&b, fold_release, g);
	if (fold_state(f, refold, &b) < 0)
		abort();
	fold_counters(f, &before);
	fold_counters(g, &after);
	if (before.processes != after.processes || fold_wants_pass(f) != fold_wants_pass(g))
		abort();
	batch_done(&b);
	fold_free(g);
}

/* The size of the record at p, at most n; its head may be changed so that it agrees. */
static size_t record_size(uint8_t *p, size_t n)
{
	struct event_head head;

	memcpy(&head, p, sizeof(head));
	if (head.size < sizeof(head) || head.size > n)
		head.size = (uint32_t)n;
	head.layout = EVENT_LAYOUT;
	memcpy(p, &head, sizeof(head));
	return head.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fold_hooks hooks = { .need = answer };
	_cleanup_(freep) uint8_t *copy = malloc(size + 8);
	struct fold *f = NULL;
	struct batch b;
	size_t at = 0;

	if (!copy || fold_new(&limits, &hooks, &f) < 0)
		return 0;
	if (size)
		memcpy(copy, data, size);
	batch_init(&b, fold_release, f);
	while (at < size && size - at >= sizeof(struct event_head)) {
		size_t n = record_size(copy + at, size - at);

		(void)fold_record(f, copy + at, n, at * STRIDE, &b);
		if (copy[at + offsetof(struct event_head, lost_budget)] & 1)
			end_batch(f, &b);
		at += (n + 7) / 8 * 8;
	}
	end_batch(f, &b);
	go_round(f);
	batch_done(&b);
	fold_free(f); /* asserts that every byte came back */
	return 0;
}
