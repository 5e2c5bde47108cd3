/* SPDX-License-Identifier: Apache-2.0 */
/* Text to numbers and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/cleanup.h"
#include "conf/scalar.h"

struct row {
	const char *text;
	int r;
	uint64_t v;
};

static const struct row sizes[] = {
	{ "0", 0, 0 },
	{ "1048576", 0, 1048576 },
	{ "100B", 0, 100 },
	{ "512KiB", 0, 524288 },
	{ "64KB", 0, 65536 },
	{ "10MiB", 0, 10485760 },
	{ "10MB", 0, 10485760 },
	{ "1GiB", 0, 1073741824 },
	{ "2GB", 0, 2147483648 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "17179869184GiB", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "ten", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "1.5MiB", -EINVAL, 0 },
	{ "1 MiB", -EINVAL, 0 },
	{ "1mib", -EINVAL, 0 },
	{ "MiB", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 },
};

static const struct row durations[] = {
	{ "0", 0, 0 },
	{ "7ns", 0, 7 },
	{ "3us", 0, 3000 },
	{ "500ms", 0, 500000000 },
	{ "10s", 0, 10000000000 },
	{ "2m", 0, 120000000000 },
	{ "1h", 0, 3600000000000 },
	{ "10", -EINVAL, 0 },
	{ "s", -EINVAL, 0 },
	{ "1d", -EINVAL, 0 },
	{ "9999999h", -ERANGE, 0 },
	{ "-1s", -EINVAL, 0 },
};

static void check_rows(const struct row *rows, size_t n, int (*parse)(const char *, uint64_t *))
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = 42;

		assert_int_equal(parse(rows[i].text, &v), rows[i].r);
		assert_int_equal(v, rows[i].r ? 42 : rows[i].v);
	}
}

static void test_sizes(void **state)
{
	(void)state;
	check_rows(sizes, ARRAY_SIZE(sizes), scalar_parse_size);
}

static void test_durations(void **state)
{
	(void)state;
	check_rows(durations, ARRAY_SIZE(durations), scalar_parse_duration);
}

static void test_ints(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t v;
	} rows[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "-17", 0, -17 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "+1", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t v = 42;

		assert_int_equal(scalar_parse_int(rows[i].text, &v), rows[i].r);
		assert_int_equal(v, rows[i].r ? 42 : rows[i].v);
	}
}

static void test_booleans(void **state)
{
	static const struct {
		const char *text, *meant;
	} rows[] = {
		{ "yes", "true" }, { "On", "true" },   { "Y", "true" },	 { "True", "true" },
		{ "no", "false" }, { "OFF", "false" }, { "n", "false" }, { "FALSE", "false" },
		{ "maybe", NULL }, { "", NULL },       { "1", NULL },
	};
	bool b = false;

	(void)state;
	assert_int_equal(scalar_parse_bool("true", &b), 0);
	assert_true(b);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *meant = scalar_meant_bool(rows[i].text);

		assert_int_equal(scalar_parse_bool(rows[i].text, &b), -EINVAL);
		assert_true(b);
		assert_string_equal(meant ? meant : "-", rows[i].meant ? rows[i].meant : "-");
	}
	assert_int_equal(scalar_parse_bool("false", &b), 0);
	assert_false(b);
}

static void test_format(void **state)
{
	char to[SCALAR_FORMAT_MAX];

	(void)state;
	assert_string_equal(scalar_format_size(0, to), "0");
	assert_string_equal(scalar_format_size(1, to), "1");
	assert_string_equal(scalar_format_size(1025, to), "1025");
	assert_string_equal(scalar_format_size(3072, to), "3KiB");
	assert_string_equal(scalar_format_size(2097152, to), "2MiB");
	assert_string_equal(scalar_format_size(UINT64_MAX, to), "18446744073709551615");
	assert_string_equal(scalar_format_duration(0, to), "0s");
	assert_string_equal(scalar_format_duration(90000000000, to), "90s");
	assert_string_equal(scalar_format_duration(7200000000000, to), "2h");
	assert_string_equal(scalar_format_duration(1001, to), "1001ns");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),  cmocka_unit_test(test_durations),
		cmocka_unit_test(test_ints),   cmocka_unit_test(test_booleans),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
