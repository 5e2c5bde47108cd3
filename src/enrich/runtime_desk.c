/* SPDX-License-Identifier: Apache-2.0 */
/* The lock is held for some lines only; the condition says that anything of it has changed. */
#include "enrich/runtime_desk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#define LOG_UNIT "containers"

#define BACK_OFF_FIRST_MS 250
#define BACK_OFF_MAX_MS 30000
#define MS_NS 1000000u
#define START_SLACK_NS 1000000000 /* between a start, and when the runtime tells of it */

static void lock_done(pthread_mutex_t **lock)
{
	pthread_mutex_unlock(*lock);
}

#define HOLD(d)                                                   \
	_cleanup_(lock_done) pthread_mutex_t *_held = &(d)->lock; \
	pthread_mutex_lock(_held)

static int copy_sockets(const char *const *sockets, char ***ret)
{
	size_t n = 0;
	char **copy;

	while (sockets[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*ret = copy; /* freed by done() whatever follows */
	for (size_t i = 0; i < n; i++) {
		copy[i] = strdup(sockets[i]);
		if (!copy[i])
			return -ENOMEM;
	}
	return 0;
}

int runtime_desk_init(struct runtime_desk *d, const char *name, const char *const *sockets,
		      const struct container_sink *sink)
{
	pthread_condattr_t attributes;
	int r;

	*d = (struct runtime_desk){ .name = name,
				    .sink = *sink,
				    .state.status = SOURCE_CONNECTING };
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&d->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	ask_queue_init(&d->asks, RUNTIME_MAX_ASKS);
	container_set_init(&d->known, RUNTIME_MAX_CONTAINERS);
	(void)!getrandom(&d->chance, sizeof(d->chance), GRND_NONBLOCK);
	r = copy_sockets(sockets, &d->sockets);
	if (r < 0)
		runtime_desk_done(d);
	return r;
}

void runtime_desk_done(struct runtime_desk *d)
{
	for (size_t i = 0; d->sockets && d->sockets[i]; i++)
		free(d->sockets[i]);
	free(d->sockets);
	ask_queue_done(&d->asks);
	container_set_done(&d->known);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
}

/* 0; -ENOSPC, -ENOMEM: nobody will hear of it. */
static int put(struct runtime_desk *d, const char id[CONTAINER_ID_LEN], bool is_waited_for)
{
	int r = ask_queue_put(&d->asks, id, is_waited_for);

	if (r < 0 && is_waited_for)
		d->state.failures++;
	pthread_cond_broadcast(&d->changed);
	return r;
}

void runtime_desk_want(struct runtime_desk *d, const char id[CONTAINER_ID_LEN])
{
	HOLD(d);
	(void)put(d, id, false); /* nobody waits */
}

void runtime_desk_get_state(struct runtime_desk *d, struct source_state *ret)
{
	HOLD(d);
	*ret = d->state;
	ret->items = container_set_n(&d->known);
}

void runtime_desk_end(struct runtime_desk *d)
{
	HOLD(d);
	d->is_ending = true;
	pthread_cond_broadcast(&d->changed);
}

bool runtime_desk_is_ending(struct runtime_desk *d)
{
	HOLD(d);
	return d->is_ending;
}

const char *runtime_desk_find_socket(const struct runtime_desk *d, const char *last)
{
	bool is_behind = !last;
	struct stat st;

	for (size_t i = 0; d->sockets[i]; i++) {
		if (is_behind && stat(d->sockets[i], &st) == 0 && S_ISSOCK(st.st_mode))
			return d->sockets[i];
		is_behind |= d->sockets[i] == last;
	}
	return NULL;
}

static struct timespec deadline_in(unsigned int ms)
{
	uint64_t ns = clock_now_ns(CLOCK_MONOTONIC) + (uint64_t)ms * MS_NS;

	return (struct timespec){ .tv_sec = (time_t)(ns / CLOCK_SECOND_NS),
				  .tv_nsec = (long)(ns % CLOCK_SECOND_NS) };
}

static enum runtime_question wait_locked(struct runtime_desk *d, const struct timespec *deadline,
					 bool only_waited_for, char ret_id[CONTAINER_ID_LEN],
					 bool *ret_is_waited_for)
{
	int r = 0;

	for (;;) {
		if (d->is_ending)
			return RUNTIME_ENDING;
		if (ask_queue_take(&d->asks, only_waited_for, ret_id, ret_is_waited_for))
			return RUNTIME_QUESTION;
		if (r == ETIMEDOUT)
			return RUNTIME_NO_QUESTION;
		r = deadline ? pthread_cond_timedwait(&d->changed, &d->lock, deadline)
			     : pthread_cond_wait(&d->changed, &d->lock);
	}
}

enum runtime_question runtime_desk_wait(struct runtime_desk *d, unsigned int ms,
					char ret_id[CONTAINER_ID_LEN], bool *ret_is_waited_for)
{
	struct timespec deadline = deadline_in(ms);
	HOLD(d);

	return wait_locked(d, ms ? &deadline : NULL, false, ret_id, ret_is_waited_for);
}

static enum runtime_question next_waiting(struct runtime_desk *d, const struct timespec *deadline,
					  char ret_id[CONTAINER_ID_LEN])
{
	bool is_waited_for;
	HOLD(d);

	return wait_locked(d, deadline, true, ret_id, &is_waited_for);
}

bool runtime_desk_pause(struct runtime_desk *d, unsigned int ms)
{
	struct timespec deadline = deadline_in(ms);
	char id[CONTAINER_ID_LEN];
	enum runtime_question q;

	while ((q = next_waiting(d, &deadline, id)) == RUNTIME_QUESTION)
		runtime_desk_answered(d, id, false);
	return q != RUNTIME_ENDING;
}

void runtime_desk_dismiss(struct runtime_desk *d)
{
	(void)runtime_desk_pause(d, 0);
}

void runtime_desk_tell(struct runtime_desk *d, const struct container_facts *facts)
{
	pthread_mutex_lock(&d->lock);
	(void)container_set_put(&d->known, facts);
	pthread_mutex_unlock(&d->lock);
	d->sink.tell(d->sink.ctx, d->sink.source, facts);
}

void runtime_desk_gone(struct runtime_desk *d, const char id[CONTAINER_ID_LEN])
{
	pthread_mutex_lock(&d->lock);
	(void)container_set_remove(&d->known, id);
	pthread_mutex_unlock(&d->lock);
	d->sink.gone(d->sink.ctx, d->sink.source, id);
}

void runtime_desk_answered(struct runtime_desk *d, const char id[CONTAINER_ID_LEN], bool knew)
{
	pthread_mutex_lock(&d->lock);
	d->state.answers += knew;
	pthread_mutex_unlock(&d->lock);
	d->sink.answered(d->sink.ctx, d->sink.source, id);
}

/* A copy, since the sink is told without the lock. */
static int get_known(struct runtime_desk *d, const char id[CONTAINER_ID_LEN],
		     struct container_facts *ret)
{
	const struct container_facts *known;
	HOLD(d);

	known = container_set_lookup(&d->known, id);
	return known ? container_facts_dup(known, ret) : -ENOENT;
}

/* When it was started says the process that it began with, before the runtime does. */
static bool is_all(const struct container_facts *f)
{
	return f->bits & CONTAINER_IS_SANDBOX || f->texts[CONTAINER_IMAGE_ID];
}

bool runtime_desk_wants_start(struct runtime_desk *d, const char id[CONTAINER_ID_LEN],
			      int64_t at_ns)
{
	const struct container_facts *known;
	HOLD(d);

	known = container_set_lookup(&d->known, id);
	return !known || !is_all(known) ||
	       (known->started_ns && known->started_ns < at_ns - START_SLACK_NS);
}

/* Where there is nobody to ask, no thread is woken. -ENOENT: it is answered by nothing. */
static int note_question(struct runtime_desk *d, const char id[CONTAINER_ID_LEN], bool is_known)
{
	HOLD(d);
	d->state.questions++;
	if (!is_known && d->state.status == SOURCE_OFF)
		return -ENOENT;
	return is_known ? 0 : put(d, id, true);
}

void runtime_desk_ask(struct runtime_desk *d, const char id[CONTAINER_ID_LEN])
{
	_cleanup_(container_facts_done) struct container_facts known = { 0 };
	bool is_known = get_known(d, id, &known) == 0;

	if (note_question(d, id, is_known) < 0)
		runtime_desk_answered(d, id, false);
	if (!is_known)
		return;
	d->sink.tell(d->sink.ctx, d->sink.source, &known);
	runtime_desk_answered(d, id, true);
	if (!is_all(&known))
		runtime_desk_want(d, id);
}

void runtime_desk_begin_listing(struct runtime_desk *d)
{
	HOLD(d);
	container_set_begin(&d->known);
}

static bool take_gone(struct runtime_desk *d, char ret_id[CONTAINER_ID_LEN])
{
	HOLD(d);
	return container_set_take_gone(&d->known, ret_id);
}

void runtime_desk_end_listing(struct runtime_desk *d)
{
	char id[CONTAINER_ID_LEN];

	while (take_gone(d, id))
		d->sink.gone(d->sink.ctx, d->sink.source, id);
}

void runtime_desk_set_off(struct runtime_desk *d)
{
	HOLD(d);
	d->state.status = SOURCE_OFF;
}

void runtime_desk_set_ready(struct runtime_desk *d)
{
	HOLD(d);
	if (d->state.status != SOURCE_READY)
		log_info("%s is there", d->name);
	d->state.reconnects += d->state.status != SOURCE_READY && d->was_ready;
	d->was_ready = true;
	d->state.status = SOURCE_READY;
	d->state.error = 0;
}

static unsigned int back_off_ms(struct runtime_desk *d, unsigned int n_failures)
{
	unsigned int ms = n_failures < 8 ? BACK_OFF_FIRST_MS << n_failures : BACK_OFF_MAX_MS;

	ms = ms < BACK_OFF_MAX_MS ? ms : BACK_OFF_MAX_MS;
	d->chance = d->chance * 1103515245u + 12345u;
	return ms / 2 + (d->chance >> 8) % ms;
}

unsigned int runtime_desk_lost(struct runtime_desk *d, int r, bool was_ready,
			       unsigned int *n_failures)
{
	HOLD(d);
	if (was_ready && !d->is_ending)
		log_info("%s is lost: %s", d->name, strerror(-r));
	*n_failures = was_ready ? 0 : *n_failures + 1;
	d->state.status = SOURCE_CONNECTING;
	d->state.error = r;
	d->state.failures++;
	return back_off_ms(d, *n_failures);
}

void runtime_desk_count_failure(struct runtime_desk *d, int r)
{
	HOLD(d);
	d->state.failures++;
	d->state.error = r;
}
