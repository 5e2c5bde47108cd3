/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "journal/journal_file.h"
#include "journal/notes.h"
#include "journal/scan.h"

#define LOG_UNIT "journal"

#define JOURNAL_NEW SCAN_JOURNAL ".new" /* until it is whole */
#define STATE_PIECE ((size_t)32 * 1024) /* what is written at a time: it stays in the first cache */
#define GROWTH 3			/* how many times its state a journal may be large */

struct journal {
	char *folder; /* for messages */
	int dir_fd;
	struct journal_id id;
	uint64_t limit;
	struct journal_file file; /* none: broken */
	uint64_t full_at;
	struct notes notes;
	struct slices slices; /* of the batch that is being written; kept */
	bool has_complained;  /* the log has it that it cannot be written */
	struct journal_counters counters;

	/* The file to be written next time: none, or the one before this. */
	struct journal_file next;
	struct buf state; /* of its next batch; kept: pages that are new cost more than it does */
	uint64_t position;
	int state_error; /* the first one */
};

int journal_recover(const char *folder, const struct journal_id *id, journal_visit_fn *visit,
		    void *ctx, struct journal_found *ret)
{
	_cleanup_(closep) int dir_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct scan scan = { 0 };
	int r;

	if (dir_fd >= 0 || errno != ENOENT)
		scan_journal(dir_fd, id, &scan);
	r = scan_visit(&scan, visit, ctx);
	*ret = scan.found;
	scan_done(&scan);
	return r;
}

/* Goes on with what is there, if it can be. How large its state is nobody knows: it is full. */
static void adopt(struct journal *j)
{
	struct scan scan;

	scan_journal(j->dir_fd, &j->id, &scan);
	scan_done(&scan);
	if (scan.found.outcome == JOURNAL_SAME_RING && !scan.found.is_damaged &&
	    journal_file_open(j->dir_fd, SCAN_JOURNAL, scan.found.size, &j->file) == 0)
		j->counters.size = j->file.size;
}

int journal_open(const char *folder, const struct journal_id *id, uint64_t limit,
		 struct journal **ret)
{
	_cleanup_(journal_freep) struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->id = *id;
	j->limit = limit;
	j->file = j->next = JOURNAL_FILE_NONE;
	j->dir_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0)
		return -errno;
	j->folder = strdup(folder);
	if (!j->folder)
		return -ENOMEM;
	adopt(j);

	*ret = TAKE_PTR(j);
	return 0;
}

/* What the files hold beyond what counts is of use to whoever writes, and only to them. */
static void give_back(const struct journal *j)
{
	if (j->next.fd >= 0)
		unlinkat(j->dir_fd, JOURNAL_NEW, 0);
	if (j->file.fd >= 0 && ftruncate(j->file.fd, (off_t)j->file.size) < 0)
		log_debug("'%s/%s' stays as large as it is", j->folder, SCAN_JOURNAL);
}

struct journal *journal_free(struct journal *j)
{
	if (!j)
		return NULL;
	give_back(j);
	journal_file_close(&j->file);
	journal_file_close(&j->next);
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	notes_done(&j->notes);
	buf_done(&j->state);
	slices_done(&j->slices);
	free(j->folder);
	free(j);
	return NULL;
}

/* Nothing of what was written of the batch counts. */
static int break_off(struct journal *j, int r)
{
	journal_file_close(&j->file);
	notes_drop(&j->notes, j->notes.n);
	j->counters.failures++;
	j->counters.size = 0;
	j->has_complained = true;
	return log_warn_errno(r,
			      "cannot write '%s/%s'; until it can be written a crash would "
			      "forget what is known of processes that have ended",
			      j->folder, SCAN_JOURNAL);
}

static size_t count_notes(const struct notes *notes, uint64_t begin, uint64_t end)
{
	size_t n = 0;

	while (n < notes->n &&
	       (notes->items[n].before < end || (begin == end && notes->items[n].before == end)))
		n++;
	return n;
}

/* A batch that is put together: how far in the ring, and which note is next. */
struct progress {
	uint64_t at;
	const struct iovec *piece;
	size_t used; /* of the piece */
	size_t note, n_notes;
};

static size_t note_begin(const struct journal *j, size_t i)
{
	return i ? j->notes.items[i - 1].end : 0;
}

