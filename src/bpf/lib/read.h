/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * GET(p, a, b, c) is p->a->b->c. A BTF tracepoint hands out typed pointers, through which a plain
 * load is enough (a fault reads as 0); where pointers are mere numbers (RAW_TP, the callbacks of
 * bpf_loop) it takes a helper call for each arrow: about 15 ns.
 */
#pragma once

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#ifdef RAW_TP
#define GET(p, ...) BPF_CORE_READ(p, __VA_ARGS__)
#define TRACEPOINT(name) SEC("raw_tp/" name)
#else
#define GET_1(p, a) ((p)->a)
#define GET_2(p, a, b) ((p)->a->b)
#define GET_3(p, a, b, c) ((p)->a->b->c)
#define GET_4(p, a, b, c, d) ((p)->a->b->c->d)
#define GET_N(a, b, c, d, n, ...) GET_##n
#define GET_PICK(...) GET_N(__VA_ARGS__, 4, 3, 2, 1)
#define GET_JOIN(pick, p, ...) GET_CALL(pick, p, __VA_ARGS__)
#define GET_CALL(pick, p, ...) pick(p, __VA_ARGS__)
#define GET(p, ...) GET_JOIN(GET_PICK(__VA_ARGS__), p, __VA_ARGS__)
#define TRACEPOINT(name) SEC("tp_btf/" name)
#endif

/*
 * n, of 64 bits, is at most max, and the verifier knows it: without the barrier the compiler, which
 * has proved it in its own way, drops the test.
 */
#define BOUND(n, max)                       \
	do {                                \
		asm volatile("" : "+r"(n)); \
		if ((n) > (max))            \
			(n) = (max);        \
	} while (0)
