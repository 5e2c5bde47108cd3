/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement. What is noted are single numbers, each whole in itself; a judgement that falls
 * between two of them is off by the moment that lies between.
 */
#include "control/health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"

#define SECOND UINT64_C(1000000000)

struct health_check {
	struct list link;
	_Atomic uint64_t since_ns; /* 0: it passes */
	_Atomic int error;
	char what[];
};

/* The reasons, written one by one. */
struct verdict {
	struct buf *out;
	bool is_healthy;
};

void health_init(struct health *h)
{
	*h = (struct health){ 0 };
	pthread_mutex_init(&h->lock, NULL);
	list_init(&h->checks);
}

static void check_free(struct health_check *check)
{
	if (!check)
		return;
	list_unlink(&check->link);
	free(check);
}

void health_done(struct health *h)
{
	while (!list_is_empty(&h->checks))
		check_free(LIST_ENTRY(h->checks.next, struct health_check, link));
	pthread_mutex_destroy(&h->lock);
}

void health_lose(struct health *h, uint64_t n, uint64_t now_ns)
{
	atomic_store(&h->n_lost, atomic_load(&h->n_lost) + n);
	atomic_store(&h->lost_ns, now_ns);
}

int health_add(struct health *h, const char *what, struct health_check **ret)
{
	size_t n = strlen(what) + 1;
	struct health_check *check = calloc(1, sizeof(*check) + n);

	if (!check)
		return -ENOMEM;
	memcpy(check->what, what, n);
	pthread_mutex_lock(&h->lock);
	list_append(&h->checks, &check->link);
	pthread_mutex_unlock(&h->lock);
	*ret = check;
	return 0;
}

void health_remove(struct health *h, struct health_check *check)
{
	pthread_mutex_lock(&h->lock);
	check_free(check);
	pthread_mutex_unlock(&h->lock);
}

void health_fail(struct health_check *check, int r, uint64_t now_ns)
{
	atomic_store(&check->error, r);
	if (!atomic_load(&check->since_ns))
		atomic_store(&check->since_ns, now_ns);
}

void health_pass(struct health_check *check)
{
	atomic_store(&check->since_ns, 0);
}

__attribute__((format(printf, 2, 3))) static void put_reason(struct verdict *v, const char *fmt,
							     ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!v->is_healthy)
		buf_put_char(v->out, ',');
	json_text_put(v->out, str_from(text));
	v->is_healthy = false;
}

/* A clock that was read a moment before `then` was noted says 0. */
static uint64_t seconds_since(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? (now_ns - then_ns) / SECOND : 0;
}

static void judge_turns(const struct health *h, uint64_t now_ns, struct verdict *v)
{
	uint64_t turned_ns = atomic_load(&h->turned_ns);

	if (!turned_ns)
		put_reason(v, "the agent is not ready yet");
	else if (now_ns > turned_ns && now_ns - turned_ns > HEALTH_TURN_NS)
		put_reason(v, "the reader has been stuck for %" PRIu64 " s",
			   seconds_since(turned_ns, now_ns));
}

static void judge_losses(const struct health *h, uint64_t now_ns, struct verdict *v)
{
	uint64_t lost_ns = atomic_load(&h->lost_ns);

	if (lost_ns && seconds_since(lost_ns, now_ns) * SECOND < HEALTH_LOSS_NS)
		put_reason(v, "records were lost %" PRIu64 " s ago, %" PRIu64 " since the start",
			   seconds_since(lost_ns, now_ns), atomic_load(&h->n_lost));
}

static void judge_check(const struct health_check *check, uint64_t now_ns, struct verdict *v)
{
	uint64_t since_ns = atomic_load(&check->since_ns);
	int r = atomic_load(&check->error);
	char text[128];

	if (since_ns)
		put_reason(v, "%s has been failing for %" PRIu64 " s: %s", check->what,
			   seconds_since(since_ns, now_ns),
			   strerror_r(r < 0 ? -r : r, text, sizeof(text)));
}

static void put_verdict(const struct verdict *v, struct buf *out)
{
	buf_printf(out, "{\"healthy\":%s,\"reasons\":[", v->is_healthy ? "true" : "false");
	buf_put_str(out, buf_str(v->out));
	buf_put_str(out, STR("]}"));
}

bool health_judge(struct health *h, uint64_t now_ns, struct buf *out)
{
	_cleanup_(buf_done) struct buf reasons = { 0 };
	struct verdict v = { .out = &reasons, .is_healthy = true };
	const struct list *l;

	judge_turns(h, now_ns, &v);
	judge_losses(h, now_ns, &v);
	pthread_mutex_lock(&h->lock);
	for (l = h->checks.next; l != &h->checks; l = l->next)
		judge_check(LIST_ENTRY(l, struct health_check, link), now_ns, &v);
	pthread_mutex_unlock(&h->lock);

	put_verdict(&v, out);
	return v.is_healthy;
}

bool health_judge_life(struct health *h, uint64_t now_ns, struct buf *out)
{
	_cleanup_(buf_done) struct buf reasons = { 0 };
	struct verdict v = { .out = &reasons, .is_healthy = true };

	judge_turns(h, now_ns, &v);
	put_verdict(&v, out);
	return v.is_healthy;
}
