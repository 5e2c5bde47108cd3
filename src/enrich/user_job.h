/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question about a user of a container on its way through enrich/user_desk.h: when it is looked
 * at again, and who is looked at first. Plain data with one owner.
 */
#pragma once

#include "base/list.h"
#include "enrich/user_lookup.h"

#define USER_JOB_HURRIES 4

struct user_job {
	struct list link;
	struct user_question question;
	bool is_again;	 /* nobody asked: has the file changed? */
	bool is_hurried; /* since it was last begun with */
	uint32_t n_hurries;
	uint64_t until_ns, due_ns, pause_ns;
};

/* In no list, and the caller's, who frees it; NULL when memory ran out. */
struct user_job *user_job_new(const struct user_question *q, bool is_again);
void user_jobs_done(struct list *jobs); /* frees all that are in it */

/* It is due again after a pause, which is longer each time, but not later than its time is up. */
void user_job_put_off(struct user_job *job, uint64_t now_ns);

/*
 * Another question of the same container and mount namespace came: whether the job is hurried,
 * which it is USER_JOB_HURRIES times at most. Then the processes of `q` are looked at first, and
 * its own as far as there is room. *is_asked becomes true where it is about the same user.
 */
bool user_job_hurry(struct user_job *job, const struct user_question *q, bool *is_asked);
