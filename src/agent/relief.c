/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A timer is set when the reader leaves for the first time, and taken back when it is done with
 * leaving: two system calls, however often that was, and no thread is woken unless the time is up.
 * Whether the reader has been away since the timer was set, or came back and left again, says the
 * number of the leave.
 */
#include "agent/relief.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct relief {
	struct post post;
	relief_read_fn *read;
	void *ctx;
	int timer_fd;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	uint64_t n_leaves;
	uint64_t timed;	  /* the leave that the timer was set for; 0: it is not set */
	bool is_away;	  /* the reader writes */
	bool is_relieved; /* the thread reads */
	bool is_over;
};

static void set_timer(const struct relief *r, long ns)
{
	const struct itimerspec in = { .it_value = { .tv_nsec = ns } };

	(void)timerfd_settime(r->timer_fd, 0, &in, NULL); /* it cannot fail */
}

/* For the leave that is the last one. */
static void begin_timer(struct relief *r)
{
	r->timed = r->n_leaves;
	set_timer(r, RELIEF_AFTER_NS);
}

static bool leave(void *ctx)
{
	struct relief *r = ctx;
	bool can_leave;

	pthread_mutex_lock(&r->lock);
	can_leave = !r->is_relieved;
	r->is_away |= can_leave;
	r->n_leaves += can_leave;
	if (can_leave && !r->timed)
		begin_timer(r);
	pthread_mutex_unlock(&r->lock);
	return can_leave;
}

static bool come_back(void *ctx)
{
	struct relief *r = ctx;
	bool was_relieved;

	pthread_mutex_lock(&r->lock);
	was_relieved = r->is_relieved;
	r->is_away = false;
	while (r->is_relieved)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	return !was_relieved;
}

void relief_rest(struct relief *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->timed && !r->is_away) {
		r->timed = 0;
		set_timer(r, 0);
	}
	pthread_mutex_unlock(&r->lock);
}

/*
 * The time is up: whether the reader has been away for so long. If it has left again meanwhile, the
 * time begins anew. False as well when all is over.
 */
static bool take_over(struct relief *r)
{
	bool is_relieved;

	pthread_mutex_lock(&r->lock);
	r->is_relieved = r->is_away && r->timed == r->n_leaves && !r->is_over;
	is_relieved = r->is_relieved;
	if (r->is_away && !is_relieved && !r->is_over)
		begin_timer(r);
	else
		r->timed = 0;
	pthread_mutex_unlock(&r->lock);
	return is_relieved;
}

/* Whether there will be another time. */
static bool give_back(struct relief *r)
{
	bool goes_on;

	pthread_mutex_lock(&r->lock);
	r->is_relieved = false;
	goes_on = !r->is_over;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return goes_on;
}

static void *stand_by(void *arg)
{
	struct relief *r = arg;
	uint64_t n;

	do {
		if (read(r->timer_fd, &n, sizeof(n)) == sizeof(n) && take_over(r))
			r->read(r->ctx);
	} while (give_back(r));
	return NULL;
}

int relief_new(relief_read_fn *read, void *ctx, struct relief **ret)
{
	_cleanup_(relief_freep) struct relief *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->post = (struct post){ .leave = leave, .come_back = come_back, .ctx = r };
	r->read = read;
	r->ctx = ctx;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (r->timer_fd < 0)
		return -errno;
	error = -pthread_create(&r->thread, NULL, stand_by, r);
	if (error < 0)
		return error;
	r->has_thread = true;
	pthread_setname_np(r->thread, "relief");
	*ret = TAKE_PTR(r);
	return 0;
}

struct relief *relief_free(struct relief *r)
{
	if (!r)
		return NULL;
	if (r->has_thread) {
		pthread_mutex_lock(&r->lock);
		r->is_over = true;
		pthread_mutex_unlock(&r->lock);
		set_timer(r, 1);
		pthread_join(r->thread, NULL);
	}
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	closep(&r->timer_fd);
	free(r);
	return NULL;
}

const struct post *relief_post(const struct relief *r)
{
	return &r->post;
}

bool relief_is_needed(struct relief *r)
{
	bool is_needed;

	pthread_mutex_lock(&r->lock);
	is_needed = r->is_away;
	pthread_mutex_unlock(&r->lock);
	return is_needed;
}
