/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor_filter: keeps the records that Include describes, but for those that Exclude describes.
 * The conditions are compiled while the pipeline is loaded; see match/.
 */
#include <errno.h>

#include "match/syntax.h"
#include "plugin/plugin.h"
#include "processor/undecided.h"

struct filter_conf {
	const struct conf_node *include, *exclude;
};

struct filter_state {
	struct condition *include, *exclude; /* NULL: none */
	struct undecided undecided;
};

#define INCLUDE "Include"
#define EXCLUDE "Exclude"
#define SCHEMA "{\"type\":[\"object\",\"array\"]}"

static const struct option options[] = {
	OPT_NODE(
		struct filter_conf, INCLUDE, include, .schema = SCHEMA,
		.help = "Keep only records that meet this condition; without it, all.\n\n"
			"A condition names a field and says what its value is like: "
			"`{field: binary, prefix: /usr/bin/}`. The operators:\n\n"
			"| operator | holds when the value |\n"
			"| --- | --- |\n"
			"| `equals`, `not_equals` | is this text or number, or is there and is not |\n"
			"| `in` | is one of a list, of any length |\n"
			"| `prefix`, `suffix`, `contains` | begins, ends so, or has it somewhere |\n"
			"| `glob` | is as a whole like a shell pattern: `*` any text (`/` too), `?` a "
			"character, `[a-z]`, `[!a-z]` |\n"
			"| `regex` | has a match of a Perl-compatible regular expression; `^` and `$` "
			"anchor it, `.` is any byte |\n"
			"| `lt`, `le`, `gt`, `ge` | is a number less than, at most, more than, at least "
			"this |\n"
			"| `exists` | is there (`true`) or not (`false`) |\n\n"
			"`==`, `!=`, `<`, `<=`, `>` and `>=` are the same as signs, in quotes. A list in "
			"place of one text means any of them. Fields that count bytes or nanoseconds "
			"take `10MiB` and `500ms`.\n\n"
			"All that stands in one map has to hold: `{field: uid, ge: 1000, lt: 2000}`. "
			"`all: [A, B]`, `any: [A, B]` and `not: A` combine conditions; a list of "
			"conditions alone means any of them.\n\n"
			"What is compared is the text of the record: numbers in decimal, `true`. Of "
			"`argv` any element may match. A key that a record does not have meets no "
			"operator but `exists: false`, and so meets a `not`. A field may be looked at "
			"though the records do not have it; it is collected for the filter then. A key "
			"that a processor before this one added or renamed goes by its new name.\n\n"
			"A regular expression whose search of a value takes too long decides nothing; "
			"the record is kept then, and the log says how many there were. Put patterns "
			"that begin with `*`, `[`, `!` or `\\` in single quotes."),
	OPT_NODE(struct filter_conf, EXCLUDE, exclude, .schema = SCHEMA,
		 .help = "Drop records that meet this condition, though they meet `Include`."),
	{ .type = OPTION_END },
};

static int filter_check(const void *data, const struct conf_node *map, const char *path,
			struct diag *reterr)
{
	const struct filter_conf *conf = data;

	if (conf->include || conf->exclude)
		return 0;
	diag_add(reterr, DIAG_ERROR, map->at, path,
		 "filters nothing; expected " INCLUDE ", " EXCLUDE " or both");
	return -EINVAL;
}

static int compile(const struct syntax *in, const struct conf_node *node, const char *path,
		   const char *key, struct condition **ret)
{
	char key_path[64];

	if (!node)
		return 0;
	snprintf(key_path, sizeof(key_path), "%s.%s", path, key);
	return syntax_parse(in, node, key_path, ret);
}

static int filter_prepare(struct instance *self, struct shape *shape,
			  const struct conf_node *map __attribute__((unused)), const char *path,
			  struct diag *reterr)
{
	const struct filter_conf *conf = self->conf;
	const struct syntax in = { .shape = shape, .reterr = reterr };
	struct filter_state *s = self->state;
	int r, also;

	r = compile(&in, conf->include, path, INCLUDE, &s->include);
	if (r == -ENOMEM)
		return r;
	also = compile(&in, conf->exclude, path, EXCLUDE, &s->exclude);
	return also < 0 ? also : r;
}

static void filter_stop(struct instance *self)
{
	struct filter_state *s = self->state;

	undecided_stop(&s->undecided, self->name);
	condition_free(s->include);
	condition_free(s->exclude);
	*s = (struct filter_state){ 0 };
}

static enum verdict filter_process(struct instance *self, const struct event *ev,
				   const struct field_view *view)
{
	struct filter_state *s = self->state;
	enum outcome include = OUTCOME_YES, exclude = OUTCOME_NO;

	if (s->include)
		include = condition_test(s->include, ev, view);
	if (include == OUTCOME_NO)
		return VERDICT_DROP;
	if (s->exclude)
		exclude = condition_test(s->exclude, ev, view);
	if (exclude == OUTCOME_YES)
		return VERDICT_DROP;
	if (include == OUTCOME_UNDECIDED || exclude == OUTCOME_UNDECIDED)
		undecided_count(&s->undecided, self->name);
	return VERDICT_KEEP;
}

const struct processor processor_filter = {
	.base = {
		.name = "processor_filter",
		.help = "Keeps or drops records by conditions on their fields.",
		.options = options,
		.conf_size = sizeof(struct filter_conf),
		.state_size = sizeof(struct filter_state),
		.check = filter_check,
		.stop = filter_stop,
	},
	.prepare = filter_prepare,
	.process = filter_process,
};
