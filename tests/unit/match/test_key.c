/* SPDX-License-Identifier: Apache-2.0 */
/* Names that keys have in a shape, and numbers as they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "match/key.h"

static int find(struct shape *shape, const char *name, struct diag *d, struct key *ret)
{
	const struct syntax in = { .shape = shape, .reterr = d };
	const struct syntax_key named = { name, "F", { "p.yaml", 1, 1 } };

	return key_find(&in, &named, ret);
}

static void make_shape(struct shape *shape)
{
	_cleanup_(freep) bool *want = calloc(n_fields, sizeof(*want));

	assert_non_null(want);
	for (size_t i = 0; i < n_fields; i++)
		want[i] = fields[i].set == FIELD_SET_SPEC;
	assert_int_equal(shape_init(shape, want), 0);
	assert_int_equal(shape_rename(shape, shape_lookup(shape, "user"), "uid2"), 0);
	shape_drop(shape, shape_lookup(shape, "pid"));
	assert_int_equal(shape_add(shape, "pid", "none"), 0);
	assert_int_equal(shape_add(shape, "seven", "7"), 0);
}

static void test_find(void **state)
{
	static const struct {
		const char *name, *field, *text;
		bool is_number;
	} rows[] = {
		{ "uid2", "user", NULL, false }, { "user", "user", NULL, false },
		{ "pid", NULL, "none", false },	 { "seven", NULL, "7", true },
		{ "uid", "uid", NULL, true },	 { "tid", "tid", NULL, true },
		{ "argv", "argv", NULL, false }, { "__time__", "__time__", NULL, true },
	};
	_cleanup_(shape_done) struct shape shape = { 0 };
	_cleanup_(diag_done) struct diag d = { 0 };

	(void)state;
	make_shape(&shape);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct key key = { 0 };

		assert_int_equal(find(&shape, rows[i].name, &d, &key), 0);
		assert_true(key.is_known);
		assert_string_equal(key.name, rows[i].name);
		assert_int_equal(key.is_number, rows[i].is_number);
		if (rows[i].field)
			assert_string_equal(key.field->name, rows[i].field);
		else
			assert_null(key.field);
		if (rows[i].text)
			assert_string_equal(key.text, rows[i].text);
		if (key.field)
			assert_true(shape.reads[key.field - fields]);
	}
	assert_int_equal(d.n, 0);
}

static void test_unknown(void **state)
{
	_cleanup_(shape_done) struct shape shape = { 0 };
	_cleanup_(diag_done) struct diag d = { 0 };
	struct key key = { 0 };

	(void)state;
	make_shape(&shape);
	assert_int_equal(find(&shape, "sevne", &d, &key), -EINVAL);
	assert_int_equal(find(&shape, "ns.ntt", &d, &key), -EINVAL);
	assert_int_equal(find(&shape, "far.from.any", &d, &key), -EINVAL);
	assert_false(key.is_known);
	assert_int_equal(d.n, 3);
	assert_string_equal(d.entries[0].message, "unknown field 'sevne'; did you mean 'seven'?");
	assert_string_equal(d.entries[1].message, "unknown field 'ns.ntt'; did you mean 'ns.net'?");
	assert_string_equal(d.entries[2].message,
			    "unknown field 'far.from.any'; 'proctrail fields' lists them");
}

static void test_amounts(void **state)
{
	static const struct {
		const char *field, *text;
		bool is_right;
		enum value_kind kind;
		uint64_t bits;
	} rows[] = {
		{ "pid", "0", true, VALUE_U64, 0 },
		{ "pid", "18446744073709551615", true, VALUE_U64, UINT64_MAX },
		{ "pid", "18446744073709551616", false, VALUE_ABSENT, 0 },
		{ "pid", "99999999999999999999", false, VALUE_ABSENT, 0 },
		{ "pid", "100000000000000000000", false, VALUE_ABSENT, 0 },
		{ "pid", "-1", true, VALUE_I64, UINT64_MAX },
		{ "pid", "-9223372036854775808", true, VALUE_I64, UINT64_C(1) << 63 },
		{ "pid", "-9223372036854775809", false, VALUE_ABSENT, 0 },
		{ "pid", "-0", false, VALUE_ABSENT, 0 },
		{ "pid", "01", false, VALUE_ABSENT, 0 },
		{ "pid", "+1", false, VALUE_ABSENT, 0 },
		{ "pid", " 1", false, VALUE_ABSENT, 0 },
		{ "pid", "", false, VALUE_ABSENT, 0 },
		{ "pid", "-", false, VALUE_ABSENT, 0 },
		{ "pid", "1KiB", false, VALUE_ABSENT, 0 },
		{ "memory.peak_bytes", "1KiB", true, VALUE_U64, 1024 },
		{ "arguments.bytes", "7", true, VALUE_U64, 7 },
		{ "arguments.bytes", "1s", false, VALUE_ABSENT, 0 },
		{ "duration_ns", "1us", true, VALUE_U64, 1000 },
		{ "duration_ns", "1KiB", false, VALUE_ABSENT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct key key = { .field = field_lookup(str_from(rows[i].field)) };
		struct value v = { .kind = VALUE_ABSENT };

		if (key_read_amount(&key, rows[i].text, &v) != rows[i].is_right)
			fail_msg("'%s' for %s", rows[i].text, rows[i].field);
		assert_int_equal(v.kind, rows[i].kind);
		assert_true(v.kind == VALUE_ABSENT || v.u64 == rows[i].bits);
	}
	assert_string_equal(key_amount_hint(&(struct key){ 0 }), "");
}

static void test_apply(void **state)
{
	_cleanup_(condition_freep) struct condition *c = NULL;
	const struct key word = { .text = "word" }, number = { .text = "-12" },
			 padded = { .text = "012" };

	(void)state;
	assert_int_equal(condition_new(CONDITION_EXISTS, &c), 0);
	assert_int_equal(key_apply(&number, c), 0);
	assert_int_equal(c->otherwise.kind, VALUE_I64);
	assert_int_equal(c->otherwise.i64, -12);
	assert_int_equal(key_apply(&padded, c), 0);
	assert_int_equal(c->otherwise.kind, VALUE_TEXT);
	assert_int_equal(c->otherwise.text.n, 3);
	c = condition_free(c);
	assert_int_equal(condition_new(CONDITION_EXISTS, &c), 0);
	assert_int_equal(key_apply(&word, c), 0);
	assert_memory_equal(c->otherwise.text.p, "word", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_apply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
