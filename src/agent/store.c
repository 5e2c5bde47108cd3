/* SPDX-License-Identifier: Apache-2.0 */
/* The folder and what lies in it; what each file says is its own module's. */
#include "agent/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/transients.h"
#include "base/boot_id.h"
#include "base/folder.h"
#include "base/lock.h"
#include "base/log.h"
#include "pipeline/backlog.h"
#include "pipeline/custody.h"
#include "proc/state.h"

#define LOG_UNIT "store"

struct store {
	char *folder;
	int lock_fd;
	uint64_t journal_bytes;
	struct journal_id id;
	struct journal *journal; /* NULL: not begun */
	struct custody *custody; /* NULL: it could not be opened */
	uint64_t end;		 /* what is before it in the ring is in the journal */
	struct transients transients;
};

/* The folder, and those above it. 0 or a negative errno. */
static int make_folder(const char *path)
{
	int r = folder_make_above(path, 0755);

	if (r < 0)
		return r;
	return folder_make_private(path);
}

static int open_parts(struct store *s)
{
	int r;

	r = make_folder(s->folder);
	if (r < 0)
		return r;
	r = lock_folder(s->folder, &s->lock_fd);
	if (r < 0)
		return r;
	r = boot_id_read(s->id.boot_id);
	if (r < 0)
		return r;
	r = custody_open(s->folder, s->id.boot_id, &s->custody);
	if (r < 0 && r != -ENOMEM)
		log_warn_errno(r, "'%s/custody': after a crash records may come twice", s->folder);
	return r == -ENOMEM ? r : 0;
}

int store_open(const char *folder, uint64_t journal_bytes, struct store **ret)
{
	_cleanup_(store_closep) struct store *s = calloc(1, sizeof(*s));
	char why[PATH_MAX];
	int r;

	if (!s)
		return -ENOMEM;
	s->lock_fd = -1;
	s->journal_bytes = journal_bytes;
	s->folder = strdup(folder);
	if (!s->folder)
		return -ENOMEM;
	r = open_parts(s);
	if (r == -ENOMEM)
		return r;
	if (r == -EBUSY) {
		log_err("%s", lock_describe_conflict(folder, why, sizeof(why)));
		return r;
	}
	if (r < 0)
		log_warn_errno(r,
			       "cannot use '%s': what the agent knows is lost when it dies, and "
			       "what is queued then",
			       folder);
	*ret = r < 0 ? NULL : TAKE_PTR(s);
	return 0;
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	journal_free(s->journal);
	transients_done(&s->transients);
	custody_close(s->custody);
	closep(&s->lock_fd);
	free(s->folder);
	free(s);
	return NULL;
}

void store_pipeline_state(const struct store *s, struct pipeline_state *ret)
{
	*ret = (struct pipeline_state){ 0 };
	if (s)
		*ret = (struct pipeline_state){ .folder = s->folder, .custody = s->custody };
}

static void tell_found(const struct store *s, const struct journal_found *found)
{
	if (found->why)
		log_warn("'%s/journal': %s; what it does not tell comes from the task iterator: of "
			 "processes that have ended since, nothing is known",
			 s->folder, found->why);
	else if (found->n_records)
		log_info("%" PRIu64 " records of the journal folded", found->n_records);
}

void store_recover(struct store *s, uint32_t ring_id, journal_visit_fn *visit, void *ctx,
		   struct journal_found *ret)
{
	struct journal_found found = { .outcome = JOURNAL_NONE };
	int r = 0;

	*ret = found;
	if (!s)
		return;
	s->id.ring_id = ring_id;
	r = journal_recover(s->folder, &s->id, visit, ctx, &found);
	if (r < 0)
		log_warn_errno(r, "cannot fold all of the journal");
	tell_found(s, &found);
	*ret = found;
}

static int put_state(void *ctx, const struct event_head *record)
{
	return journal_put_state(ctx, record);
}

static int write_state(void *ctx, struct journal *j)
{
	return fold_state(ctx, put_state, j);
}

