/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: what is understood, and what is said of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"

struct sample {
	bool flag;
	int mode;
};

static const char *const modes[] = { "soft", "hard", NULL };

static const struct option settings[] = {
	OPT_BOOL(struct sample, "DryRun", flag, .def = "false",
		 .help = "Do nothing. Really `nothing`."),
	OPT_ENUM(struct sample, "Mode", mode, .def = "soft", .names = modes, .help = "How."),
	{ .type = OPTION_END },
};

static const struct command_option options[] = {
	{ .letter = 'c',
	  .name = "config",
	  .argument = "FILE",
	  .help = "a file",
	  .is_repeatable = true },
	{ .letter = 'q', .name = "quiet", .help = "say less" },
	{ .name = "shape", .argument = "WORD", .help = "its shape", .words = modes },
	{ 0 },
};

/* What the command was run with: "config=a quiet= Mode=hard | operand" */
static char seen[256];

static int run(const struct command_line *line)
{
	FILE *f = fmemopen(seen, sizeof(seen), "w");

	for (size_t i = 0; i < line->n_values; i++) {
		const struct command_value *v = &line->values[i];

		fprintf(f, "%s=%s ", v->option ? v->option->name : v->setting->name,
			v->text ? v->text : "");
	}
	fputs("|", f);
	for (size_t i = 0; i < line->n_operands; i++)
		fprintf(f, " %s", line->operands[i]);
	fclose(f);
	return command_has(line, "quiet") ? CLI_FAILED : CLI_OK;
}

static struct command command = {
	.name = "try",
	.summary = "Try",
	.text = "Tries, with words enough that they do not fit on one line of a hundred columns and have to go on in "
		"the next one.",
	.example = "proctrail try\nproctrail try -q",
	.failure = "it did not work",
	.options = options,
	.settings = settings,
	.run = run,
};

/* One argument a word. Returns the exit code; what was said on stderr goes to `said`. */
static int call(const char *operands, const char *line, char *said, size_t size)
{
	_cleanup_(freep) char *words = strdup(line);
	char *argv[16] = { (char *)"try" };
	FILE *real = stderr;
	char *rest = words;
	int argc = 1, r;

	for (char *word; (word = strsep(&rest, " "));)
		if (*word)
			argv[argc++] = word;
	memset(said, 0, size);
	memset(seen, 0, sizeof(seen));
	stderr = fmemopen(said, size, "w");
	command.operands = operands;
	r = command_main(&command, argc, argv);
	fclose(stderr);
	stderr = real;
	return r;
}

static const struct {
	const char *operands, *line;
	int code;
	const char *seen;
} right[] = {
	{ NULL, "", CLI_OK, "|" },
	{ NULL, "-c a --config b --config=c -cd", CLI_OK, "config=a config=b config=c config=d |" },
	{ NULL, "-q", CLI_FAILED, "quiet= |" },
	{ NULL, "-qc a", CLI_FAILED, "quiet= config=a |" },
	{ NULL, "--shape hard", CLI_OK, "shape=hard |" },
	{ NULL, "--dry-run true --mode=hard --mode soft", CLI_OK,
	  "DryRun=true Mode=hard Mode=soft |" },
	{ "FILE", "a", CLI_OK, "| a" },
	{ "FILE", "-- -a", CLI_OK, "| -a" },
	{ "FILE", "-", CLI_OK, "| -" },
	{ "[NAME]", "", CLI_OK, "|" },
	{ "[NAME]", "a", CLI_OK, "| a" },
	{ "PATH...", "a -c x b", CLI_OK, "config=x | a b" },
	{ "[PATH]...", "", CLI_OK, "|" },
};

static void test_right(void **state)
{
	char said[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		assert_int_equal(call(right[i].operands, right[i].line, said, sizeof(said)),
				 right[i].code);
		assert_string_equal(said, "");
		assert_string_equal(seen, right[i].seen);
	}
}

static const struct {
	const char *operands, *line, *said;
} wrong[] = {
	{ NULL, "--confg x", "unknown option '--confg'; did you mean '--config'?" },
	{ NULL, "--zzz", "unknown option '--zzz'" },
	{ NULL, "-x", "unknown option '-x'" },
	{ NULL, "-qx", "unknown option '-x'" },
	{ NULL, "--config", "--config needs an argument: FILE" },
	{ NULL, "-c", "--config needs an argument: FILE" },
	{ NULL, "--quiet=yes", "--quiet takes no argument" },
	{ NULL, "--quiet -q", "--quiet is there twice" },
	{ NULL, "--shape round", "--shape: expected soft or hard, not 'round'" },
	{ NULL, "--mode round", "--mode: expected soft or hard, not 'round'" },
	{ NULL, "--dry-run yes", "--dry-run: expected true or false, not 'yes'" },
	{ NULL, "a", "'a' is not expected" },
	{ "FILE", "", "FILE is missing" },
	{ "FILE", "a b", "'b' is not expected: one FILE is enough" },
	{ "[NAME]", "a b", "'b' is not expected: one [NAME] is enough" },
	{ "PATH...", "", "PATH... is missing" },
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char said[512], expected[512];

		snprintf(expected, sizeof(expected),
			 "proctrail try: %s\nSee proctrail try --help\n", wrong[i].said);
		assert_int_equal(call(wrong[i].operands, wrong[i].line, said, sizeof(said)),
				 CLI_USAGE);
		assert_string_equal(said, expected);
		assert_string_equal(seen, "");
	}
}

static void test_words(void **state)
{
	char said[512];

	(void)state;
	command.words = modes;
	assert_int_equal(call("SHAPE", "round", said, sizeof(said)), CLI_USAGE);
	assert_string_equal(
		said,
		"proctrail try: SHAPE: expected soft or hard, not 'round'\nSee proctrail try --help\n");
	assert_int_equal(call("SHAPE", "soft", said, sizeof(said)), CLI_OK);
	command.words = NULL;
}

static void test_help(void **state)
{
	_cleanup_(buf_done) struct buf out = { 0 };

	(void)state;
	command.operands = "FILE";
	command_format_help(&command, &out);
	buf_put_char(&out, '\0');
	assert_string_equal(
		out.data,
		"Usage: proctrail try [OPTION]... FILE\n"
		"\n"
		"Tries, with words enough that they do not fit on one line of a hundred columns and have to go on in\n"
		"the next one.\n"
		"\n"
		"Options:\n"
		"  -c, --config FILE         a file\n"
		"  -q, --quiet               say less\n"
		"      --shape WORD          its shape: soft or hard\n"
		"  -h, --help                this text\n"
		"\n"
		"Settings of the agent, which agent.yaml may have as well:\n"
		"      --dry-run WORD        Do nothing. Really nothing. One of true or false. (default: false)\n"
		"      --mode WORD           How. One of soft or hard. (default: soft)\n"
		"\n"
		"Example:\n"
		"  proctrail try\n"
		"  proctrail try -q\n"
		"\n"
		"Exit codes: 0 done, 1 it did not work, 2 the command line is wrong\n");
}

/* What every command has to have, so that its help, page and completions are whole. */
static void test_all_are_complete(void **state)
{
	struct command_row row, other;

	(void)state;
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		assert_non_null(c->summary);
		assert_non_null(c->text);
		assert_non_null(c->example);
		assert_non_null(c->failure);
		assert_non_null(c->run);
		for (size_t k = 0; command_row(c, k, &row); k++) {
			assert_non_null(row.help);
			for (size_t j = 0; j < k && command_row(c, j, &other); j++) {
				assert_string_not_equal(row.name, other.name);
				assert_false(row.letter && row.letter == other.letter);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_all_are_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
