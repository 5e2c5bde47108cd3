/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/user_desk.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "base/clock.h"

struct folder {
	struct list link;
	char id[CONTAINER_ID_LEN];
	char *path;
};

/* What is looked for without the lock. */
struct look {
	struct user_question question;
	const char *folder; /* NULL: unknown */
	bool is_hurried, is_last;
};

struct answer {
	struct list link;
	struct user_answer answer;
};

static uint64_t now_ns(void)
{
	return clock_now_ns(CLOCK_MONOTONIC);
}

/* After so long, in steps: places that were found one after the other have the same turn. */
static uint64_t look_due(uint32_t ms)
{
	const uint64_t step = (ms / 4 + 1) * CLOCK_MS_NS;

	return (now_ns() + ms * CLOCK_MS_NS) / step * step + step;
}

static void folder_free(struct user_desk *d, struct folder *folder)
{
	list_unlink(&folder->link);
	d->n_folders--;
	free(folder->path);
	free(folder);
}

bool user_desk_next(struct user_desk *d, struct user_answer *ret)
{
	_cleanup_(freep) struct answer *a = NULL;

	if (list_is_empty(&d->answers))
		return false;
	a = LIST_ENTRY(d->answers.next, struct answer, link);
	list_unlink(&a->link);
	d->n_answers--;
	*ret = a->answer;
	return true;
}

static struct user_desk *desk_free(struct user_desk *d)
{
	struct user_answer answer;

	user_jobs_done(&d->ready);
	user_jobs_done(&d->later);
	while (user_desk_next(d, &answer))
		;
	while (!list_is_empty(&d->folders))
		folder_free(d, LIST_ENTRY(d->folders.next, struct folder, link));
	passwd_cache_done(&d->files);
	user_places_done(&d->places);
	pthread_cond_destroy(&d->ready_cond);
	pthread_cond_destroy(&d->left_cond);
	pthread_mutex_destroy(&d->lock);
	closep(&d->fd);
	closep(&d->alarm_fd);
	free(d);
	return NULL;
}