void store_begin(struct store *s, uint32_t ring_id, struct fold *fold, uint64_t position)
{
	int r;

	if (!s)
		return;
	s->id.ring_id = ring_id;
	s->journal = journal_free(s->journal);
	r = journal_open(s->folder, &s->id, s->journal_bytes, &s->journal);
	if (r < 0) {
		log_warn_errno(r,
			       "'%s': there is no journal: what the agent knows is lost when it "
			       "dies",
			       s->folder);
		return;
	}
	s->end = position; /* where an old journal, if it goes on, goes on */
	if (!fold_holds(fold) || journal_is_broken(s->journal))
		store_rewrite(s, fold, position);
}

void store_note(struct store *s, const struct event_head *record, uint64_t position)
{
	if (s && s->journal)
		journal_note(s->journal, record, position);
}

void store_append(struct store *s, const struct ring *ring, uint64_t end, const struct fold *fold)
{
	struct iovec pieces[2];
	size_t n;

	if (!s || !s->journal || end <= s->end)
		return;
	if (!journal_is_broken(s->journal)) {
		n = ring_span(ring, s->end, end, pieces);
		transients_find(&s->transients, fold, s->end, pieces, n);
		(void)journal_append(s->journal, s->end, end, pieces, n,
				     &s->transients.cuts); /* has logged it */
	}
	s->end = end;
}

void store_append_facts(struct store *s, uint64_t position)
{
	if (s && s->journal && position == s->end)
		(void)journal_append(s->journal, position, position, NULL, 0,
				     NULL); /* has logged it */
}

bool store_is_broken(const struct store *s)
{
	return s && s->journal && journal_is_broken(s->journal);
}

bool store_wants_rewrite(const struct store *s)
{
	return store_is_broken(s) || (s && s->journal && journal_is_full(s->journal));
}

void store_rewrite(struct store *s, struct fold *fold, uint64_t position)
{
	if (!s || !s->journal)
		return;
	if (journal_rewrite(s->journal, position, write_state, fold) == 0) /* logs what fails */
		s->end = position;
}

const struct journal_counters *store_counters(const struct store *s)
{
	return s && s->journal ? journal_counters(s->journal) : NULL;
}

/* Whether a kill left no more of it than an empty backlog. */
static bool is_blank(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_size <= BACKLOG_BLANK_BYTES;
}

/* How many files the folder has left after the blank ones, or all, were removed. */
static size_t clear_folder(const char *path, bool is_all)
{
	_cleanup_(closedirp) DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if ((!is_all && !is_blank(dirfd(dir), entry->d_name)) ||
		    unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			n++;
	}
	return n;
}

static void look_at_backlog(int folder, const char *name, const char *path)
{
	if (name[0] == '.' || backlog_is_in_use(folder, name))
		return;
	if (!is_blank(folder, name))
		log_warn(
			"records wait in '%s/%s' for a flusher that no pipeline has: they go out when "
			"one of that name has it again; or remove the file",
			path, name);
	else if (unlinkat(folder, name, 0) < 0)
		log_warn_errno(-errno, "cannot remove '%s/%s'", path, name);
}

void store_tell_leftovers(const struct store *s)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(closedirp) DIR *dir = NULL;
	const struct dirent *entry;

	if (!s || asprintf(&path, "%s/backlog", s->folder) < 0)
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		look_at_backlog(dirfd(dir), entry->d_name, path);
}

static int remove_parts(const char *folder, bool drop_backlog, size_t *ret_n_backlogs)
{
	_cleanup_(freep) char *backlog = NULL;
	size_t n;

	if (asprintf(&backlog, "%s/backlog", folder) < 0)
		return -ENOMEM;
	n = clear_folder(backlog, drop_backlog);
	if (n) {
		*ret_n_backlogs = n;
		return -ENOTEMPTY;
	}
	if (rmdir(backlog) < 0 && errno != ENOENT)
		return -errno;
	(void)clear_folder(folder, true);
	return rmdir(folder) < 0 ? -errno : 0;
}

int store_remove(const char *folder, bool drop_backlog, size_t *ret_n_backlogs)
{
	_cleanup_(closep) int lock_fd = -1;
	char holder[64];
	int r;

	r = lock_folder(folder, &lock_fd);
	if (r == -ENOENT)
		return 0;
	if (r == -EBUSY)
		log_err("%s runs this instance: stop it first",
			lock_describe_holder(folder, holder, sizeof(holder)));
	return r < 0 ? r : remove_parts(folder, drop_backlog, ret_n_backlogs);
}
