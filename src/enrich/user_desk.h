/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the threads of enrich/container_users.h share: questions that wait, answers, what is known
 * of files. All under one lock, which every function here is called with, and which
 * user_desk_look() alone gives up, while it looks. The desk lives until the last thread has left
 * it: one that hangs may come back long after everybody else is gone.
 */
#pragma once

#include <pthread.h>

#include "base/list.h"
#include "enrich/container_users.h"
#include "enrich/passwd_cache.h"
#include "enrich/user_job.h"
#include "enrich/user_places.h"

#define USER_DESK_QUESTIONS 1024 /* that wait; files to be looked at again come on top */
#define USER_DESK_ANSWERS 4096	 /* what has changed is not told above it */
#define USER_DESK_FOLDERS 1024	 /* the ones that were told of longest ago go first */

/* One who looks. */
struct user_worker {
	struct list link;
	struct user_desk *desk;
	struct user_job *job; /* NULL: waits for one; owned, unless he is given up */
	uint64_t since_ns;
	bool is_given_up;
};

struct user_desk {
	pthread_mutex_t lock;
	pthread_cond_t ready_cond, left_cond;
	struct container_users_options options;
	struct other_root_host host;
	struct list ready, later, answers, folders, workers;
	size_t n_questions, n_answers, n_folders;
	struct passwd_cache files;
	struct user_places places;
	struct container_users_state state;
	uint32_t refs; /* threads, and the owner */
	uint32_t n_workers, n_hanging;
	uint64_t awake_ns; /* when a worker who waits wakes by himself; UINT64_MAX: none does */
	uint64_t guard_ns; /* the same of the one who comes after him, in case that he hangs */
	int alarm_fd;	   /* what whoever watches sleeps by: nobody needs to wake him */
	uint64_t alarm_ns; /* when it goes off; UINT64_MAX: never */
	bool has_watcher, is_closed;
	bool is_signalled; /* fd is readable */
	int fd;
};

/* 0 or a negative errno; the caller has the one reference. */
int user_desk_new(const struct container_users_options *options, struct user_desk **ret);
/* Whoever watches is to come by then, or sooner where that was asked for before. */
void user_desk_watch_by(struct user_desk *d, uint64_t ns);
/* He has come, and does again by then, or when he is asked to; UINT64_MAX: only then. */
void user_desk_watch_next(struct user_desk *d, uint64_t ns);
/* Lets go of a reference, and of the lock. */
void user_desk_leave(struct user_desk *d);

/* A question: false where it is refused. It hurries the others of that place. */
bool user_desk_put(struct user_desk *d, const struct user_question *q);
/*
 * Jobs of that container and mount namespace that were put off become ready, and one that is in
 * hand will be if it is not done now, each USER_JOB_HURRIES times at most. They look in the
 * processes of this question first. Whether one of them is about this user, too.
 */
bool user_desk_hurry(struct user_desk *d, const struct user_question *q);
/*
 * Files that are to be looked at again now become jobs. Returns when the next one is, or
 * UINT64_MAX.
 */
uint64_t user_desk_put_again(struct user_desk *d, uint64_t now_ns);
/*
 * Jobs that were put off become ready, the first of them for whoever calls. Returns when the next
 * one does, or UINT64_MAX.
 */
uint64_t user_desk_wake(struct user_desk *d, uint64_t now_ns);
/* Does a worker's job, or puts it off. */
void user_desk_look(struct user_desk *d, struct user_worker *w);
/* His job is taken from him, and answered. */
void user_desk_give_up(struct user_desk *d, struct user_worker *w);

/* A job that is ready is answered as if nothing could be found. */
void user_desk_refuse(struct user_desk *d, struct user_job *job);

void user_desk_set_folder(struct user_desk *d, const char id[CONTAINER_ID_LEN], const char *path);
bool user_desk_next(struct user_desk *d, struct user_answer *ret);
