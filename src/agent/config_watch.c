/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each path is watched in the folder above it, by its name: so a file or folder that is renamed
 * away and made again is seen. What is at the path is watched itself too: a folder for its files, a
 * file because a link may lead to it.
 */
#include "agent/config_watch.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "pipeline/set.h"

#define LOG_UNIT "pipelines"

#define ENTRY_EVENTS \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)
#define OWN_EVENTS (ENTRY_EVENTS | IN_DELETE_SELF | IN_MOVE_SELF)

struct config_place {
	int above; /* watch descriptor of the folder above */
	int own;   /* of what is at the path */
	bool is_folder;
};

void config_watch_init(struct config_watch *w, const char *const *paths, size_t n_paths)
{
	*w = (struct config_watch){ .paths = paths, .n_paths = n_paths, .fd = -1 };
}

void config_watch_done(struct config_watch *w)
{
	free(w->places);
	w->places = NULL;
	closep(&w->fd);
	w->fd = -1;
}

static int open_watch(struct config_watch *w)
{
	w->places = calloc(w->n_paths, sizeof(*w->places));
	if (!w->places)
		return -ENOMEM;
	for (size_t i = 0; i < w->n_paths; i++)
		w->places[i] = (struct config_place){ .above = -1, .own = -1 };
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return w->fd < 0 ? -errno : 0;
}

/* One that nobody else needs any more: what it watched is no longer at the path. */
static void drop(const struct config_watch *w, int wd)
{
	for (size_t i = 0; i < w->n_paths; i++)
		if (w->places[i].above == wd || w->places[i].own == wd)
			return;
	(void)inotify_rm_watch(w->fd, wd); /* it may be gone by itself */
}

static int renew_one(const struct config_watch *w, size_t i)
{
	_cleanup_(freep) char *copy = strdup(w->paths[i]);
	struct config_place *place = &w->places[i], before = *place;
	struct stat st;

	if (!copy)
		return -ENOMEM;
	place->above = inotify_add_watch(w->fd, dirname(copy), ENTRY_EVENTS | IN_MASK_ADD);
	if (place->above < 0)
		return -errno;
	place->is_folder = stat(w->paths[i], &st) == 0 && S_ISDIR(st.st_mode);
	place->own = inotify_add_watch(w->fd, w->paths[i], OWN_EVENTS | IN_MASK_ADD);
	if (before.above >= 0)
		drop(w, before.above);
	if (before.own >= 0)
		drop(w, before.own);
	return 0;
}

int config_watch_renew(struct config_watch *w)
{
	int r = 0, worst = 0;

	if (!w->n_paths)
		return 0;
	if (w->fd < 0)
		r = open_watch(w);
	if (r < 0) {
		config_watch_done(w);
		return log_warn_errno(r, "changes of the pipelines are seen at SIGHUP only");
	}
	for (size_t i = 0; i < w->n_paths; i++) {
		r = renew_one(w, i);
		if (r < 0)
			worst = log_warn_errno(r, "changes of '%s' are seen at SIGHUP only",
					       w->paths[i]);
	}
	return worst;
}

/*
 * A file that was created is still to be written, and its closing will be told. A link to one, or a
 * folder, is what it is at once.
 */
static bool is_complete(const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return true;
	return lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1;
}

/* Whether an entry of a folder is a pipeline, or leads to some. */
static bool concerns_folder(const char *folder, const struct inotify_event *e)
{
	if (!e->len)
		return true; /* the folder itself */
	if (strncmp(e->name, "..", 2) != 0 && !pipeline_is_file_name(e->name))
		return false;
	return !(e->mask & IN_CREATE) || is_complete(folder, e->name);
}

static bool concerns_file(const char *path, const struct inotify_event *e)
{
	_cleanup_(freep) char *base_copy = strdup(path), *folder_copy = strdup(path);

	if (!base_copy || !folder_copy)
		return true;
	if (!e->len)
		return false; /* the folder above it */
	if (strncmp(e->name, "..", 2) != 0 && strcmp(e->name, basename(base_copy)) != 0)
		return false;
	return !(e->mask & IN_CREATE) || is_complete(dirname(folder_copy), e->name);
}

static bool concerns(const struct config_watch *w, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		return true;
	for (size_t i = 0; i < w->n_paths; i++) {
		const struct config_place *place = &w->places[i];

		if (place->above == e->wd && concerns_file(w->paths[i], e))
			return true;
		if (place->own == e->wd && (!place->is_folder || concerns_folder(w->paths[i], e)))
			return true;
	}
	return false;
}

bool config_watch_read(struct config_watch *w)
{
	_Alignas(struct inotify_event) char events[4096];
	bool ret = false;
	ssize_t n;

	while (w->fd >= 0 && (n = read(w->fd, events, sizeof(events))) > 0)
		for (const char *p = events; p < events + n;) {
			const struct inotify_event *e = (const struct inotify_event *)p;

			ret |= !(e->mask & IN_IGNORED) && concerns(w, e);
			p += sizeof(*e) + e->len;
		}
	return ret;
}
