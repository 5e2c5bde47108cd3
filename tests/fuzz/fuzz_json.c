/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what a process controls: its path, arguments, directory, terminal, the name of its
 * user. The record is one line of JSON in valid UTF-8, whatever they are.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "codec/json.h"

#include "../unit/event/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/*
 * A judge of its own, of the JSON that a record may be: an object of strings, integers and arrays
 * of strings. Each function takes what it is named for off the front, or aborts.
 */
static char take_char(struct str *s)
{
	require(s->n > 0);
	s->n--;
	return *s->p++;
}

static bool take_if(struct str *s, char c)
{
	if (!s->n || *s->p != c)
		return false;
	take_char(s);
	return true;
}

static void take_escape(struct str *s)
{
	char c = take_char(s);
	int i;

	require(c && strchr("\"\\/bfnrtu", c));
	for (i = 0; c == 'u' && i < 4; i++) {
		char digit = take_char(s);

		require(digit && strchr("0123456789abcdef", digit));
	}
}

static void take_string(struct str *s)
{
	require(take_if(s, '"'));
	while (!take_if(s, '"')) {
		size_t length = utf8_length(s->p, s->n);

		require(length > 0 && (unsigned char)*s->p >= 0x20);
		if (take_if(s, '\\')) {
			take_escape(s);
			continue;
		}
		s->p += length;
		s->n -= length;
	}
}

static void take_list(struct str *s)
{
	if (take_if(s, ']'))
		return;
	do {
		take_string(s);
	} while (take_if(s, ','));
	require(take_if(s, ']'));
}

static void take_integer(struct str *s)
{
	size_t n = 0;

	take_if(s, '-');
	for (; s->n && *s->p >= '0' && *s->p <= '9'; n++)
		take_char(s);
	require(n > 0);
}

static void take_record(struct str *s)
{
	require(take_if(s, '{'));
	do {
		take_string(s);
		require(take_if(s, ':'));
		if (s->n && *s->p == '"')
			take_string(s);
		else if (take_if(s, '['))
			take_list(s);
		else
			take_integer(s);
	} while (take_if(s, ','));
	require(take_if(s, '}'));
	require(take_if(s, '\n'));
}

/* The next line feed ends a part; what follows is the next. */
static struct str next_part(struct str *rest)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct str part = { .p = rest->p, .n = end ? (size_t)(end - rest->p) : rest->n };

	rest->p += part.n + (end != NULL);
	rest->n -= part.n + (end != NULL);
	return part;
}

static struct json_schema *schema_new(const struct json_options *options)
{
	_cleanup_(freep) bool *want = malloc(n_fields * sizeof(*want));
	_cleanup_(shape_done) struct shape shape = { 0 };
	struct json_schema *schema = NULL;

	require(want != NULL);
	memset(want, true, n_fields * sizeof(*want));
	require(shape_init(&shape, want) == 0);
	require(json_schema_new(&shape, options, &schema) == 0);
	return schema;
}

static void set_stamps(struct sample *s, uint64_t first)
{
	s->image.stamp = first;
	s->parent.stamp = first ? first + 1 : 0;
	s->program->stamp = first ? first + 2 : 0;
	s->node.stamp = 1;
}

/* The record is JSON, and the same when it is made of what was kept of the one before. */
static void encode(struct sample *s, struct json_schema *schema, struct json_schema *fresh)
{
	_cleanup_(buf_done) struct buf first = { 0 }, second = { 0 }, plain = { 0 };
	struct str left;

	set_stamps(s, 0);
	json_encode(fresh, &s->event, &s->view, &plain);
	set_stamps(s, 100);
	json_encode(schema, &s->event, &s->view, &first);
	json_encode(schema, &s->event, &s->view, &second);
	require(!buf_failed(&plain) && !buf_failed(&first) && !buf_failed(&second));
	require(str_eq(buf_str(&plain), buf_str(&first)));
	require(str_eq(buf_str(&plain), buf_str(&second)));
	left = buf_str(&plain);
	take_record(&left);
	require(left.n == 0);
}

static void encode_all(struct sample *s, const struct json_options *options, uint32_t status)
{
	_cleanup_(json_schema_freep) struct json_schema *schema = schema_new(options);
	_cleanup_(json_schema_freep) struct json_schema *fresh = schema_new(options);

	s->event.call = CALL_EXECVE;
	encode(s, schema, fresh);
	sample_end(s, status);
	encode(s, schema, fresh);
}

static void set_programs(struct sample *s, struct str *rest)
{
	static const struct event_exe_ext ext = { 0 };
	struct str parent = next_part(rest), binary = next_part(rest), cwd = next_part(rest);
	const struct str texts[_PROGRAM_TEXT_MAX] = {
		[PROGRAM_BINARY] = binary,   [PROGRAM_CWD] = cwd, [PROGRAM_ARGS] = *rest,
		[PROGRAM_INTERPRETER] = cwd, [PROGRAM_EXE] = cwd,
	};

	sample_set_text(s, PROGRAM_BINARY, parent);
	free(s->parent_program);
	s->parent.program = s->parent_program = TAKE_PTR(s->program);
	sample_set_program(s, texts, &ext);
	s->program->flags |= PROGRAM_HAS_EXE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_options options[] = { { .tags = true }, { .time_string = true } };
	struct str rest = { .p = (const char *)data, .n = size };
	struct event_task_ext ext = { 0 };
	_cleanup_(sample_done) struct sample s;
	struct str tty;

	sample_init(&s);
	s.user.name = next_part(&rest);
	s.node.address = next_part(&rest);
	tty = next_part(&rest);
	memcpy(ext.tty, tty.p, tty.n < sizeof(ext.tty) ? tty.n : sizeof(ext.tty));
	s.image.ext = &ext;
	s.view.max_args = (uint32_t)next_part(&rest).n * 8;
	set_programs(&s, &rest);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		encode_all(&s, &options[i], (uint32_t)size);
	return 0;
}
