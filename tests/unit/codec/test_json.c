/* SPDX-License-Identifier: Apache-2.0 */
/* The sample of the specification byte by byte; escaping; switches; lack of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "codec/json.h"
#include <cmocka.h>

#include "../event/sample.h"

#define SAMPLE_COMMON                                                                          \
	"{\"exec_id\":\"djQzYzExMjA0LnNxYS5uYTEzMTozNDYzOTcwNzQ4MDA2ODI4MDoxNDg3NDk=\","       \
	"\"pid\":\"148749\",\"uid\":\"3000\",\"user\":\"user\","                               \
	"\"binary\":\"/usr/bin/python3\",\"arguments\":\"-m http.server 8000\","               \
	"\"cwd\":\"/workspace/loongcollector_community_test\","                                \
	"\"cap.permitted\":\"\",\"cap.effective\":\"\",\"cap.inheritable\":\"\","              \
	"\"parent.exec_id\":\"djQzYzExMjA0LnNxYS5uYTEzMTozNDYxODUyNzQ4MDAwMDAwMDozNDE2MTM2\"," \
	"\"parent.pid\":\"3416136\",\"parent.uid\":\"3000\",\"parent.user\":\"user\","         \
	"\"parent.binary\":\"/usr/bin/bash\",\"parent.arguments\":\"\","                       \
	"\"parent.cwd\":\"/workspace/loongcollector_community_test\","

/* Encodes the sample with a schema of the spec's fields, or of the one that is named. */
static void encode(struct sample *s, const char *field, const struct json_options *options,
		   struct buf *out)
{
	_cleanup_(json_schema_freep) struct json_schema *schema = NULL;
	_cleanup_(freep) bool *want = calloc(n_fields, sizeof(*want));
	_cleanup_(shape_done) struct shape shape = { 0 };
	size_t i;

	assert_non_null(want);
	for (i = 0; i < n_fields; i++)
		want[i] = field ? strcmp(fields[i].name, field) == 0
				: fields[i].set == FIELD_SET_SPEC;
	assert_int_equal(shape_init(&shape, want), 0);
	assert_int_equal(json_schema_new(&shape, options, &schema), 0);
	json_encode(schema, &s->event, &s->view, out);
}

static void assert_text(const struct buf *b, const char *text)
{
	assert_false(buf_failed(b));
	if (b->len != strlen(text) || memcmp(b->data, text, b->len) != 0)
		fail_msg("%.*s\nis not\n%s", (int)b->len, b->data, text);
}

static void test_sample(void **state)
{
	static const struct json_options options = { .time_string = true };
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	encode(&s, NULL, &options, &out);
	sample_end(&s, 0);
	encode(&s, NULL, &options, &out);
	assert_text(&out, SAMPLE_COMMON "\"call_name\":\"execve\",\"event_type\":\"kprobe\","
					"\"__time__\":\"1758701451\"}\n" SAMPLE_COMMON
					"\"call_name\":\"exit\",\"event_type\":\"kprobe\","
					"\"exit_code\":\"0\",\"exit_tid\":\"148749\","
					"\"__time__\":\"1758701453\"}\n");
}

