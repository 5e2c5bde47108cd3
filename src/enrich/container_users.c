/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads: WORKERS who look, and one who watches them, has files looked at again after long,
 * and never touches one.
 */
#include "enrich/container_users.h"

#include <errno.h>
#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "enrich/user_desk.h"

#define LOG_UNIT "container_users"

#define WORKERS 2
#define HANGING_MAX 8 /* threads that may hang: with so many of them nobody looks any more */
#define STACK_BYTES (256 * 1024)
#define GUARD_NS (100 * CLOCK_MS_NS)
#define FAREWELL_NS 400000000ULL

struct container_users {
	struct user_desk *desk;
};

/*
 * Events wait for less than that, as a rule (ContainerWait): who comes later has the name from then
 * on, while one who could not be looked at has it only when something is executed there.
 */
const struct container_users_options container_users_options_default = { .patience_ms = 400,
									 .hung_ms = 1000,
									 .shut_ms = 60000,
									 .look_ms = 5000 };

static void wait_until(struct user_desk *d, pthread_cond_t *cond, uint64_t ns)
{
	struct timespec until = { .tv_sec = (time_t)(ns / CLOCK_SECOND_NS),
				  .tv_nsec = (long)(ns % CLOCK_SECOND_NS) };

	if (ns == UINT64_MAX)
		pthread_cond_wait(cond, &d->lock);
	else
		pthread_cond_timedwait(cond, &d->lock, &until);
}

/* With the lock, which goes with him. */
static void worker_done(struct user_desk *d, struct user_worker *w)
{
	if (w->is_given_up)
		d->n_hanging--;
	else
		d->n_workers--;
	list_unlink(&w->link);
	free(w);
	user_desk_watch_by(d, 0); /* another may take his turn */
	user_desk_leave(d);
}

/* *whose says when whoever waits wakes by himself; an earlier one may take his place. */
static void wait_as(struct user_desk *d, uint64_t *whose, uint64_t ns)
{
	*whose = ns;
	wait_until(d, &d->ready_cond, ns);
	if (*whose == ns)
		*whose = UINT64_MAX;
}

/*
 * One of those who have nothing to do wakes by himself for what was put off, another one somewhat
 * later: the first may hang.
 */
static void wait_for_job(struct user_desk *d)
{
	uint64_t due = user_desk_wake(d, clock_now_ns(CLOCK_MONOTONIC));

	if (!list_is_empty(&d->ready))
		return;
	if (due < d->awake_ns)
		wait_as(d, &d->awake_ns, due);
	else if (due != UINT64_MAX && d->guard_ns == UINT64_MAX)
		wait_as(d, &d->guard_ns, due + GUARD_NS);
	else
		pthread_cond_wait(&d->ready_cond, &d->lock);
}

static void take_job(struct user_desk *d, struct user_worker *w)
{
	w->job = LIST_ENTRY(d->ready.next, struct user_job, link);
	list_unlink(&w->job->link);
	/* Who looks may hang: another sees to the rest, as one who wakes by himself does. */
	if (!list_is_empty(&d->later) && d->awake_ns == UINT64_MAX && d->guard_ns == UINT64_MAX)
		pthread_cond_signal(&d->ready_cond);
}

static void *work(void *worker)
{
	struct user_worker *w = worker;
	struct user_desk *d = w->desk;

	pthread_setname_np(pthread_self(), "users");
	pthread_mutex_lock(&d->lock);
	while (!w->is_given_up && !d->is_closed) {
		if (list_is_empty(&d->ready)) {
			wait_for_job(d);
			continue;
		}
		take_job(d, w);
		user_desk_look(d, w);
	}
	worker_done(d, w);
	return NULL;
}

/* A thread that nobody joins, and that takes no signals; it has a reference. 0 or -errno. */
static int start_thread(struct user_desk *d, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int r;

	r = -pthread_attr_init(&attr);
	if (r < 0)
		return r;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	d->refs += r == 0;
	return r;
}

static int start_worker(struct user_desk *d)
{
	_cleanup_(freep) struct user_worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->desk = d;
	r = start_thread(d, work, w);
	if (r < 0)
		return r;
	list_append(&d->workers, &TAKE_PTR(w)->link);
	d->n_workers++;
	return 0;
}

static void start_workers(struct user_desk *d)
{
	int r = 0;

	while (r == 0 && d->n_workers < WORKERS && d->n_workers + d->n_hanging < HANGING_MAX &&
	       !d->is_closed)
		r = start_worker(d);
	if (r < 0)
		log_warn_errno(r, "cannot start a thread that looks up users of containers");
}

