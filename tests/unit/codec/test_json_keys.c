/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of every kind and length, by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/json_text.h"
#include "codec/json_keys.h"

#include "../event/sample.h"

#define LONG_NAME "a name that is longer than a short text may be, by far"

static const struct json_options plain = { 0 };

static void assert_key(struct sample *s, const struct shape_key *from, const char *expected)
{
	_cleanup_(json_keys_done) struct json_keys k = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };

	assert_int_equal(json_keys_init(&k, 1), 0);
	json_keys_add(&k, from, &plain);
	assert_int_equal(json_keys_finish(&k), 0);
	json_keys_put(&k, 0, k.n, &s->event, &s->view, &out);
	assert_false(buf_failed(&out));
	assert_int_equal(out.len, strlen(expected));
	assert_memory_equal(buf_str(&out).p, expected, out.len);
}

static void test_key(void **state)
{
	static const struct {
		const char *field, *name, *text, *expected;
	} cases[] = {
		{ "pid", "pid", NULL, ",\"pid\":\"148749\"" },
		{ "pid", "p\"", "unused", ",\"p\\\"\":\"148749\"" },
		{ "pid", LONG_NAME, NULL, ",\"" LONG_NAME "\":\"148749\"" },
		{ "container.id", "container.id", NULL, "" },
		{ "container.id", "c", "none\n", ",\"c\":\"none\\n\"" },
		{ "container.name", "container.name", NULL, "" },
		{ "container.name", "c", LONG_NAME, ",\"c\":\"" LONG_NAME "\"" },
		{ "event_type", "t", "unused", ",\"t\":\"kprobe\"" },
		{ NULL, "constant", "", ",\"constant\":\"\"" },
		{ "argv", "argv", NULL, ",\"argv\":[\"python3\",\"-m\",\"http.server\",\"8000\"]" },
		{ "__time__", "__time__", NULL, ",\"__time__\":1758701451" },
	};
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct shape_key key = {
			.field = cases[i].field ? field_lookup(str_from(cases[i].field)) : NULL,
			.name = (char *)cases[i].name,
			.text = (char *)cases[i].text,
		};

		assert_key(&s, &key, cases[i].expected);
	}
}

/* A value for which no room is made beforehand. */
static void test_long_value(void **state)
{
	const struct shape_key key = { .field = field_lookup(STR("binary")), .name = (char *)"b" };
	_cleanup_(sample_done) struct sample s;
	static char text[2 * JSON_TEXT_SHORT];
	static char expected[sizeof(text) + 16];

	(void)state;
	sample_init(&s);
	memset(text, 'x', sizeof(text));
	sample_set_text(&s, PROGRAM_BINARY, (struct str){ .p = text, .n = sizeof(text) });
	snprintf(expected, sizeof(expected), ",\"b\":\"%.*s\"", (int)sizeof(text), text);
	assert_key(&s, &key, expected);
}

/* A lost record has some keys, and all constants. */
static void test_lost(void **state)
{
	const struct shape_key pid = { .field = field_lookup(STR("pid")),
				       .name = (char *)"pid",
				       .text = (char *)"unused" };
	const struct shape_key name = { .field = field_lookup(STR("call_name")),
					.name = (char *)"call" };
	const struct shape_key constant = { .name = (char *)"c", .text = (char *)"d" };
	const struct loss loss = { .reason = LOSS_RING_FULL };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.event = (struct event){ .call = CALL_LOST, .node = &s.node, .loss = &loss };
	assert_key(&s, &pid, "");
	assert_key(&s, &name, ",\"call\":\"lost\"");
	assert_key(&s, &constant, ",\"c\":\"d\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_long_value),
		cmocka_unit_test(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