static void test_switches(void **state)
{
	static const struct {
		struct json_options options;
		const char *text;
	} cases[] = {
		{ { .time_string = true }, "{\"__time__\":\"1758701451\"}\n" },
		{ { .time_string = false }, "{\"__time__\":1758701451}\n" },
		{ { .tags = true },
		  "{\"__tag__:__hostname__\":\"v43c11204.sqa.na131\","
		  "\"__tag__:__host_ip__\":\"11.122.0.7\",\"__time__\":1758701451}\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		encode(&s, "__time__", &cases[i].options, &out);
		assert_text(&out, cases[i].text);
	}
}

/* The tags stand before the time, and behind everything where there is none. */
static void test_tags(void **state)
{
	static const struct json_options options = { .tags = true };
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.node.name = STR("a\"b");
	s.node.address = STR_EMPTY;
	encode(&s, "pid", &options, &out);
	assert_text(&out, "{\"pid\":\"148749\",\"__tag__:__hostname__\":\"a\\\"b\","
			  "\"__tag__:__host_ip__\":\"\"}\n");
}

static void test_nothing(void **state)
{
	static const struct json_options options = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	encode(&s, "exit_code", &options, &out);
	encode(&s, "no such field", &options, &out);
	assert_text(&out, "{}\n{}\n");
}

/* Keys under other names, constants, and what stands for a field that is absent. */
static void test_shape(void **state)
{
	static const struct json_options options = { .tags = true };
	_cleanup_(json_schema_freep) struct json_schema *schema = NULL;
	_cleanup_(freep) bool *want = calloc(n_fields, sizeof(*want));
	_cleanup_(shape_done) struct shape shape = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	assert_non_null(want);
	for (size_t i = 0; i < n_fields; i++)
		want[i] = strcmp(fields[i].name, "pid") == 0 ||
			  strcmp(fields[i].name, "exit_code") == 0 ||
			  strcmp(fields[i].name, "user") == 0 || fields[i].type == FIELD_TIME;
	assert_int_equal(shape_init(&shape, want), 0);
	assert_int_equal(shape_add(&shape, "__tag__:__hostname__", "mine"), 0);
	assert_int_equal(shape_add(&shape, "a\"b", "\\\n"), 0);
	assert_int_equal(shape_rename(&shape, shape_lookup(&shape, "pid"), "p\ti"), 0);
	assert_int_equal(shape_rename(&shape, shape_lookup(&shape, "__time__"), "when"), 0);
	assert_int_equal(shape_set_default(shape_lookup(&shape, "exit_code"), "none"), 0);
	assert_int_equal(shape_replace(shape_lookup(&shape, "user"), ""), 0);
	assert_int_equal(json_schema_new(&shape, &options, &schema), 0);
	shape_done(&shape);
	sample_init(&s);
	json_encode(schema, &s.event, &s.view, &out);
	sample_end(&s, 0x300);
	json_encode(schema, &s.event, &s.view, &out);
	assert_text(&out, "{\"p\\ti\":\"148749\",\"user\":\"\",\"exit_code\":\"none\","
			  "\"__tag__:__hostname__\":\"mine\",\"a\\\"b\":\"\\\\\\n\","
			  "\"__tag__:__host_ip__\":\"11.122.0.7\",\"when\":1758701451}\n"
			  "{\"p\\ti\":\"148749\",\"user\":\"\",\"exit_code\":\"3\","
			  "\"__tag__:__hostname__\":\"mine\",\"a\\\"b\":\"\\\\\\n\","
			  "\"__tag__:__host_ip__\":\"11.122.0.7\",\"when\":1758701453}\n");
}

static void test_kinds(void **state)
{
	static const struct json_options options = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.event.time_ns = -1;
	s.event.seq = UINT64_MAX;
	sample_set_text(&s, PROGRAM_ARGS, STR("a\0\0b\"\xff"));
	encode(&s, "argv", &options, &out);
	encode(&s, "__time_ns__", &options, &out);
	encode(&s, "__seq__", &options, &out);
	encode(&s, "__time__", &options, &out);
	sample_set_text(&s, PROGRAM_ARGS, STR_EMPTY);
	encode(&s, "argv", &options, &out);
	assert_text(&out, "{\"argv\":[\"a\",\"\",\"b\\\"\\\\xff\"]}\n"
			  "{\"__time_ns__\":\"-1\"}\n"
			  "{\"__seq__\":\"18446744073709551615\"}\n"
			  "{\"__time__\":-1}\n"
			  "{\"argv\":[]}\n");
}

static void test_text(void **state)
{
	static const struct {
		struct str plain;
		const char *json;
	} cases[] = {
		{ STR(""), "\"\"" },
		{ STR("plain text of more than eight bytes"),
		  "\"plain text of more than eight bytes\"" },
		{ STR("\"\\/"), "\"\\\"\\\\/\"" },
		{ STR("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\"" },
		{ STR("\0\x01\x0b\x0e\x1f\x7f"), "\"\\u0000\\u0001\\u000b\\u000e\\u001f\x7f\"" },
		{ STR("\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"),
		  "\"\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80\"" },
		{ STR("\xe2\x80\xa8"), "\"\xe2\x80\xa8\"" }, /* U+2028 is let be */
		{ STR("\xff\xc0\x80"), "\"\\\\xff\\\\xc0\\\\x80\"" },
		{ STR("\xed\xa0\x80"), "\"\\\\xed\\\\xa0\\\\x80\"" },
		{ STR("cut \xe4\xb8"), "\"cut \\\\xe4\\\\xb8\"" },
		{ STR("1234567\""), "\"1234567\\\"\"" },
		{ STR("1234567\xe4\xb8\xad"
		      "9abcdefgh"),
		  "\"1234567\xe4\xb8\xad"
		  "9abcdefgh\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf out = { 0 };

		json_put_text(&out, cases[i].plain);
		assert_text(&out, cases[i].json);
	}
}

/* Every byte at every place in a word, beside plain ones: the quick way must not miss one. */
static void test_every_byte(void **state)
{
	unsigned int byte;
	size_t at;

	(void)state;
	for (byte = 0; byte < 256; byte++) {
		_cleanup_(buf_done) struct buf alone = { 0 };
		char c = (char)byte;

		json_put_text(&alone, (struct str){ &c, 1 });
		for (at = 0; at < 16; at++) {
			_cleanup_(buf_done) struct buf out = { 0 };
			char text[16];

			memset(text, '!', sizeof(text));
			text[at] = c;
			json_put_text(&out, (struct str){ text, sizeof(text) });
			assert_int_equal(out.len, 15 + alone.len);
			assert_memory_equal(out.data + 1 + at, alone.data + 1, alone.len - 2);
		}
	}
}

/* Characters that lie across the border of what is reserved at once. */
static void test_long(void **state)
{
	size_t shift, i;

	(void)state;
	for (shift = 0; shift < 4; shift++) {
		_cleanup_(buf_done) struct buf in = { 0 }, out = { 0 };

		for (i = 0; i < shift; i++)
			buf_put_char(&in, 'x');
		while (in.len < 20000)
			buf_put_str(&in, STR("\xf0\x9f\x98\x80"));
		json_put_text(&out, buf_str(&in));
		assert_int_equal(out.len, in.len + 2);
		assert_memory_equal(out.data + 1, in.data, in.len);
	}
}

static void test_lack_of_memory(void **state)
{
	static const struct json_options options = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	assert_null(buf_room(&out, SIZE_MAX / 2 + 1));
	encode(&s, NULL, &options, &out);
	assert_true(buf_failed(&out));
	assert_int_equal(out.len, 0);

	/* a value that could not be made */
	buf_clear(&out);
	s.node.name = (struct str){ .p = "", .n = SIZE_MAX / 2 + 1 };
	encode(&s, "exec_id", &options, &out);
	assert_true(buf_failed(&out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample), cmocka_unit_test(test_switches),
		cmocka_unit_test(test_tags),   cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_shape),  cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_text),   cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_long),   cmocka_unit_test(test_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
