/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when files of pipelines may have changed: those that are named, those of the folders that
 * are named, and what Kubernetes does to a folder (a link `..data` that is renamed). Other files
 * there count for nothing, so that a busy folder is no cause to load again. What it does not see: a
 * file that a link in a folder leads to elsewhere. By inotify; on the reader thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct config_place;

struct config_watch {
	const char *const *paths; /* files and folders; borrowed */
	size_t n_paths;
	struct config_place *places; /* what is watched for each path */
	int fd;			     /* readable when something happened; -1: nothing is watched */
};

void config_watch_init(struct config_watch *w, const char *const *paths, size_t n_paths);
void config_watch_done(struct config_watch *w);

/*
 * Watches what is at the paths now; to be called again after each change, which may have put
 * another folder there. 0, or a negative errno after a warning: then changes are seen at SIGHUP
 * only.
 */
int config_watch_renew(struct config_watch *w);
/* Takes what has happened; true when any of it concerns a pipeline. */
bool config_watch_read(struct config_watch *w);
