/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flusher_stdout: records to the standard output, or, with FileName, to a file that is rolled. Runs
 * on its own thread; several may print on the one standard output, and their lines do not mix.
 */
#include "base/log.h"
#include "flusher/canonical_path.h"
#include "flusher/rolling_file.h"
#include "flusher/standard_output.h"
#include "plugin/plugin.h"

#define LOG_UNIT "flusher.stdout"
#define MAX_SIZE_DEFAULT 1048576
#define MAX_ROLLS_LIMIT 1000

struct stdout_conf {
	bool is_only;
	bool tags;
	bool key_value_pairs;
	char *file_name;
	int64_t max_size, max_rolls;
};

struct stdout_state {
	struct standard_output output;
	struct rolling_file file;
};

static const struct option options[] = {
	OPT_BOOL(
		struct stdout_conf, "OnlyStdout", is_only, .def = "false",
		.help = "Print to the standard output, whatever `FileName` says. Without `FileName` that is done in any case."),
	OPT_BOOL(struct stdout_conf, "Tags", tags, .def = "false",
		 .help = "Add `__tag__:__hostname__` and `__tag__:__host_ip__` to each record."),
	OPT_STRING(
		struct stdout_conf, "FileName", file_name,
		.help = "File to append to instead of the standard output. It is made where it does not exist, readable by its owner alone, and so are the folders that it lies in. On SIGHUP it is opened anew."),
	OPT_INT(struct stdout_conf, "MaxSize", max_size, .def = "1048576",
		.help = "Bytes that the file may have. The record that does not fit goes into a new one, and `FILE` becomes `FILE.1`. 0 and less mean the default."),
	OPT_INT(struct stdout_conf, "MaxRolls", max_rolls, .def = "1", .min = INT32_MIN,
		.max = MAX_ROLLS_LIMIT,
		.help = "How many full files are kept beside the one that is written, `FILE.1` being the newest. 0 and less mean 1."),
	OPT_BOOL(
		struct stdout_conf, "KeyValuePairs", key_value_pairs, .def = "true",
		.help = "Print records as flat JSON. There is no other form: `false` is answered by a warning and changes nothing."),
	{ .type = OPTION_END },
};

static bool is_to_file(const struct stdout_conf *conf)
{
	return conf->file_name && *conf->file_name && !conf->is_only;
}

static void warn(const struct conf_node *map, const char *path, const char *key,
		 const char *message, struct diag *reterr)
{
	const struct conf_node *value = conf_node_lookup(map, key);
	char key_path[128];

	snprintf(key_path, sizeof(key_path), "%s.%s", path, key);
	if (value)
		diag_add(reterr, DIAG_WARNING, value->at, key_path, "%s", message);
}

static int stdout_check(const void *conf, const struct conf_node *map, const char *path,
			struct diag *reterr)
{
	static const char *const of_files[] = { "MaxSize", "MaxRolls" };
	const struct stdout_conf *c = conf;

	if (!c->key_value_pairs)
		warn(map, path, "KeyValuePairs",
		     "there is only flat JSON here; records are printed as with true", reterr);
	if (c->is_only)
		warn(map, path, "FileName",
		     "is not used, since OnlyStdout is true; records go to the standard output only",
		     reterr);
	for (size_t i = 0; !is_to_file(c) && i < ARRAY_SIZE(of_files); i++)
		warn(map, path, of_files[i],
		     "has no effect on the standard output, only on the file of FileName", reterr);
	return 0;
}

static void stdout_encoding(const void *conf, struct encoding *ret)
{
	ret->time_string = true;
	ret->tags = ((const struct stdout_conf *)conf)->tags;
}

static int stdout_start(struct instance *self)
{
	const struct stdout_conf *conf = self->conf;
	struct stdout_state *s = self->state;
	int r;

	if (is_to_file(conf)) {
		s->file = (struct rolling_file){
			.owner = self->name,
			.path = conf->file_name,
			.max_bytes = conf->max_size > 0 ? (uint64_t)conf->max_size
							: MAX_SIZE_DEFAULT,
			.n_rolled = conf->max_rolls > 0 ? (unsigned int)conf->max_rolls : 1,
		};
		return rolling_file_open(&s->file);
	}
	r = standard_output_open(&s->output);
	return r < 0 ? log_err_errno(r, "%s: the standard output is not open for writing",
				     self->name)
		     : 0;
}

static void stdout_stop(struct instance *self)
{
	struct stdout_state *s = self->state;

	if (is_to_file(self->conf))
		rolling_file_close(&s->file);
	else
		standard_output_close(&s->output);
}

static int stdout_flush(struct instance *self, const struct payload *in, size_t *ret_done)
{
	struct stdout_state *s = self->state;

	return is_to_file(self->conf) ? rolling_file_write(&s->file, in->bytes, ret_done)
				      : standard_output_write(&s->output, in->bytes, ret_done);
}

/* The standard output has none: whoever likes may print there too. */
static char *stdout_target(const void *conf)
{
	const struct stdout_conf *c = conf;

	return is_to_file(c) ? canonical_path(c->file_name) : NULL;
}

static void stdout_resume(struct instance *self)
{
	struct stdout_state *s = self->state;

	if (is_to_file(self->conf))
		rolling_file_resume(&s->file);
	else
		standard_output_resume(&s->output);
}

static void stdout_reopen(struct instance *self)
{
	struct stdout_state *s = self->state;

	if (is_to_file(self->conf))
		rolling_file_reopen(&s->file);
}

const struct flusher flusher_stdout = {
	.base = {
		.name = "flusher_stdout",
		.help = "Print records on the standard output, or into a file that is rolled, one JSON object per line. "
			"Several pipelines may print on the standard output: their lines do not mix.",
		.options = options,
		.conf_size = sizeof(struct stdout_conf),
		.state_size = sizeof(struct stdout_state),
		.check = stdout_check,
		.start = stdout_start,
		.stop = stdout_stop,
	},
	.encoding = stdout_encoding,
	.flush = stdout_flush,
	.target = stdout_target,
	.resume = stdout_resume,
	.reopen = stdout_reopen,
};
