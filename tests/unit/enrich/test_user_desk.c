/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that are put off, hurried, and hurried while somebody has them in hand. */
#include <sched.h>
#include <sys/mount.h>

#include "base/clock.h"
#include "enrich/user_desk.h"
#include "hung_folder.h"
#include "other_folder.h"

#define NOBODY 0x7ffffff0 /* no process has such a pid */

static const struct container_users_options options = { .patience_ms = 150,
							.hung_ms = 60000,
							.shut_ms = 60000,
							.look_ms = 1000 };

struct world {
	struct user_desk *desk;
	struct user_worker worker;
};

static void begin(struct world *w, uint32_t patience_ms)
{
	struct container_users_options o = options;

	o.patience_ms = patience_ms;
	*w = (struct world){ 0 };
	assert_int_equal(user_desk_new(&o, &w->desk), 0);
	w->worker.desk = w->desk;
	list_append(&w->desk->workers, &w->worker.link);
	pthread_mutex_lock(&w->desk->lock);
}

static void end(struct world *w)
{
	list_unlink(&w->worker.link);
	user_desk_leave(w->desk);
}

/* Of a process that has the host's root still, as all of ours do: it is too early. */
static struct user_question question(char container, uint32_t uid, uint32_t pid)
{
	struct user_question q = { .uid = uid, .pids = { pid }, .n_pids = 1 };
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	q.mnt_ns = (uint32_t)st.st_ino;
	memset(q.container, container, sizeof(q.container));
	return q;
}

static struct user_job *first(const struct list *jobs)
{
	return list_is_empty(jobs) ? NULL : LIST_ENTRY(jobs->next, struct user_job, link);
}

static void take(struct world *w)
{
	w->worker.job = first(&w->desk->ready);
	assert_non_null(w->worker.job);
	list_unlink(&w->worker.job->link);
}

static void look(struct world *w)
{
	take(w);
	user_desk_look(w->desk, &w->worker);
	assert_null(w->worker.job);
}

static void put(struct world *w, char container, uint32_t uid)
{
	const struct user_question q = question(container, uid, (uint32_t)getpid());

	assert_true(user_desk_put(w->desk, &q));
}

static void hurry(struct world *w, char container, uint32_t pid)
{
	const struct user_question q = question(container, 77, pid);

	assert_false(user_desk_hurry(w->desk, &q)); /* of this one nobody has asked */
}

static bool is_asked(struct world *w, char container, uint32_t uid)
{
	const struct user_question q = question(container, uid, 1);

	return user_desk_hurry(w->desk, &q);
}

/* Whether an answer comes: while the question waits for its turn or is in hand, not after it. */
static void test_is_asked(void **state)
{
	struct user_answer answer;
	struct world w;

	(void)state;
	begin(&w, 0);
	assert_false(is_asked(&w, 'a', 5));
	put(&w, 'a', 5);
	assert_true(is_asked(&w, 'a', 5));
	assert_false(is_asked(&w, 'a', 6));
	assert_false(is_asked(&w, 'b', 5));
	take(&w);
	assert_true(is_asked(&w, 'a', 5));
	user_desk_give_up(w.desk, &w.worker);
	assert_true(user_desk_next(w.desk, &answer));
	assert_true(answer.is_unknown);
	assert_false(is_asked(&w, 'a', 5));
	end(&w);
}

/* Who has waited for long is looked at at once, in who lives there now. */
static void test_hurried(void **state)
{
	const struct user_job *job;
	struct world w;

	(void)state;
	begin(&w, 60000);
	put(&w, 'a', 5);
	put(&w, 'a', 6);
	put(&w, 'b', 5);
	for (int i = 0; i < 3; i++)
		look(&w);
	assert_null(first(&w.desk->ready));
	assert_int_equal(user_desk_wake(w.desk, 0) > 0, 1);
	hurry(&w, 'c', 1);
	assert_null(first(&w.desk->ready));
	hurry(&w, 'a', 1);
	for (uint32_t uid = 5; uid < 7; uid++) {
		job = first(&w.desk->ready);
		assert_int_equal(job->question.container[0], 'a');
		assert_int_equal(job->question.uid, uid);
		assert_int_equal(job->question.n_pids, 2);
		assert_int_equal(job->question.pids[0], 1);
		assert_int_equal(job->question.pids[1], getpid());
		look(&w);
	}
	assert_null(first(&w.desk->ready));
	assert_int_equal(w.desk->state.questions, 3);
	assert_int_equal(w.desk->n_answers, 0); /* nobody has found anything */
	end(&w);
}

