/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edit distance (Damerau-Levenshtein in its restricted form: insert, delete, replace, swap
 * neighbours), without regard to case, over names short enough for rows on the stack. For error
 * messages: any thread.
 */
#include "base/nearest.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#define NAME_MAX_COMPARED 64

static unsigned int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : (unsigned char)c;
}

static unsigned int min_of(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * Cost of making the first i + 1 characters of a into the first j + 1 of b, from the rows before.
 */
static unsigned int cell(const char *a, size_t i, const char *b, size_t j,
			 unsigned int rows[3][NAME_MAX_COMPARED + 1])
{
	unsigned int *now = rows[0], *before = rows[1], *earlier = rows[2];
	unsigned int best = before[j] + (lower(a[i]) != lower(b[j]));

	best = min_of(best, min_of(before[j + 1], now[j]) + 1);
	if (i && j && lower(a[i]) == lower(b[j - 1]) && lower(a[i - 1]) == lower(b[j]))
		best = min_of(best, earlier[j - 1] + 1);
	return best;
}

static unsigned int distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
	unsigned int rows[3][NAME_MAX_COMPARED + 1] = { 0 };
	size_t i, j;

	for (j = 0; j <= n_b; j++)
		rows[0][j] = j;
	for (i = 0; i < n_a; i++) {
		memcpy(rows[2], rows[1], sizeof(rows[2]));
		memcpy(rows[1], rows[0], sizeof(rows[1]));
		rows[0][0] = i + 1;
		for (j = 0; j < n_b; j++)
			rows[0][j + 1] = cell(a, i, b, j, rows);
	}
	return rows[0][n_b];
}

const char *nearest_name(const char *text, const char *const *candidates)
{
	size_t n = strlen(text);
	unsigned int best = UINT_MAX;
	const char *ret = NULL;

	if (!n || n > NAME_MAX_COMPARED)
		return NULL;
	for (; *candidates; candidates++) {
		size_t n_candidate = strlen(*candidates),
		       longer = n > n_candidate ? n : n_candidate;
		unsigned int d;

		if (n_candidate > NAME_MAX_COMPARED)
			continue;
		d = distance(text, n, *candidates, n_candidate);
		if (d < best && d <= 1 + n / 3 && d < longer) { /* something is left */
			best = d;
			ret = *candidates;
		}
	}
	return ret;
}
