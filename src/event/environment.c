/* SPDX-License-Identifier: Apache-2.0 */
#include "event/environment.h"

bool environment_next(struct str *rest, struct str *ret)
{
	size_t n;

	if (!rest->n)
		return false;
	n = strnlen(rest->p, rest->n);
	*ret = (struct str){ .p = rest->p, .n = n };
	n += n < rest->n; /* its NUL */
	rest->p += n;
	rest->n -= n;
	return true;
}

bool environment_is_named(struct str variable, const char *const *names)
{
	for (; names && *names; names++) {
		size_t n = strlen(*names);

		if (variable.n > n && variable.p[n] == '=' && memcmp(variable.p, *names, n) == 0)
			return true;
	}
	return false;
}
