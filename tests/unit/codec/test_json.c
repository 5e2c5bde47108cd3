/* SPDX-License-Identifier: Apache-2.0 */
/* The sample of the specification byte by byte; switches; what is kept; lack of memory. */
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

/* A shape of these fields, in the table's order. */
static void shape_of(struct shape *shape, const char *const *names)
{
	_cleanup_(freep) bool *want = calloc(n_fields, sizeof(*want));

	assert_non_null(want);
	for (; *names; names++)
		want[field_lookup(str_from(*names)) - fields] = true;
	assert_int_equal(shape_init(shape, want), 0);
}

static uint64_t new_stamp(void)
{
	static uint64_t last = 1000;

	return ++last;
}

static void child_enters(struct sample *s)
{
	memset(s->container.id, 'a', sizeof(s->container.id));
	s->container.stamp = new_stamp();
	s->cgroup.container = &s->container;
	s->image.cgroup = &s->cgroup;
	s->image.stamp = new_stamp();
}

/* What stands for a field that is absent does so where there is no container, too. */
static void test_default_of_container(void **state)
{
	static const char *const names[] = { "pid", "container.id", "container.name", NULL };
	static const struct json_options options = { 0 };
	_cleanup_(json_schema_freep) struct json_schema *schema = NULL;
	_cleanup_(shape_done) struct shape shape = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	shape_of(&shape, names);
	assert_int_equal(shape_set_default(shape_lookup(&shape, "container.name"), "none"), 0);
	assert_int_equal(json_schema_new(&shape, &options, &schema), 0);
	sample_init(&s);
	json_encode(schema, &s.event, &s.view, &out);
	assert_text(&out, "{\"pid\":\"148749\",\"container.name\":\"none\"}\n");
	child_enters(&s);
	buf_clear(&out);
	json_encode(schema, &s.event, &s.view, &out);
	assert_text(&out,
		    "{\"pid\":\"148749\",\"container.id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"container.name\":\"none\"}\n");
}

/* Keys under other names, constants, and what stands for a field that is absent. */
static void test_shape(void **state)
{
	static const char *const names[] = { "pid", "user", "exit_code", "__time__", NULL };
	static const struct json_options options = { .tags = true };
	_cleanup_(json_schema_freep) struct json_schema *schema = NULL;
	_cleanup_(shape_done) struct shape shape = { 0 };
	_cleanup_(buf_done) struct buf out = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	shape_of(&shape, names);
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

static struct json_schema *schema_of_all(const struct json_options *options)
{
	_cleanup_(freep) bool *want = malloc(n_fields * sizeof(*want));
	_cleanup_(shape_done) struct shape shape = { 0 };
	struct json_schema *schema = NULL;

	assert_non_null(want);
	memset(want, true, n_fields * sizeof(*want));
	assert_int_equal(shape_init(&shape, want), 0);
	assert_int_equal(json_schema_new(&shape, options, &schema), 0);
	return schema;
}

/* As a schema writes it that knows nothing and may keep nothing: there are no stamps. */
static void encode_afresh(struct sample *s, const struct json_options *options, struct buf *out)
{
	_cleanup_(json_schema_freep) struct json_schema *schema = schema_of_all(options);
	uint64_t *const stamps[] = { &s->image.stamp, &s->parent.stamp, &s->program->stamp,
				     &s->parent_program->stamp };
	uint64_t values[ARRAY_SIZE(stamps)];

	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++)
		values[i] = TAKE(*stamps[i], 0);
	json_encode(schema, &s->event, &s->view, out);
	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++)
		*stamps[i] = values[i];
}

static void nothing(struct sample *s)
{
	(void)s;
}

static void clone_of_parent(struct sample *s)
{
	s->event.call = CALL_CLONE;
	s->image.flags |= IMAGE_NEVER_EXEC;
	s->image.program = s->parent_program;
	s->image.stamp = new_stamp();
}

static void other_clone(struct sample *s)
{
	s->image.key.pid++;
	s->image.stamp = new_stamp();
}

static void exec(struct sample *s)
{
	s->event.call = CALL_EXECVE;
	s->image.flags &= ~(uint32_t)IMAGE_NEVER_EXEC;
	s->image.program = s->program;
	s->image.key.exec_count++;
	s->image.stamp = new_stamp();
}

static void end(struct sample *s)
{
	sample_end(s, 0x300);
}

static void end_by_signal(struct sample *s)
{
	s->exit.status = 9;
}

static void end_unseen(struct sample *s)
{
	s->event.exit = NULL;
}

static void lose(struct sample *s)
{
	static const struct loss loss = { .reason = LOSS_RING_FULL, .is_counted = true, .exec = 3 };

	s->event = (struct event){ .call = CALL_LOST, .node = &s->node, .loss = &loss };
}