/* The ring's bytes up to `end`; `is_kept`: they go into the batch. */
static void pass_pieces(struct journal *j, struct progress *p, uint64_t end, bool is_kept)
{
	while (p->at < end) {
		size_t left = p->piece->iov_len - p->used;
		size_t take = end - p->at < left ? (size_t)(end - p->at) : left;

		if (is_kept)
			slices_put(&j->slices, (const char *)p->piece->iov_base + p->used, take);
		p->used += take;
		p->at += take;
		if (p->used == p->piece->iov_len) {
			p->piece++;
			p->used = 0;
		}
	}
}

static void put_note(struct journal *j, struct progress *p)
{
	size_t i = p->note++, begin = note_begin(j, i);

	slices_put(&j->slices, j->notes.frames.data + begin, j->notes.items[i].end - begin);
}

/* The ring's bytes up to `end`, with the notes in their places. */
static void put_until(struct journal *j, struct progress *p, uint64_t end)
{
	while (p->note < p->n_notes && j->notes.items[p->note].before <= end) {
		pass_pieces(j, p, j->notes.items[p->note].before, true);
		put_note(j, p);
	}
	pass_pieces(j, p, end, true);
}

static void put_cuts(struct journal *j, struct progress *p, const struct cuts *cuts)
{
	size_t frame = 0;

	for (size_t i = 0; i < cuts->n; i++) {
		const struct cut *cut = &cuts->items[i];

		put_until(j, p, cut->begin);
		while (p->note < p->n_notes && j->notes.items[p->note].before < cut->end)
			put_note(j, p);
		slices_put(&j->slices, cuts->frames.data + frame, cut->frame_end - frame);
		frame = cut->frame_end;
		pass_pieces(j, p, cut->end, false);
	}
}

static int append_batch(struct journal *j, uint64_t begin, uint64_t end, const struct iovec *pieces,
			size_t n_pieces, const struct cuts *cuts)
{
	struct progress p = { .at = begin,
			      .piece = pieces,
			      .n_notes = count_notes(&j->notes, begin, end) };
	uint64_t before = j->file.size;
	/* Each note and each cut is a slice, and cuts a piece in two. */
	int r = slices_begin(&j->slices, n_pieces + 2 * (p.n_notes + (cuts ? cuts->n : 0)));

	if (r < 0)
		return r;
	if (cuts)
		put_cuts(j, &p, cuts);
	put_until(j, &p, end);
	r = journal_file_write(&j->file, FORMAT_LOG, begin, end, &j->slices);
	if (r < 0)
		return r;
	r = journal_file_commit(&j->file);
	if (r < 0)
		return r;
	notes_drop(&j->notes, p.n_notes);
	j->counters.size = j->file.size;
	j->counters.bytes += j->file.size - before;
	return 0;
}

static uint64_t length_of(const struct iovec *pieces, size_t n_pieces)
{
	uint64_t n = 0;

	for (size_t i = 0; i < n_pieces; i++)
		n += pieces[i].iov_len;
	return n;
}

int journal_append(struct journal *j, uint64_t begin, uint64_t end, const struct iovec *pieces,
		   size_t n_pieces, const struct cuts *cuts)
{
	int r;

	assert(end >= begin && length_of(pieces, n_pieces) == end - begin);
	if (journal_is_broken(j) || (begin == end && !count_notes(&j->notes, begin, end)))
		return 0;
	FAULT("journal_before");
	r = append_batch(j, begin, end, pieces, n_pieces, cuts);
	if (r < 0)
		return break_off(j, r);
	FAULT("journal_after");
	j->counters.batches++;
	return 0;
}

void journal_note(struct journal *j, const struct event_head *record, uint64_t before)
{
	if (journal_is_broken(j))
		return;
	if (notes_add(&j->notes, record, before) < 0) {
		j->counters.forgotten++;
		j->full_at = 0;
	}
}

static int write_state(struct journal *j, enum format_kind kind)
{
	int r = slices_begin(&j->slices, 1);

	if (r < 0)
		return r;
	slices_put(&j->slices, j->state.data, j->state.len);
	r = journal_file_write(&j->next, kind, j->position, j->position, &j->slices);
	buf_clear(&j->state);
	return r;
}

