/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipelines of a list of files and folders, loaded and checked together: what `check` judges,
 * what the agent starts with and what it reloads. Also what tells one version of a pipeline from
 * another.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/diag.h"
#include "conf/option.h"
#include "pipeline/pipeline.h"

/* The options at the top of a pipeline's file, besides its lists of plugins. */
extern const struct option pipeline_options[];

struct pipeline_files {
	/* None is NULL; enabled or not; in the order of the paths, of a folder by name. */
	struct pipeline **items;
	size_t n;
	/* Paths of pipelines that are there but were left out: what runs of them may go on. */
	char **failed;
	size_t n_failed;
};

/*
 * Loads each path: a file is a pipeline; a folder's files that end in .yaml, .yml or .json each are
 * one (hidden files and folders within are passed over). Left out, with an error: what cannot be
 * read or is wrong; the second of two that have the same name, or that write the same file while
 * both are enabled. Warnings: a folder without pipelines, no enabled pipeline at all. A file that
 * is named twice is loaded once.
 *
 * 0, or -EINVAL when any finding was an error; *ret has the good ones in both cases, and
 * pipeline_files_done() is due. -ENOMEM: *ret is untouched.
 */
int pipeline_set_load(const char *const *paths, size_t n, struct diag *reterr,
		      struct pipeline_files *ret);
void pipeline_files_done(struct pipeline_files *set);

/* Whether a file of this name in a folder is a pipeline. */
bool pipeline_is_file_name(const char *name);

/*
 * Why the two cannot run at the same time: they have one name, or write the same file. The caller
 * frees it. NULL: they can, or memory ran out.
 */
char *pipeline_conflict(const struct pipeline *p, const struct pipeline *other);

size_t pipeline_files_n_enabled(const struct pipeline_files *set);

/* The file that it came from, or the name that its text had. Borrowed. */
const char *pipeline_path(const struct pipeline *p);

/*
 * The effective configuration as YAML: every option with the value that it has, defaults included.
 * Our own parser reads it back to the same configuration, unless secrets were masked. 0 or -ENOMEM.
 */
int pipeline_dump(const struct pipeline *p, enum option_secrets secrets, struct buf *out);

/*
 * A hash of the effective configuration: the same for two versions of a file that say the same,
 * whatever their comments and order of keys. 0 or -ENOMEM.
 */
int pipeline_fingerprint(const struct pipeline *p, uint64_t *ret);