/* Another user's question is a hint, too; the processes of all that were asked for stay bounded. */
static void test_another_user(void **state)
{
	const struct user_question q = question('a', 6, 4);
	struct world w;

	(void)state;
	begin(&w, 60000);
	put(&w, 'a', 5);
	look(&w);
	for (uint32_t pid = 1; pid < 4; pid++)
		hurry(&w, 'a', pid);
	look(&w);
	assert_true(user_desk_put(w.desk, &q));
	assert_int_equal(first(&w.desk->ready)->question.uid, 5);
	assert_int_equal(first(&w.desk->ready)->question.n_pids, USER_QUESTION_PIDS);
	for (uint32_t i = 0; i < USER_QUESTION_PIDS; i++)
		assert_int_equal(first(&w.desk->ready)->question.pids[i], 4 - i);
	end(&w);
}

/* Whoever executes again and again in a container that stays as it is: it costs a few looks. */
static void test_hurried_for_ever(void **state)
{
	struct world w;
	int n = 0;

	(void)state;
	begin(&w, 60000);
	put(&w, 'a', 5);
	look(&w);
	for (int i = 0; i < 100; i++) {
		hurry(&w, 'a', 1);
		if (first(&w.desk->ready)) {
			look(&w);
			n++;
		}
	}
	assert_int_equal(n, USER_JOB_HURRIES);
	assert_non_null(first(&w.desk->later));
	end(&w);
}

/* As whoever puts it off would see it, without the waiting between. */
static int looks_until_answered(struct world *w)
{
	int n = 0;

	while (!w->desk->n_answers) {
		uint64_t next = user_desk_wake(w->desk, UINT64_MAX);

		assert_int_equal(next, UINT64_MAX);
		look(w);
		if (first(&w->desk->later)) {
			const struct user_job *job = first(&w->desk->later);

			assert_true(job->due_ns <= job->until_ns);
			first(&w->desk->later)->until_ns -=
				job->due_ns - clock_now_ns(CLOCK_MONOTONIC);
		}
		n++;
	}
	return n;
}

/* Nobody hurries it: as many looks as a process is worth that never executes anything. */
static void test_few_looks(void **state)
{
	struct user_answer answer;
	struct world w;

	(void)state;
	begin(&w, container_users_options_default.patience_ms);
	put(&w, 'a', 5);
	assert_int_equal(looks_until_answered(&w), 5);
	assert_true(user_desk_next(w.desk, &answer));
	assert_int_equal(answer.n_name, 0);
	assert_true(answer.is_unknown);
	assert_false(user_desk_next(w.desk, &answer));
	end(&w);
}

static void *look_in_thread(void *world)
{
	struct world *w = world;

	pthread_mutex_lock(&w->desk->lock);
	user_desk_look(w->desk, &w->worker);
	pthread_mutex_unlock(&w->desk->lock);
	return NULL;
}

/* Until he looks: without the lock, that is. */
static void await_look(struct world *w)
{
	bool looks;

	do {
		pthread_mutex_unlock(&w->desk->lock);
		sched_yield();
		pthread_mutex_lock(&w->desk->lock);
		looks = w->worker.since_ns;
	} while (!looks);
}

/* What he finds is of before: his time is over, and it is looked at once more all the same. */
static void test_in_hand(void **state)
{
	struct user_answer answer;
	struct other_folder hung, f;
	struct user_question q;
	pthread_t thread;
	struct world w;
	int fuse;

	(void)state;
	other_make(&hung);
	other_make(&f);
	other_write(&f, "etc/passwd", "app:x:5:\n");
	fuse = mount_fuse(other_path(&hung, "etc"));
	if (fuse < 0) {
		other_remove(&hung);
		other_remove(&f);
		print_message("a FUSE file system cannot be mounted here\n");
		skip();
	}
	begin(&w, 0);
	q = question('a', 5, NOBODY);
	user_desk_set_folder(w.desk, q.container, hung.path);
	assert_true(user_desk_put(w.desk, &q));
	take(&w);
	assert_int_equal(pthread_create(&thread, NULL, look_in_thread, &w), 0);
	await_look(&w);
	user_desk_set_folder(w.desk, q.container, f.path);
	hurry(&w, 'a', NOBODY + 1);
	pthread_mutex_unlock(&w.desk->lock);
	closep(&fuse); /* the server has gone: nothing was found */
	pthread_join(thread, NULL);
	pthread_mutex_lock(&w.desk->lock);
	assert_false(user_desk_next(w.desk, &answer));
	assert_int_equal(first(&w.desk->ready)->question.pids[0], NOBODY + 1);
	look(&w);
	assert_true(user_desk_next(w.desk, &answer));
	assert_int_equal(answer.n_name, 3);
	assert_memory_equal(answer.name, "app", 3);
	assert_false(answer.is_unknown);
	assert_false(user_desk_next(w.desk, &answer));
	assert_null(first(&w.desk->ready));
	assert_null(first(&w.desk->later));
	end(&w);
	umount2(other_path(&hung, "etc"), MNT_DETACH);
	other_remove(&hung);
	other_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hurried),		 cmocka_unit_test(test_another_user),
		cmocka_unit_test(test_hurried_for_ever), cmocka_unit_test(test_few_looks),
		cmocka_unit_test(test_in_hand),		 cmocka_unit_test(test_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