static int put_state(struct journal *j, const struct event_head *record)
{
	size_t n = format_frame_size(record);
	char *to = buf_room(&j->state, n);

	if (!to)
		return -ENOMEM;
	format_frame_make(to, record, true);
	buf_advance(&j->state, n);
	return j->state.len < STATE_PIECE ? 0 : write_state(j, FORMAT_STATE);
}

int journal_put_state(struct journal *j, const struct event_head *record)
{
	/* A state that lacks something must not become whole, whatever the caller does next. */
	if (j->state_error == 0)
		j->state_error = put_state(j, record);
	return j->state_error;
}

/* All of the new file, which has no name that counts yet. */
static int write_next(struct journal *j, journal_state_fn *write, void *ctx)
{
	struct format_file h;
	int r;

	format_file_make(&h, j->id.boot_id, j->id.ring_id);
	r = journal_file_begin(j->dir_fd, JOURNAL_NEW, &h, &j->next);
	if (r < 0)
		return r;
	r = write(ctx, j);
	if (r == 0)
		r = j->state_error;
	if (r < 0)
		return r;
	r = write_state(j, FORMAT_STATE_END);
	return r < 0 ? r : journal_file_commit(&j->next);
}

/* The old file keeps the other name, and is the next to be written, where file systems can. */
static int swap_files(struct journal *j)
{
	struct journal_file old;
	int r = 0;

	FAULT("journal_rename");
	if (renameat2(j->dir_fd, JOURNAL_NEW, j->dir_fd, SCAN_JOURNAL, RENAME_EXCHANGE) < 0)
		r = renameat(j->dir_fd, JOURNAL_NEW, j->dir_fd, SCAN_JOURNAL);
	if (r < 0)
		return -errno;
	old = j->file;
	j->file = j->next;
	j->next = old;
	return 0;
}

static int fail_rewrite(struct journal *j, int r)
{
	journal_file_close(&j->next);
	unlinkat(j->dir_fd, JOURNAL_NEW, 0);
	j->counters.failures++;
	j->full_at = j->file.size + j->limit;
	if (!j->has_complained)
		log_warn_errno(r, "cannot write '%s/%s'%s", j->folder, JOURNAL_NEW,
			       journal_is_broken(j)
				       ? "; until it can be written a crash would forget what is "
					 "known of processes that have ended"
				       : "; the old one goes on, and grows");
	j->has_complained = true;
	return r;
}

/* Pages that a larger state took go back. */
static void trim_next(struct journal *j)
{
	struct stat st;

	if (j->next.fd >= 0 && fstat(j->next.fd, &st) == 0 && (uint64_t)st.st_size > j->full_at &&
	    ftruncate(j->next.fd, (off_t)j->full_at) < 0)
		journal_file_close(&j->next);
}

static void end_rewrite(struct journal *j)
{
	uint64_t most = GROWTH * j->file.size;

	/* What is noted up to here is in the state. */
	notes_drop(&j->notes, count_notes(&j->notes, j->position, j->position));
	j->full_at = most > j->limit ? most : j->limit;
	trim_next(j);
	j->counters.rewrites++;
	j->counters.bytes += j->file.size;
	j->counters.size = j->file.size;
	if (j->has_complained)
		log_info("'%s/%s' is written again", j->folder, SCAN_JOURNAL);
	j->has_complained = false;
}

int journal_rewrite(struct journal *j, uint64_t position, journal_state_fn *write, void *ctx)
{
	int r;

	j->position = position;
	j->state_error = 0;
	r = write_next(j, write, ctx);
	if (r == 0)
		r = swap_files(j);
	if (r < 0)
		return fail_rewrite(j, r);
	end_rewrite(j);
	return 0;
}

bool journal_is_full(const struct journal *j)
{
	return j->file.size > j->full_at;
}

bool journal_is_broken(const struct journal *j)
{
	return j->file.fd < 0;
}

const struct journal_counters *journal_counters(const struct journal *j)
{
	return &j->counters;
}

static int remove_file(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int journal_remove(const char *folder)
{
	_cleanup_(closep) int dir_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r, s;

	if (dir_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = remove_file(dir_fd, SCAN_JOURNAL);
	s = remove_file(dir_fd, JOURNAL_NEW);
	return r < 0 ? r : s;
}
