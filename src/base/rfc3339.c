/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rfc3339.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define NS 1000000000
#define YEAR_MIN 1970
#define YEAR_MAX 2261

static bool take_char(struct str *s, char c)
{
	if (!s->n || *s->p != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

static bool take_digit(struct str *s, int *ret)
{
	if (!s->n || *s->p < '0' || *s->p > '9')
		return false;
	*ret = *s->p - '0';
	s->p++;
	s->n--;
	return true;
}

/* A number of exactly so many digits, within its bounds. */
static bool take_number(struct str *s, int n_digits, int min, int max, int *ret)
{
	int value = 0, digit;

	for (int i = 0; i < n_digits; i++) {
		if (!take_digit(s, &digit))
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return value >= min && value <= max;
}

static bool take_date(struct str *s, struct tm *tm)
{
	return take_number(s, 4, 0, 9999, &tm->tm_year) && take_char(s, '-') &&
	       take_number(s, 2, 1, 12, &tm->tm_mon) && take_char(s, '-') &&
	       take_number(s, 2, 1, 31, &tm->tm_mday);
}

/* A leap second is 60. */
static bool take_time(struct str *s, struct tm *tm)
{
	return take_number(s, 2, 0, 23, &tm->tm_hour) && take_char(s, ':') &&
	       take_number(s, 2, 0, 59, &tm->tm_min) && take_char(s, ':') &&
	       take_number(s, 2, 0, 60, &tm->tm_sec);
}

static bool take_fraction(struct str *s, int64_t *ret_ns)
{
	int64_t unit = NS / 10, ns = 0;
	int digit;

	*ret_ns = 0;
	if (!take_char(s, '.'))
		return true;
	if (!take_digit(s, &digit))
		return false;
	do {
		ns += digit * unit;
		unit /= 10;
	} while (take_digit(s, &digit));
	*ret_ns = ns;
	return true;
}

static bool take_offset(struct str *s, int *ret_s)
{
	int sign = s->n && *s->p == '-' ? -1 : 1, hours, minutes;

	*ret_s = 0;
	if (take_char(s, 'Z') || take_char(s, 'z'))
		return true;
	if (!take_char(s, '+') && !take_char(s, '-'))
		return false;
	if (!take_number(s, 2, 0, 23, &hours) || !take_char(s, ':') ||
	    !take_number(s, 2, 0, 59, &minutes))
		return false;
	*ret_s = sign * (hours * 60 + minutes) * 60;
	return true;
}

int rfc3339_parse(struct str text, int64_t *ret_ns)
{
	struct tm tm = { 0 };
	int64_t ns, seconds;
	int offset;

	if (!take_date(&text, &tm) || (!take_char(&text, 'T') && !take_char(&text, 't')) ||
	    !take_time(&text, &tm) || !take_fraction(&text, &ns) || !take_offset(&text, &offset) ||
	    text.n)
		return -EINVAL;
	if (tm.tm_year < YEAR_MIN || tm.tm_year > YEAR_MAX)
		return -ERANGE;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	seconds = timegm(&tm) - offset;
	if (seconds < 0)
		return -ERANGE;
	*ret_ns = seconds * NS + ns;
	return 0;
}
