/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users in containers, from each container's own passwd file. Nobody waits here: questions
 * are taken, and answered later.
 *
 * Files of a container may hang whoever opens them, for as long as the container likes. So a few
 * threads look (they are started with the first question), and another one watches them: who takes
 * too long is left to himself, his question is answered with nothing, his place is shut for a
 * while, and another thread takes his turn, as long as not too many hang already.
 *
 * A container that is just being set up has the host's root still, and a process that lives for a
 * moment only may be gone before it is looked at: then it is tried again, at once when somebody
 * says that it is worth while, else a few times for as long as somebody waits for the answer. What
 * is known of files is looked at again now and then, and told where a name has changed. All of it
 * is bounded and counted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "enrich/user_lookup.h"

#define CONTAINER_USER_NAME_MAX 256 /* a longer name is cut */

struct container_users;

struct container_users_options {
	uint32_t patience_ms; /* for who is not there yet, or any more */
	uint32_t hung_ms;     /* who has looked for so long hangs */
	uint32_t shut_ms;     /* a place where somebody hung is not looked at again for so long */
	uint32_t look_ms;     /* files are looked at again after so long */
};

extern const struct container_users_options container_users_options_default;

struct user_answer {
	char container[CONTAINER_ID_LEN];
	uint32_t mnt_ns, uid;
	bool is_unknown; /* there was nothing to look at: it may be asked once more */
	uint32_t n_name; /* 0: it has none, or that is unknown */
	char name[CONTAINER_USER_NAME_MAX];
};

/* Counters only grow. */
struct container_users_state {
	uint64_t questions, refused; /* refused: too many wait, or the place is shut */
	uint64_t named, unnamed;     /* answers; unnamed: the file has no name for it */
	uint64_t unknown;	     /* answers for which there was nothing to look at */
	uint64_t hung;		     /* times that looking took too long */
	uint64_t changed;	     /* names that were told again because they had changed */
	uint64_t evicted;	/* files and places that were forgotten to stay within bounds */
	uint64_t hanging;	/* threads that hang, now */
	uint64_t files, places; /* known, now */
};

/* 0 or a negative errno. */
int container_users_new(const struct container_users_options *options,
			struct container_users **ret);
/* Within half a second, whatever hangs. */
struct container_users *container_users_free(struct container_users *u);
DEFINE_CLEANUP(struct container_users *, container_users_free)

/* What follows is for one thread, but for the state. Readable while there is an answer. */
int container_users_fd(const struct container_users *u);
/* Takes a question; false: it is not even tried, nobody will know. */
bool container_users_ask(struct container_users *u, const struct user_question *q);
/*
 * What was asked of that container and mount namespace, by whichever user, and has no answer yet is
 * looked at at once, in these processes first: they may have the root that the others still lacked.
 * No answer comes of it that would not have come anyway: whether one about this user does.
 */
bool container_users_hurry(struct container_users *u, const struct user_question *q);
/* Where the root of a container is mounted, for when nobody lives in it any more. */
void container_users_set_folder(struct container_users *u, const char id[CONTAINER_ID_LEN],
				const char *folder);
bool container_users_next(struct container_users *u, struct user_answer *ret);

void container_users_state(struct container_users *u, struct container_users_state *ret);
