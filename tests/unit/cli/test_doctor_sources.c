/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a source of what is known of containers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/doctor.h"
#include "cli/source_trial.h"

static struct source_place there[] = { { (char *)"/a", true }, { (char *)"/b", true } };
static struct source_place half[] = { { (char *)"/a", false }, { (char *)"/b", true } };
static struct source_place missing[] = { { (char *)"/a", false }, { (char *)"/b", false } };

#define PLACES(all)                                \
	{                                          \
		.items = all, .n = ARRAY_SIZE(all) \
	}

static const struct {
	bool is_unwanted;
	struct source_places places;
	struct source_state state;
	enum finding finding;
	const char *text;
} rows[] = {
	{ false,
	  PLACES(there),
	  { .status = SOURCE_READY, .items = 3 },
	  FINDING_OK,
	  "ready, 3 known: /a, /b" },
	{ false, PLACES(half), { .status = SOURCE_READY }, FINDING_OK, "ready: /b; not there: /a" },
	{ false,
	  PLACES(missing),
	  { .status = SOURCE_READY },
	  FINDING_OK,
	  "ready; not there: /a, /b" },
	{ false, PLACES(missing), { .status = SOURCE_OFF }, FINDING_OK, "off; not there: /a, /b" },
	{ false,
	  PLACES(half),
	  { .status = SOURCE_OFF },
	  FINDING_OK,
	  "off: nobody to ask at /b; not there: /a" },
	{ false, { 0 }, { .status = SOURCE_OFF }, FINDING_OK, "off" },
	{ true,
	  PLACES(there),
	  { .status = SOURCE_OFF },
	  FINDING_OK,
	  "left out by ContainerSources" },
	{ false,
	  PLACES(half),
	  { .status = SOURCE_CONNECTING, .error = -EACCES },
	  FINDING_WARNING,
	  "does not answer: /b: Permission denied" },
	{ false,
	  PLACES(half),
	  { .status = SOURCE_CONNECTING },
	  FINDING_WARNING,
	  "does not answer: /b: still connecting" },
	{ false,
	  { 0 },
	  { .status = SOURCE_OFF, .error = -EINVAL },
	  FINDING_WARNING,
	  "cannot be asked: Invalid argument" },
	/* an earlier failure of one that is ready now */
	{ false,
	  PLACES(there),
	  { .status = SOURCE_READY, .error = -EIO },
	  FINDING_OK,
	  "ready: /a, /b" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct source_tried one = { .kind = &source_kinds[0],
						  .is_wanted = !rows[i].is_unwanted,
						  .places = rows[i].places };
		struct diagnosis d = { 0 };

		doctor_source(&d, &one, &rows[i].state);
		assert_int_equal(d.n, 1);
		assert_string_equal(d.lines[0].text, rows[i].text);
		assert_int_equal(d.lines[0].finding, rows[i].finding);
		assert_string_equal(d.lines[0].name, "source files");
		assert_true(!d.lines[0].advice == (rows[i].finding == FINDING_OK));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
