/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event of the specification's sample, built by hand: python3 as a web server, started by a
 * bash. Tests change what they are about.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "event/event.h"
#include "event/field.h"

struct sample {
	struct node node;
	struct user user;
	struct cgroup cgroup;
	struct container container;
	struct program *program, *parent_program; /* sample_set_text() makes another */
	struct event_cred cred;
	struct image image, parent;
	struct event_exit exit;
	struct event_exec exec;
	struct event event;
	struct buf scratch;
	struct field_view view;
};

static inline struct program *sample_program(const struct str texts[_PROGRAM_TEXT_MAX],
					     const struct event_exe_ext *ext)
{
	struct program *p = malloc(program_bytes_for(texts, ext));

	if (!p)
		abort();
	program_init(p, texts, ext);
	return p;
}

/* Another program, which has these texts and what else the one before had. */
static inline void sample_set_program(struct sample *s, const struct str texts[_PROGRAM_TEXT_MAX],
				      const struct event_exe_ext *ext)
{
	struct program *before = s->program;

	s->program = sample_program(texts, ext);
	if (before) {
		s->program->flags |= before->flags & ~(uint32_t)PROGRAM_HAS_EXE_EXT;
		s->program->argc = before->argc;
		s->program->args_total = before->args_total;
	}
	free(before);
	s->image.program = s->program;
}

static inline void sample_set_text(struct sample *s, enum program_text which, struct str text)
{
	struct str texts[_PROGRAM_TEXT_MAX];

	for (int i = 0; i < _PROGRAM_TEXT_MAX; i++)
		texts[i] = program_text(s->program, (enum program_text)i);
	texts[which] = text;
	sample_set_program(s, texts, program_exe_ext(s->program));
}

static inline void sample_set_exe_ext(struct sample *s, const struct event_exe_ext *ext)
{
	struct str texts[_PROGRAM_TEXT_MAX];

	for (int i = 0; i < _PROGRAM_TEXT_MAX; i++)
		texts[i] = program_text(s->program, (enum program_text)i);
	sample_set_program(s, texts, ext);
}

static inline void sample_init(struct sample *s)
{
	*s = (struct sample){
		.node = { .name = STR("v43c11204.sqa.na131"), .address = STR("11.122.0.7") },
		.user = { .uid = 3000, .name = STR("user") },
		.cred = { .euid = 3000 },
		.image = {
			.key = { .start_ns = 34639707480068272, .exec_count = 8, .pid = 148749 },
		},
		.parent = {
			.key = { .start_ns = 34618527479999990, .exec_count = 10, .pid = 3416136 },
		},
		.event = { .call = CALL_EXECVE, .seq = 4096, .time_ns = 1758701451123456789 },
		.view = { .max_args = 32768 },
	};
	s->image.user = s->parent.user = &s->user;
	s->image.cred = s->parent.cred = &s->cred;
	sample_set_program(s,
			   (const struct str[_PROGRAM_TEXT_MAX]){
				   [PROGRAM_BINARY] = STR("/usr/bin/python3"),
				   [PROGRAM_CWD] = STR("/workspace/loongcollector_community_test"),
				   [PROGRAM_ARGS] = STR("python3\0-m\0http.server\0"
							"8000\0"),
			   },
			   NULL);
	s->program->argc = 4;
	s->program->args_total = 33;
	s->parent_program = sample_program(
		(const struct str[_PROGRAM_TEXT_MAX]){
			[PROGRAM_BINARY] = STR("/usr/bin/bash"),
			[PROGRAM_CWD] = STR("/workspace/loongcollector_community_test"),
			[PROGRAM_ARGS] = STR("bash\0"),
		},
		NULL);
	s->parent_program->argc = 1;
	s->parent_program->args_total = 5;
	s->parent.program = s->parent_program;
	s->image.parent = &s->parent;
	s->event.image = &s->image;
	s->event.node = &s->node;
	s->event.tid = s->image.key.pid;
	s->event.boot_ns = s->image.key.start_ns;
	s->view.scratch = &s->scratch;
}

/* Makes it the exit record, two seconds later. */
static inline void sample_end(struct sample *s, uint32_t status)
{
	s->event.call = CALL_EXIT;
	s->event.exit = &s->exit;
	s->event.boot_ns = s->image.key.start_ns + 2000000500;
	s->event.time_ns += 2000000000;
	s->exit.status = status;
}

static inline void sample_done(struct sample *s)
{
	buf_done(&s->scratch);
	free(s->program);
	free(s->parent_program);
}

/* A field's value as text: a missing key is "(absent)". Lists are shown with '|' for their NULs. */
static inline const char *sample_value(struct sample *s, const char *name, char *to, size_t size)
{
	const struct field *field = field_lookup(str_from(name));
	struct value v;
	size_t i;

	if (!field)
		return "(no such field)";
	v = field_get(field, &s->event, &s->view);
	switch (v.kind) {
	case VALUE_ABSENT:
		return "(absent)";
	case VALUE_U64:
		snprintf(to, size, "%llu", (unsigned long long)v.u64);
		return to;
	case VALUE_I64:
		snprintf(to, size, "%lld", (long long)v.i64);
		return to;
	case VALUE_TEXT:
	case VALUE_SAFE:
	case VALUE_ARGV:
		break;
	}
	if (v.text.n >= size)
		return "(too long)";
	if (v.text.n)
		memcpy(to, v.text.p, v.text.n);
	for (i = 0; v.kind == VALUE_ARGV && i < v.text.n; i++)
		to[i] = to[i] ? to[i] : '|';
	to[v.text.n] = '\0';
	return to;
}

#define assert_field(s, name, expected)                                                           \
	do {                                                                                      \
		char _text[8192];                                                                 \
		assert_string_equal(sample_value((s), (name), _text, sizeof(_text)), (expected)); \
	} while (0)