static void snapshot(struct sample *s)
{
	s->event = (struct event){ .call = CALL_SNAPSHOT, .image = &s->image, .node = &s->node };
}

static void other_owner(struct sample *s)
{
	static const struct event_cred other = { .euid = 7, .permitted = 3 };

	s->image.cred = &other;
	s->image.stamp = new_stamp();
}

static void owner_of_parent(struct sample *s)
{
	s->image.cred = s->parent.cred;
	s->image.stamp = new_stamp();
}

static void other_program(struct sample *s)
{
	sample_set_text(s, PROGRAM_BINARY, STR("/bin/\"\\"));
	s->program->flags |= PROGRAM_ARGS_CUT | PROGRAM_CWD_CUT;
	s->program->stamp = new_stamp();
	s->image.stamp = new_stamp();
}

static void other_parent(struct sample *s)
{
	s->parent.flags |= IMAGE_STUB;
	s->parent.stamp = new_stamp();
}

static void no_parent(struct sample *s)
{
	s->image.parent = NULL;
	s->image.stamp = new_stamp();
}

static void no_program(struct sample *s)
{
	s->image.program = NULL;
	s->image.stamp = new_stamp();
}

static void other_node(struct sample *s)
{
	s->node.name = STR("another");
	s->node.address = STR("::1");
	s->node.stamp++;
}

static void back(struct sample *s)
{
	s->image.parent = &s->parent;
	s->image.program = s->program;
	s->image.stamp = new_stamp();
}

static void parent_enters(struct sample *s)
{
	s->parent.flags &= ~(uint32_t)IMAGE_STUB;
	s->parent.cgroup = &s->cgroup;
	s->parent.stamp = new_stamp();
}

static void learn_of_container(struct sample *s)
{
	s->container.bits ^= CONTAINER_IS_PRIVILEGED;
	s->container.stamp = new_stamp();
}

/* What is kept of a record, and used again, is what would have been written. */
static void test_kept(void **state)
{
	static void (*const steps[])(struct sample * s) = {
		nothing,
		clone_of_parent,
		other_clone,
		exec,
		end,
		end_by_signal,
		end_unseen,
		lose,
		snapshot,
		other_owner,
		exec,
		other_program,
		other_owner,
		other_parent,
		owner_of_parent,
		no_parent,
		no_program,
		other_node,
		back,
		snapshot,
		other_node,
		lose,
		snapshot,
		clone_of_parent,
		end,
		child_enters,
		clone_of_parent,
		parent_enters,
		other_clone,
		end,
		learn_of_container,
		end_by_signal,
		clone_of_parent,
		other_owner,
		exec,
		end,
	};
	static const struct json_options options[] = { { .tags = true }, { .time_string = true } };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(options); k++) {
		_cleanup_(json_schema_freep) struct json_schema *schema =
			schema_of_all(&options[k]);
		_cleanup_(sample_done) struct sample s;

		sample_init(&s);
		s.node.stamp = 1;
		s.program->stamp = 100;
		s.parent_program->stamp = 101;
		s.image.stamp = 102;
		s.parent.stamp = 103;
		for (size_t i = 0; i < 2 * ARRAY_SIZE(steps); i++) {
			_cleanup_(buf_done) struct buf kept = { 0 }, fresh = { 0 };

			if (i % 2 == 0)
				steps[i / 2](&s);
			json_encode(schema, &s.event, &s.view, &kept);
			encode_afresh(&s, &options[k], &fresh);
			buf_put_char(&fresh, '\0');
			assert_text(&kept, fresh.data);
		}
	}
}

/* The work is not done again: a change that does not show in the stamp does not show. */
static void test_not_again(void **state)
{
	static const struct json_options options = { 0 };
	_cleanup_(json_schema_freep) struct json_schema *schema = schema_of_all(&options);
	_cleanup_(buf_done) struct buf first = { 0 }, second = { 0 };
	_cleanup_(sample_done) struct sample s;

	(void)state;
	sample_init(&s);
	s.node.stamp = 1;
	s.image.stamp = 2;
	s.parent.stamp = 3;
	s.program->stamp = 4;
	json_encode(schema, &s.event, &s.view, &first);
	s.cred.euid++;
	s.program->flags |= PROGRAM_CWD_CUT;
	json_encode(schema, &s.event, &s.view, &second);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	assert_true(json_counters(schema)->made > 0);
	assert_true(json_counters(schema)->copied > 0);
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
	s.node.name = (struct str){ .p = "", .n = SIZE_MAX / 3 }; /* with its base64 beside it */
	encode(&s, "exec_id", &options, &out);
	assert_true(buf_failed(&out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_default_of_container),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_not_again),
		cmocka_unit_test(test_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
