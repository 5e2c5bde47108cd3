/* SPDX-License-Identifier: Apache-2.0 */
/* Text to numbers and back. Pure functions. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "conf/scalar.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/*
 * For formatting, the first that divides a number is taken; so the preferred spellings come first.
 */
static const struct unit sizes[] = {
	{ "GiB", 1ULL << 30 }, { "MiB", 1ULL << 20 }, { "KiB", 1ULL << 10 }, { "", 1 }, { "B", 1 },
	{ "KB", 1ULL << 10 },  { "MB", 1ULL << 20 },  { "GB", 1ULL << 30 },
};

static const struct unit durations[] = {
	{ "h", 3600000000000ULL }, { "m", 60000000000ULL }, { "s", 1000000000ULL },
	{ "ms", 1000000ULL },	   { "us", 1000ULL },	    { "ns", 1 },
};

static const struct {
	const char *text, *meant;
} booleans[] = {
	{ "yes", "true" }, { "on", "true" },   { "y", "true" },	 { "true", "true" },
	{ "no", "false" }, { "off", "false" }, { "n", "false" }, { "false", "false" },
};

int scalar_parse_bool(const char *text, bool *ret)
{
	bool is_true = strcmp(text, "true") == 0;

	if (!is_true && strcmp(text, "false") != 0)
		return -EINVAL;
	*ret = is_true;
	return 0;
}

const char *scalar_meant_bool(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(booleans); i++)
		if (strcasecmp(text, booleans[i].text) == 0)
			return booleans[i].meant;
	return NULL;
}

/* Digits at the head of the text; *ret_rest is what follows them. */
static int parse_digits(const char *text, uint64_t *ret, const char **ret_rest)
{
	uint64_t v = 0;
	const char *p = text;
	bool overflow = false;

	for (; isdigit((unsigned char)*p); p++)
		overflow |= __builtin_mul_overflow(v, 10, &v) ||
			    __builtin_add_overflow(v, *p - '0', &v);
	if (p == text)
		return -EINVAL;
	*ret_rest = p;
	*ret = v;
	return overflow ? -ERANGE : 0;
}

int scalar_parse_int(const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	const char *rest = "";
	uint64_t v = 0;
	int r;

	r = parse_digits(text + negative, &v, &rest);
	if (*rest)
		return -EINVAL;
	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

static const struct unit *unit_lookup(const char *name, const struct unit *units, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

static int parse_with_unit(const char *text, const struct unit *units, size_t n, uint64_t *ret)
{
	const struct unit *unit;
	const char *rest = "";
	uint64_t v = 0;
	int r;

	r = parse_digits(text, &v, &rest);
	if (r == -EINVAL)
		return r;
	unit = unit_lookup(rest, units, n);
	if (!unit)
		return -EINVAL;
	if (r < 0 || __builtin_mul_overflow(v, unit->factor, &v))
		return -ERANGE;
	*ret = v;
	return 0;
}

int scalar_parse_size(const char *text, uint64_t *ret)
{
	return parse_with_unit(text, sizes, ARRAY_SIZE(sizes), ret);
}

int scalar_parse_duration(const char *text, uint64_t *ret)
{
	if (strcmp(text, "0") == 0) {
		*ret = 0;
		return 0;
	}
	return parse_with_unit(text, durations, ARRAY_SIZE(durations), ret);
}

static const char *format_with_unit(uint64_t v, const struct unit *units, char *to)
{
	while (v % units->factor != 0)
		units++;
	snprintf(to, SCALAR_FORMAT_MAX, "%" PRIu64 "%s", v / units->factor, units->name);
	return to;
}

const char *scalar_format_size(uint64_t bytes, char to[SCALAR_FORMAT_MAX])
{
	return format_with_unit(bytes, bytes ? sizes : unit_lookup("", sizes, ARRAY_SIZE(sizes)),
				to);
}

const char *scalar_format_duration(uint64_t ns, char to[SCALAR_FORMAT_MAX])
{
	return format_with_unit(
		ns, ns ? durations : unit_lookup("s", durations, ARRAY_SIZE(durations)), to);
}