/* 0, which would be never, is at once. */
void user_desk_watch_next(struct user_desk *d, uint64_t ns)
{
	struct itimerspec at = { 0 };

	if (ns != UINT64_MAX)
		at.it_value =
			(struct timespec){ .tv_sec = (time_t)(ns / CLOCK_SECOND_NS),
					   .tv_nsec = (long)(ns % CLOCK_SECOND_NS) + (ns == 0) };
	d->alarm_ns = ns;
	(void)timerfd_settime(d->alarm_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void user_desk_watch_by(struct user_desk *d, uint64_t ns)
{
	if (ns < d->alarm_ns)
		user_desk_watch_next(d, ns);
}

void user_desk_leave(struct user_desk *d)
{
	bool is_last = --d->refs == 0;

	pthread_cond_broadcast(&d->left_cond);
	pthread_mutex_unlock(&d->lock);
	if (is_last)
		desk_free(d);
}

/* What memory has no room for is not told: its events wait until their time is up. */
static void tell(struct user_desk *d, const struct user_question *q, struct str name,
		 bool is_unknown)
{
	struct answer *a = calloc(1, sizeof(*a));
	uint64_t one = 1;

	if (!a)
		return;
	a->answer.mnt_ns = q->mnt_ns;
	a->answer.uid = q->uid;
	a->answer.is_unknown = is_unknown;
	memcpy(a->answer.container, q->container, CONTAINER_ID_LEN);
	a->answer.n_name = name.n < CONTAINER_USER_NAME_MAX ? (uint32_t)name.n
							    : CONTAINER_USER_NAME_MAX;
	if (a->answer.n_name)
		memcpy(a->answer.name, name.p, a->answer.n_name);
	list_append(&d->answers, &a->link);
	d->n_answers++;
	if (!d->is_signalled)
		(void)!write(d->fd, &one, sizeof(one));
	d->is_signalled = true;
}

static void job_free(struct user_desk *d, struct user_job *job)
{
	d->n_questions -= !job->is_again;
	free(job);
}

/* There is nothing to look at. What was known of the place, if anything, is still the best. */
static void answer_unknown(struct user_desk *d, struct user_job *job)
{
	const struct user_question *q = &job->question;
	struct user_place *place = user_places_obtain(&d->places, q->container, q->mnt_ns);
	const struct passwd *file = NULL;

	if (place && place->has_file)
		file = passwd_cache_lookup(&d->files, &place->identity);
	if (place)
		(void)user_place_tell(place, q->uid, passwd_lookup(file, q->uid));
	d->state.unknown += !file;
	d->state.named += file && passwd_lookup(file, q->uid).n;
	d->state.unnamed += file && !passwd_lookup(file, q->uid).n;
	tell(d, q, passwd_lookup(file, q->uid), !file);
	job_free(d, job);
}

static void answer_name(struct user_desk *d, struct user_job *job, struct user_place *place,
			struct str name)
{
	if (place)
		(void)user_place_tell(place, job->question.uid, name);
	d->state.named += name.n > 0;
	d->state.unnamed += name.n == 0;
	tell(d, &job->question, name, false);
	job_free(d, job);
}

/* The file is another one, or has changed: so may have all names that were told of it. */
static void tell_changes(struct user_desk *d, struct user_place *place, const struct passwd *file)
{
	size_t n = place->n_told < PLACE_TOLD ? place->n_told : PLACE_TOLD;
	struct user_question q = { .mnt_ns = place->mnt_ns };

	memcpy(q.container, place->container, CONTAINER_ID_LEN);
	for (size_t i = 0; i < n && d->n_answers < USER_DESK_ANSWERS; i++) {
		struct str name = passwd_lookup(file, place->told[i].uid);

		q.uid = place->told[i].uid;
		if (!user_place_tell(place, q.uid, name))
			continue;
		d->state.changed++;
		tell(d, &q, name, false);
	}
}

/* Of a file that was opened; without the lock while it is read. NULL: it cannot be read. */
static const struct passwd *file_of(struct user_desk *d, const struct user_worker *w,
				    const struct user_lookup *found)
{
	const struct passwd *known = passwd_cache_lookup(&d->files, &found->identity);
	struct passwd *file = NULL;
	int r;

	if (known)
		return known;
	pthread_mutex_unlock(&d->lock);
	r = other_root_read_passwd(found->fd, &found->identity, &file);
	pthread_mutex_lock(&d->lock);
	if (r < 0 || w->is_given_up) {
		passwd_free(file);
		return NULL;
	}
	(void)passwd_cache_put(&d->files, &found->identity, file); /* then it is not there */
	return passwd_cache_lookup(&d->files, &found->identity);
}

static void job_found(struct user_desk *d, struct user_worker *w, const struct user_lookup *found)
{
	const struct passwd *file = file_of(d, w, found);
	struct user_job *job = w->job;
	struct user_place *place;

	if (w->is_given_up)
		return;
	place = user_places_obtain(&d->places, job->question.container, job->question.mnt_ns);
	if (place) {
		place->has_file = file;
		place->identity = found->identity;
		place->pid = found->pid;
		place->look_ns = look_due(d->options.look_ms);
		if (file)
			tell_changes(d, place, file);
	}
	if (job->is_again)
		job_free(d, job);
	else
		answer_name(d, job, place, passwd_lookup(file, job->question.uid));
}

/* Who was hurried meanwhile is not put off. */
static void job_again_later(struct user_desk *d, struct user_job *job)
{
	user_job_put_off(job, now_ns());
	/* Whoever puts it off sees to it, at once or later. */
	list_append(job->is_hurried ? &d->ready : &d->later, &job->link);
}

/* A container that is set up slowly has no file of its own yet: it is looked at again, seldomer. */
static void look_early_later(struct user_desk *d, const struct user_question *q)
{
	struct user_place *place = user_places_obtain(&d->places, q->container, q->mnt_ns);
	uint32_t ms;

	if (!place || place->has_file)
		return;
	ms = place->early_ms ? 2 * place->early_ms : d->options.patience_ms;
	place->early_ms = ms < d->options.look_ms ? ms : d->options.look_ms;
	place->pid = q->pids[0];
	place->look_ns = look_due(place->early_ms);
	user_desk_watch_by(d, place->look_ns);
}

static void job_not_found(struct user_desk *d, struct user_job *job, enum user_lookup_result result)
{
	const struct user_question *q = &job->question;
	bool is_over = job->is_again || d->is_closed ||
		       (now_ns() >= job->until_ns && !job->is_hurried);

	if (result == USER_LOOKUP_LATER && is_over)
		look_early_later(d, q);
	if (job->is_again && result == USER_LOOKUP_LATER) {
		job_free(d, job);
	} else if (job->is_again) {
		user_place_free(&d->places,
				user_places_lookup(&d->places, q->container, q->mnt_ns));
		job_free(d, job);
	} else if (result != USER_LOOKUP_NONE && !is_over) {
		job_again_later(d, job);
	} else if (result == USER_LOOKUP_NONE) {
		answer_name(d, job, user_places_lookup(&d->places, q->container, q->mnt_ns),
			    STR_EMPTY);
	} else {
		answer_unknown(d, job);
	}
}

/* A copy, for without the lock; NULL: it is not known. */
static char *folder_of(struct user_desk *d, const char id[CONTAINER_ID_LEN])
{
	for (struct list *l = d->folders.prev; l != &d->folders; l = l->prev) {
		const struct folder *folder = LIST_ENTRY(l, struct folder, link);

		if (memcmp(folder->id, id, CONTAINER_ID_LEN) == 0)
			return strdup(folder->path);
	}
	return NULL;
}

/*
 * Without the lock. Whoever is too early, as the first in a container are, is looked at in short,
 * until he is hurried or his time is up.
 */
static enum user_lookup_result look(const struct other_root_host *host, const struct look *l,
				    struct user_lookup *found)
{
	enum user_lookup_result result;

	if (!l->is_hurried && !l->is_last && user_lookup_is_early(host, &l->question))
		return USER_LOOKUP_LATER;
	result = user_lookup(host, &l->question, l->folder, found);
	if (result == USER_LOOKUP_LATER && l->is_last &&
	    user_lookup_folder(host, l->folder, found) == USER_LOOKUP_FOUND)
		return USER_LOOKUP_FOUND;
	return result;
}

void user_desk_look(struct user_desk *d, struct user_worker *w)
{
	_cleanup_(freep) char *folder = folder_of(d, w->job->question.container);
	const struct look l = { .question = w->job->question,
				.folder = folder,
				.is_hurried = TAKE(w->job->is_hurried, false),
				.is_last = now_ns() >= w->job->until_ns };
	struct user_lookup found = { .fd = -1 };
	enum user_lookup_result result;

	w->since_ns = now_ns();
	user_desk_watch_by(d, w->since_ns + d->options.hung_ms * CLOCK_MS_NS);
	pthread_mutex_unlock(&d->lock);
	result = look(&d->host, &l, &found);
	pthread_mutex_lock(&d->lock);
	if (!w->is_given_up && result == USER_LOOKUP_FOUND)
		job_found(d, w, &found);
	else if (!w->is_given_up)
		job_not_found(d, w->job, result);
	w->job = NULL;
	closep(&found.fd);
}

void user_desk_give_up(struct user_desk *d, struct user_worker *w)
{
	const struct user_question *q = &w->job->question;
	struct user_place *place = user_places_obtain(&d->places, q->container, q->mnt_ns);

	w->is_given_up = true;
	if (place)
		place->shut_until_ns = now_ns() + d->options.shut_ms * CLOCK_MS_NS;
	if (w->job->is_again)
		job_free(d, w->job);
	else
		answer_unknown(d, w->job);
	w->job = NULL;
}

void user_desk_refuse(struct user_desk *d, struct user_job *job)
{
	list_unlink(&job->link);
	if (job->is_again)
		job_free(d, job);
	else
		answer_unknown(d, job);
}

bool user_desk_hurry(struct user_desk *d, const struct user_question *q)
{
	bool is_asked = false;

	for (struct list *l = d->ready.next; l != &d->ready; l = l->next)
		(void)user_job_hurry(LIST_ENTRY(l, struct user_job, link), q, &is_asked);
	for (struct list *l = d->workers.next; l != &d->workers; l = l->next) {
		struct user_worker *w = LIST_ENTRY(l, struct user_worker, link);

		if (w->job)
			(void)user_job_hurry(w->job, q, &is_asked);
	}
	for (struct list *l = d->later.next, *after; l != &d->later; l = after) {
		struct user_job *job = LIST_ENTRY(l, struct user_job, link);

		after = l->next;
		if (!user_job_hurry(job, q, &is_asked))
			continue;
		list_unlink(&job->link);
		list_append(&d->ready, &job->link);
		pthread_cond_signal(&d->ready_cond);
	}
	return is_asked;
}

bool user_desk_put(struct user_desk *d, const struct user_question *q)
{
	const struct user_place *place = user_places_lookup(&d->places, q->container, q->mnt_ns);
	uint64_t now = now_ns();
	struct user_job *job = NULL;

	d->state.questions++;
	if (d->n_questions < USER_DESK_QUESTIONS && (!place || place->shut_until_ns <= now))
		job = user_job_new(q, false);
	if (!job) {
		d->state.refused++;
		return false;
	}
	(void)user_desk_hurry(d, q);
	job->until_ns = now + d->options.patience_ms * CLOCK_MS_NS;
	d->n_questions++;
	list_append(&d->ready, &job->link);
	pthread_cond_signal(&d->ready_cond);
	return true;
}

/* A place is not put twice: it is due again when it was looked at, or much later. */
static void put_again(struct user_desk *d, struct user_place *place, uint64_t now)
{
	struct user_question q = { .mnt_ns = place->mnt_ns, .pids = { place->pid }, .n_pids = 1 };
	struct user_job *job;

	memcpy(q.container, place->container, CONTAINER_ID_LEN);
	place->look_ns = now + d->options.shut_ms * CLOCK_MS_NS;
	job = user_job_new(&q, true);
	if (!job)
		return;
	list_append(&d->ready, &job->link);
	pthread_cond_signal(&d->ready_cond);
}

uint64_t user_desk_put_again(struct user_desk *d, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (struct list *l = d->places.lru.next; l != &d->places.lru; l = l->next) {
		struct user_place *place = LIST_ENTRY(l, struct user_place, lru);

		if (!place->pid || place->shut_until_ns > now)
			continue;
		if (place->look_ns <= now)
			put_again(d, place, now);
		if (place->look_ns < next)
			next = place->look_ns;
	}
	return next;
}

uint64_t user_desk_wake(struct user_desk *d, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	size_t n = 0;

	for (struct list *l = d->later.next, *after; l != &d->later; l = after) {
		struct user_job *job = LIST_ENTRY(l, struct user_job, link);

		after = l->next;
		if (job->due_ns > now) {
			next = job->due_ns < next ? job->due_ns : next;
			continue;
		}
		list_unlink(&job->link);
		list_append(&d->ready, &job->link);
		if (n++)
			pthread_cond_signal(&d->ready_cond);
	}
	return next;
}

void user_desk_set_folder(struct user_desk *d, const char id[CONTAINER_ID_LEN], const char *path)
{
	_cleanup_(freep) struct folder *folder = calloc(1, sizeof(*folder));
	_cleanup_(freep) char *copy = strdup(path);

	if (!folder || !copy)
		return;
	folder->path = TAKE_PTR(copy);
	memcpy(folder->id, id, CONTAINER_ID_LEN);
	list_append(&d->folders, &folder->link);
	(void)TAKE_PTR(folder);
	if (++d->n_folders > USER_DESK_FOLDERS)
		folder_free(d, LIST_ENTRY(d->folders.next, struct folder, link));
}

static int set_up(struct user_desk *d)
{
	pthread_condattr_t attr;
	int r;

	r = -pthread_condattr_init(&attr);
	if (r < 0)
		return r;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->ready_cond, &attr);
	pthread_cond_init(&d->left_cond, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&d->lock, NULL);
	d->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	return d->fd < 0 || d->alarm_fd < 0 ? -errno : other_root_host(&d->host);
}

int user_desk_new(const struct container_users_options *options, struct user_desk **ret)
{
	struct user_desk *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->options = *options;
	d->refs = 1;
	d->awake_ns = d->guard_ns = d->alarm_ns = UINT64_MAX;
	d->fd = d->alarm_fd = -1;
	list_init(&d->ready);
	list_init(&d->later);
	list_init(&d->answers);
	list_init(&d->folders);
	list_init(&d->workers);
	passwd_cache_init(&d->files);
	user_places_init(&d->places);
	r = set_up(d);
	if (r < 0) {
		desk_free(d);
		return r;
	}
	*ret = d;
	return 0;
}
