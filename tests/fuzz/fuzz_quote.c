/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an argument list: the line is printable UTF-8, and the list can be recovered from
 * it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "event/quote.h"

#include "../unit/event/unquote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_printable(struct str s)
{
	while (s.n) {
		size_t length = utf8_length(s.p, s.n);

		require(length > 0 && (unsigned char)*s.p >= 0x20 && *s.p != 0x7f);
		s.p += length;
		s.n -= length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_done) struct buf line = { 0 }, tail = { 0 }, back = { 0 };
	struct str args = { .p = (const char *)data, .n = size };
	bool has_nul = !size || !data[size - 1];

	quote_arguments(&line, args, 0);
	require(!buf_failed(&line));
	require_printable(buf_str(&line));
	unquote(&back, buf_str(&line));
	require(back.len == size + !has_nul);
	require(!size || memcmp(back.data, data, size) == 0);

	/* without its first argument it is the end of the same line */
	quote_arguments(&tail, args, 1);
	require(str_ends_with(buf_str(&line), buf_str(&tail)));
	return 0;
}
