/* SPDX-License-Identifier: Apache-2.0 */
/* How a program lies in memory. */
#include "event/image.h"

#include <assert.h>
#include <string.h>

const struct event_cred cred_unknown = { 0 };

static size_t texts_bytes(const struct str texts[_PROGRAM_TEXT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < _PROGRAM_TEXT_MAX; i++)
		n += texts[i].n;
	return n;
}

size_t program_bytes_for(const struct str texts[_PROGRAM_TEXT_MAX], const struct event_exe_ext *ext)
{
	return sizeof(struct program) + (ext ? sizeof(*ext) : 0) + texts_bytes(texts);
}

void program_init(struct program *p, const struct str texts[_PROGRAM_TEXT_MAX],
		  const struct event_exe_ext *ext)
{
	char *to = (char *)(p + 1);
	uint32_t end = 0;

	assert(texts_bytes(texts) <= UINT32_MAX);
	*p = (struct program){ .refs = 1, .flags = ext ? PROGRAM_HAS_EXE_EXT : 0 };
	if (ext) {
		memcpy(to, ext, sizeof(*ext));
		to += sizeof(*ext);
	}
	for (size_t i = 0; i < _PROGRAM_TEXT_MAX; i++) {
		if (texts[i].n)
			memcpy(to + end, texts[i].p, texts[i].n);
		end += (uint32_t)texts[i].n;
		p->ends[i] = end;
	}
}