/* Whoever looks for too long. Returns when to watch again, or UINT64_MAX. */
static uint64_t give_up(struct user_desk *d, uint64_t now)
{
	uint64_t next = UINT64_MAX, most = d->options.hung_ms * CLOCK_MS_NS, due;

	for (struct list *l = d->workers.next; l != &d->workers; l = l->next) {
		struct user_worker *w = LIST_ENTRY(l, struct user_worker, link);

		if (!w->job)
			continue;
		due = w->since_ns + most;
		if (now < due) {
			next = due < next ? due : next;
			continue;
		}
		log_warn("the files of container %.12s do not answer: its users stay without names",
			 w->job->question.container);
		d->state.hung++;
		d->n_workers--;
		d->n_hanging++;
		user_desk_give_up(d, w);
	}
	return next;
}

/* Nobody is left to look, and may be for long. Returns when there is more of it. */
static uint64_t give_up_waiting(struct user_desk *d, uint64_t now)
{
	uint64_t next = d->n_workers ? UINT64_MAX : user_desk_wake(d, now);

	while (d->n_workers == 0 && !list_is_empty(&d->ready))
		user_desk_refuse(d, LIST_ENTRY(d->ready.next, struct user_job, link));
	return next;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void *watch(void *desk)
{
	struct user_desk *d = desk;
	uint64_t count;

	pthread_setname_np(pthread_self(), "users-watch");
	pthread_mutex_lock(&d->lock);
	while (!d->is_closed) {
		uint64_t now = clock_now_ns(CLOCK_MONOTONIC);
		uint64_t next = earliest(user_desk_put_again(d, now), give_up(d, now));

		start_workers(d);
		next = earliest(next, give_up_waiting(d, now));
		user_desk_watch_next(d, next);
		pthread_mutex_unlock(&d->lock);
		(void)!read(d->alarm_fd, &count, sizeof(count));
		pthread_mutex_lock(&d->lock);
	}
	user_desk_leave(d);
	return NULL;
}

int container_users_new(const struct container_users_options *options, struct container_users **ret)
{
	_cleanup_(freep) struct container_users *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	r = user_desk_new(options, &u->desk);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(u);
	return 0;
}

struct container_users *container_users_free(struct container_users *u)
{
	struct user_desk *d = u ? u->desk : NULL;
	uint64_t until;

	if (!d)
		return NULL;
	until = clock_now_ns(CLOCK_MONOTONIC) + FAREWELL_NS;
	pthread_mutex_lock(&d->lock);
	d->is_closed = true;
	pthread_cond_broadcast(&d->ready_cond);
	user_desk_watch_by(d, 0);
	while (d->refs > 1 + d->n_hanging && clock_now_ns(CLOCK_MONOTONIC) < until)
		wait_until(d, &d->left_cond, until);
	user_desk_leave(d);
	free(u);
	return NULL;
}

int container_users_fd(const struct container_users *u)
{
	return u->desk->fd;
}

/* The threads come with the first question. */
static bool start(struct user_desk *d)
{
	if (d->has_watcher)
		return true;
	start_workers(d);
	d->has_watcher = d->n_workers && start_thread(d, watch, d) == 0;
	return d->has_watcher;
}

bool container_users_ask(struct container_users *u, const struct user_question *q)
{
	bool is_taken;

	pthread_mutex_lock(&u->desk->lock);
	is_taken = start(u->desk) && user_desk_put(u->desk, q);
	if (!u->desk->n_workers)
		user_desk_watch_by(u->desk, 0);
	pthread_mutex_unlock(&u->desk->lock);
	return is_taken;
}

bool container_users_hurry(struct container_users *u, const struct user_question *q)
{
	bool is_asked;

	pthread_mutex_lock(&u->desk->lock);
	is_asked = user_desk_hurry(u->desk, q);
	pthread_mutex_unlock(&u->desk->lock);
	return is_asked;
}

void container_users_set_folder(struct container_users *u, const char id[CONTAINER_ID_LEN],
				const char *folder)
{
	pthread_mutex_lock(&u->desk->lock);
	user_desk_set_folder(u->desk, id, folder);
	pthread_mutex_unlock(&u->desk->lock);
}

bool container_users_next(struct container_users *u, struct user_answer *ret)
{
	uint64_t count;
	bool is_one;

	pthread_mutex_lock(&u->desk->lock);
	is_one = user_desk_next(u->desk, ret);
	if (!is_one && TAKE(u->desk->is_signalled, false))
		(void)!read(u->desk->fd, &count, sizeof(count));
	pthread_mutex_unlock(&u->desk->lock);
	return is_one;
}

void container_users_state(struct container_users *u, struct container_users_state *ret)
{
	struct user_desk *d = u->desk;

	pthread_mutex_lock(&d->lock);
	*ret = d->state;
	ret->evicted = d->files.evicted + d->places.evicted;
	ret->hanging = d->n_hanging;
	ret->files = d->files.n;
	ret->places = d->places.n;
	pthread_mutex_unlock(&d->lock);
}
