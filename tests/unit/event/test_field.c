/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself: its names, their order and sets, its docs, and looking names up. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "event/field.h"
#include <cmocka.h>

/* The names of the specification, in the order of its sample. */
static const char *const spec_names[] = {
	"exec_id",
	"pid",
	"uid",
	"user",
	"binary",
	"arguments",
	"cwd",
	"cap.permitted",
	"cap.effective",
	"cap.inheritable",
	"container.id",
	"container.name",
	"container.image.id",
	"container.image.name",
	"k8s.namespace",
	"k8s.pod.name",
	"k8s.container.name",
	"k8s.workload.name",
	"k8s.workload.kind",
	"parent.exec_id",
	"parent.pid",
	"parent.uid",
	"parent.user",
	"parent.binary",
	"parent.arguments",
	"parent.cwd",
	"call_name",
	"event_type",
	"exit_code",
	"exit_tid",
	"exit_signal",
	"core_dumped",
	"inferred",
	"arguments.truncated",
	"cwd.truncated",
	"lost.execve",
	"lost.exit",
	"lost.clone",
	"lost.other",
	"lost.since",
	"lost.until",
	"lost.reason",
	"__time__",
};

static const char *const extended_names[] = {
	"tid",
	"gid",
	"egid",
	"ruid",
	"suid",
	"loginuid",
	"audit_session",
	"session_id",
	"tty",
	"no_new_privs",
	"cap.bounding",
	"cap.ambient",
	"ns.mnt",
	"ns.pid",
	"ns.net",
	"ns.user",
	"ns.uts",
	"ns.ipc",
	"ns.cgroup",
	"cgroup.id",
	"pid.container",
	"uid.container",
	"exe.path",
	"exe.inode",
	"exe.dev",
	"exe.nlink",
	"exe.deleted",
	"exe.memfd",
	"exe.upper",
	"interpreter",
	"exec.setuid",
	"exec.setgid",
	"exec.file_caps",
	"argc",
	"argv",
	"arguments.bytes",
	"environment",
	"container.runtime",
	"container.image.tag",
	"container.image.digest",
	"container.privileged",
	"container.started",
	"container.entry",
	"container.exec",
	"k8s.pod.uid",
	"k8s.pod.labels",
	"k8s.pod.annotations",
	"duration_ns",
	"cpu.user_ns",
	"cpu.system_ns",
	"memory.peak_bytes",
	"ancestors",
	"ktime",
	"parent.ktime",
	"parent.container.id",
	"__time_ns__",
	"__seq__",
};

static void assert_set(enum field_set set, const char *const *names, size_t n)
{
	size_t i, at = 0;

	for (i = 0; i < n_fields; i++) {
		if (fields[i].set != set)
			continue;
		assert_true(at < n);
		assert_string_equal(fields[i].name, names[at++]);
	}
	assert_int_equal(at, n);
}

static void test_order(void **state)
{
	(void)state;
	assert_set(FIELD_SET_SPEC, spec_names, ARRAY_SIZE(spec_names));
	assert_set(FIELD_SET_EXTENDED, extended_names, ARRAY_SIZE(extended_names));
	assert_string_equal(fields[n_fields - 1].name, "__time__");
}

static void test_rows(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < n_fields; i++) {
		const struct field *f = &fields[i];
		size_t n = strlen(f->doc);

		assert_non_null(f->get);
		assert_true(n > 10);
		assert_true(isupper((unsigned char)f->doc[0]));
		assert_int_equal(f->doc[n - 1], '.');
		assert_null(strchr(f->doc, '|')); /* it would end a cell of the page's table */
		assert_null(strchr(f->name, '"'));
		assert_ptr_equal(field_lookup(str_from(f->name)), f); /* no name twice */
		assert_true(strlen(field_type_to_string(f->type)) > 0);
		assert_true(strlen(field_set_to_string(f->set)) > 0);
	}
}

static void test_lookup(void **state)
{
	(void)state;
	assert_null(field_lookup(STR("")));
	assert_null(field_lookup(STR("pi")));
	assert_null(field_lookup(STR("pid.")));
	assert_int_equal(field_lookup(STR("exit_tid"))->type, FIELD_NUMBER);
}

static void test_nearest(void **state)
{
	char text[200];

	(void)state;
	assert_string_equal(field_nearest(STR("containerid"))->name, "container.id");
	assert_string_equal(field_nearest(STR("exec.id"))->name, "exec_id");
	assert_string_equal(field_nearest(STR("exe.pathh"))->name, "exe.path");
	assert_null(field_nearest(STR("something_else_entirely")));
	memset(text, 'x', sizeof(text));
	assert_null(field_nearest((struct str){ text, sizeof(text) }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
