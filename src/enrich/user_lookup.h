/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the passwd file that names the users of a process in a container: below the root of the
 * process itself, or of an ancestor in the same mount namespace, or in the folder where its runtime
 * has mounted the container's root. May hang: see enrich/other_root.h. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "enrich/other_root.h"
#include "event/container.h"

#define USER_QUESTION_PIDS 4

struct user_question {
	char container[CONTAINER_ID_LEN];
	uint32_t mnt_ns;
	uint32_t uid;			   /* as its user namespace has it */
	uint32_t pids[USER_QUESTION_PIDS]; /* who may be in that mount namespace; the best first */
	uint32_t n_pids;
};

enum user_lookup_result {
	USER_LOOKUP_FOUND, /* *ret is filled in, fd the caller's */
	USER_LOOKUP_NONE,  /* there is the root, and no file of users in it */
	USER_LOOKUP_LATER, /* it is still being set up */
	USER_LOOKUP_GONE,  /* nobody is there (any more) */
};

struct user_lookup {
	int fd;	      /* O_PATH */
	uint32_t pid; /* in which process it was found; 0: in the folder */
	struct passwd_identity identity;
};

/* The folder may be NULL. It is the last resort, so where nobody is there any more. */
enum user_lookup_result user_lookup(const struct other_root_host *host,
				    const struct user_question *q, const char *folder,
				    struct user_lookup *ret);
/*
 * Whether it most likely is USER_LOOKUP_LATER, for processes that share their root. Two system
 * calls for each process, where looking takes a dozen.
 */
bool user_lookup_is_early(const struct other_root_host *host, const struct user_question *q);
/* As user_lookup(), in the folder alone. */
enum user_lookup_result user_lookup_folder(const struct other_root_host *host, const char *folder,
					   struct user_lookup *ret);
