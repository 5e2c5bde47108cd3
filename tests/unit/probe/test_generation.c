/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel did not run the programs of a generation for. */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "probe/generation.h"

#define RUNS 7

static int load(const struct bpf_insn *insns, size_t n)
{
	return bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "test_misses", "GPL", insns, n, NULL);
}

/*
 * A program at the tracepoint of what it does itself: the kernel runs it once, and not within it.
 */
static int load_recursive(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_H, .dst_reg = 10, .off = -8, .imm = 'x' },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 2 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_trace_printk },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load(insns, ARRAY_SIZE(insns));
}

static void test_misses(void **state)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	_cleanup_(closep) int prog_fd = load_recursive();
	struct probe_misses misses = { 1, 1, 1, 1 };
	struct generation g;

	(void)state;
	if (prog_fd < 0) {
		print_message("no BPF here\n");
		skip();
	}
	generation_init(&g, 1);
	assert_int_equal(generation_read_misses(&g, &misses), 0);
	assert_int_equal(misses.exec + misses.exit + misses.fork + misses.other, 0);
	g.fds[PART_EXEC] = bpf_raw_tracepoint_open("bpf_trace_printk", prog_fd);
	assert_true(g.fds[PART_EXEC] >= 0);
	for (int i = 0; i < RUNS; i++)
		assert_int_equal(bpf_prog_test_run_opts(prog_fd, &opts), 0);
	assert_int_equal(generation_read_misses(&g, &misses), 0);
	assert_int_equal(misses.exec, RUNS);
	assert_int_equal(misses.exit + misses.fork + misses.other, 0);
	generation_done(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_misses) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
