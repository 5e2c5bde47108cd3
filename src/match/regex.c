/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCRE2's own match limit bounds the steps from one place of the value only, and in machine code
 * does not see the steps of a simple repeat: foo.*bar over a long run of foo takes the square of
 * its length. So each item of the pattern calls back before it is tried, and the calls and the
 * bytes that lie between them are counted.
 */
#include "match/regex.h"

#include <errno.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define STEPS_BASE 20000
#define STEPS_PER_BYTE(n_pattern) (8 + (n_pattern) / 2)
#define BYTES_PER_STEP 8 /* a simple repeat goes over so many bytes in the time of a step */
#define STACK_MIN 32768
#define STACK_MAX (512 * 1024)
#define HEAP_MAX_KIB 1024 /* where there is no machine code */
#define REASON_MAX 256

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	size_t steps_per_byte;
	size_t steps_left, last_at; /* of the search under way */
};

struct regex *regex_free(struct regex *re)
{
	if (!re)
		return NULL;
	pcre2_jit_stack_free(re->stack);
	pcre2_match_context_free(re->context);
	pcre2_match_data_free(re->data);
	pcre2_code_free(re->code);
	free(re);
	return NULL;
}

static int count_step(pcre2_callout_block *block, void *data)
{
	struct regex *re = data;
	size_t at = block->current_position;
	size_t way = at > re->last_at ? at - re->last_at : re->last_at - at;
	size_t steps = 1 + way / BYTES_PER_STEP;

	re->last_at = at;
	if (steps > re->steps_left)
		return PCRE2_ERROR_CALLOUT;
	re->steps_left -= steps;
	return 0;
}

static int compile(struct regex *re, const char *pattern, bool whole, struct buf *reterr)
{
	uint32_t options = PCRE2_NEVER_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY |
			   PCRE2_AUTO_CALLOUT;
	PCRE2_UCHAR reason[REASON_MAX];
	PCRE2_SIZE at = 0;
	int code = 0;

	if (whole)
		options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
	re->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &at,
				 NULL);
	if (re->code)
		return 0;
	if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED)
		return -ENOMEM;
	pcre2_get_error_message(code, reason, sizeof(reason));
	buf_printf(reterr, "%s, at character %zu", (const char *)reason, at + 1);
	return -EINVAL;
}

/* Without machine code, or without a stack of its own, matching is slower and as right. */
static void speed_up(struct regex *re)
{
	if (pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE) < 0)
		return;
	re->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
	if (re->stack)
		pcre2_jit_stack_assign(re->context, NULL, re->stack);
}

int regex_new(const char *pattern, bool whole, struct buf *reterr, struct regex **ret)
{
	_cleanup_(regex_freep) struct regex *re = NULL;
	int r;

	re = calloc(1, sizeof(*re));
	if (!re)
		return -ENOMEM;
	re->steps_per_byte = STEPS_PER_BYTE(strlen(pattern));
	r = compile(re, pattern, whole, reterr);
	if (r < 0)
		return r;
	re->data = pcre2_match_data_create(1, NULL);
	re->context = pcre2_match_context_create(NULL);
	if (!re->data || !re->context)
		return -ENOMEM;
	pcre2_set_heap_limit(re->context, HEAP_MAX_KIB);
	pcre2_set_callout(re->context, count_step, re);
	speed_up(re);
	*ret = TAKE_PTR(re);
	return 0;
}

enum outcome regex_test(struct regex *re, struct str value)
{
	int n;

	re->steps_left = STEPS_BASE + re->steps_per_byte * value.n;
	re->last_at = 0;
	n = pcre2_match(re->code, (PCRE2_SPTR)value.p, value.n, 0, 0, re->data, re->context);
	if (n == PCRE2_ERROR_NOMATCH)
		return OUTCOME_NO;
	return n < 0 ? OUTCOME_UNDECIDED : OUTCOME_YES;
}
