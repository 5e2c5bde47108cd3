/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flusher_file: records to a file that is rolled when it is full. Runs on its own thread, or on
 * the reader's.
 */
#include <errno.h>

#include "flusher/canonical_path.h"
#include "flusher/rolling_file.h"
#include "plugin/plugin.h"

#define SIZE_MIN 4096
#define KEY_PATH_SIZE 128

struct file_conf {
	char *path;
	uint64_t max_size;
	int64_t max_files;
};

static const struct option options[] = {
	OPT_STRING(
		struct file_conf, "FilePath", path, .required = true,
		.help = "File to append to. It is made where it does not exist, readable by its owner alone, and "
			"so are the folders that it lies in. On SIGHUP it is opened anew."),
	OPT_SIZE(
		struct file_conf, "MaxFileSize", max_size, .def = "10MiB",
		.help = "How large the file may become, at least 4KiB. The record that does not fit goes into a new one, "
			"and `FILE` becomes `FILE.1`, the newest of the full ones; a record that is larger is in a file alone. "
			"0: it grows without a limit, as for a program that moves it away and sends SIGHUP (logrotate)."),
	OPT_INT(struct file_conf, "MaxFiles", max_files, .def = "10", .min = 1, .max = 1000,
		.help = "How many files are kept, the one that is written included."),
	{ .type = OPTION_END },
};

static int check_size(const struct file_conf *c, const struct conf_node *map, const char *path,
		      struct diag *reterr)
{
	const struct conf_node *value = conf_node_lookup(map, "MaxFileSize");
	char key_path[KEY_PATH_SIZE];

	if (!value || !c->max_size || c->max_size >= SIZE_MIN)
		return 0;
	snprintf(key_path, sizeof(key_path), "%s.MaxFileSize", path);
	return diag_error(reterr, value->at, key_path,
			  "expected a size of at least 4KiB, or 0 for no limit, not '%s'",
			  value->text);
}

/* A folder whose name is ~ is what nobody means; who does writes ./~ */
static int check_path(const struct file_conf *c, const struct conf_node *map, const char *path,
		      struct diag *reterr)
{
	const struct conf_node *value = conf_node_lookup(map, "FilePath");
	char key_path[KEY_PATH_SIZE];

	if (!value || !c->path || c->path[0] != '~')
		return 0;
	snprintf(key_path, sizeof(key_path), "%s.FilePath", path);
	if (c->path[1] == '/')
		return diag_error(reterr, value->at, key_path,
				  "'~' is no home folder here; write ${HOME}%s, or the whole path",
				  c->path + 1);
	return diag_error(reterr, value->at, key_path,
			  "'~' is no home folder here; write the whole path");
}

static int file_check(const void *conf, const struct conf_node *map, const char *path,
		      struct diag *reterr)
{
	int r = check_path(conf, map, path, reterr), also = check_size(conf, map, path, reterr);

	return r < 0 ? r : also;
}

static int file_start(struct instance *self)
{
	const struct file_conf *conf = self->conf;
	struct rolling_file *file = self->state;

	*file = (struct rolling_file){
		.owner = self->name,
		.path = conf->path,
		.max_bytes = conf->max_size,
		.n_rolled = (unsigned int)conf->max_files - 1,
	};
	return rolling_file_open(file);
}

static void file_stop(struct instance *self)
{
	rolling_file_close(self->state);
}

static int file_flush(struct instance *self, const struct payload *in, size_t *ret_done)
{
	return rolling_file_write(self->state, in->bytes, ret_done);
}

static char *file_target(const void *conf)
{
	return canonical_path(((const struct file_conf *)conf)->path);
}

static void file_resume(struct instance *self)
{
	rolling_file_resume(self->state);
}

/* A disk may take its time as well; but mostly the kernel takes what is written to it at once. */
static bool file_is_prompt(struct instance *self)
{
	return ((const struct rolling_file *)self->state)->is_regular;
}

static void file_reopen(struct instance *self)
{
	rolling_file_reopen(self->state);
}

const struct flusher flusher_file = {
	.base = {
		.name = "flusher_file",
		.help = "Append records to a file that is rolled when it is full, one JSON object per line.",
		.options = options,
		.conf_size = sizeof(struct file_conf),
		.state_size = sizeof(struct rolling_file),
		.check = file_check,
		.start = file_start,
		.stop = file_stop,
	},
	.flush = file_flush,
	.target = file_target,
	.resume = file_resume,
	.is_prompt = file_is_prompt,
	.reopen = file_reopen,
};
