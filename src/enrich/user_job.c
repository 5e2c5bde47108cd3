/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/user_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/*
 * Three times as long each time: with the default patience that makes five looks. Mostly somebody
 * hurries the job before.
 */
#define FIRST_PAUSE_NS (25 * CLOCK_MS_NS)
#define PAUSE_GROWS 3

struct user_job *user_job_new(const struct user_question *q, bool is_again)
{
	struct user_job *job = calloc(1, sizeof(*job));

	if (job) {
		job->question = *q;
		job->is_again = is_again;
		job->pause_ns = FIRST_PAUSE_NS;
	}
	return job;
}

void user_job_put_off(struct user_job *job, uint64_t now_ns)
{
	uint64_t due = now_ns + job->pause_ns;

	job->due_ns = due < job->until_ns ? due : job->until_ns;
	job->pause_ns *= PAUSE_GROWS;
}

/* The pids of `q` come first; the last go. */
static void put_pids_first(struct user_question *to, const struct user_question *q)
{
	struct user_question merged = *q;

	for (uint32_t i = 0; i < to->n_pids && merged.n_pids < USER_QUESTION_PIDS; i++) {
		bool is_there = false;

		for (uint32_t j = 0; j < q->n_pids; j++)
			is_there |= q->pids[j] == to->pids[i];
		if (!is_there)
			merged.pids[merged.n_pids++] = to->pids[i];
	}
	memcpy(to->pids, merged.pids, sizeof(to->pids));
	to->n_pids = merged.n_pids;
}

bool user_job_hurry(struct user_job *job, const struct user_question *q, bool *is_asked)
{
	if (job->is_again || job->question.mnt_ns != q->mnt_ns ||
	    memcmp(job->question.container, q->container, CONTAINER_ID_LEN) != 0)
		return false;
	*is_asked |= job->question.uid == q->uid;
	if (job->n_hurries == USER_JOB_HURRIES)
		return false;
	job->n_hurries++;
	job->is_hurried = true;
	put_pids_first(&job->question, q);
	return true;
}

void user_jobs_done(struct list *jobs)
{
	while (!list_is_empty(jobs)) {
		struct user_job *job = LIST_ENTRY(jobs->next, struct user_job, link);

		list_unlink(&job->link);
		free(job);
	}
}
