/* SPDX-License-Identifier: Apache-2.0 */
/* Strings in JSON (RFC 8259, section 7). Pure; any thread. */
#include "base/json_text.h"

#include "base/utf8.h"

static void put_escape(struct buf *out, unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		buf_put_char(out, '\\');
		buf_put_char(out, (char)c);
		break;
	case '\n':
		buf_put_str(out, STR("\\n"));
		break;
	case '\t':
		buf_put_str(out, STR("\\t"));
		break;
	default:
		buf_printf(out, "\\u%04x", c);
	}
}

void json_text_put(struct buf *out, struct str s)
{
	buf_put_char(out, '"');
	while (s.n) {
		size_t length = utf8_length(s.p, s.n);
		unsigned char c = (unsigned char)*s.p;

		if (!length)
			buf_put_str(out, STR("\xef\xbf\xbd"));
		else if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			put_escape(out, c);
		else
			buf_put(out, s.p, length);
		s.p += length ? length : 1;
		s.n -= length ? length : 1;
	}
	buf_put_char(out, '"');
}
