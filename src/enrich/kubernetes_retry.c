/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/kubernetes_retry.h"

#include <errno.h>

#define STUCK 3 /* failures at one version after which it may be what comes next that is wrong */

/* Doubled with each failure; between half and one and a half of it. */
static unsigned int back_off(unsigned int n_failures, uint32_t chance)
{
	unsigned int ms = n_failures < 8 ? KUBERNETES_RETRY_FIRST_MS << n_failures
					 : KUBERNETES_RETRY_MAX_MS;

	if (ms > KUBERNETES_RETRY_MAX_MS)
		ms = KUBERNETES_RETRY_MAX_MS;
	return ms / 2 + chance % ms;
}

static unsigned int asked_wait_ms(const struct kubernetes_try *last)
{
	if (last->asked_wait_s > KUBERNETES_RETRY_ASKED_MAX_MS / 1000)
		return KUBERNETES_RETRY_ASKED_MAX_MS;
	return last->asked_wait_s * 1000;
}

struct kubernetes_next kubernetes_retry_next(struct kubernetes_retry *retry,
					     const struct kubernetes_try *last)
{
	struct kubernetes_next next = { .from_list = last->r == -ESTALE || last->r == -EMSGSIZE,
					.short_list = last->r == -EMSGSIZE };
	unsigned int asked = asked_wait_ms(last), n;

	if (last->learned)
		retry->n_failures = 0;
	if (last->r == 0 && last->learned)
		return next;
	n = retry->n_failures++;
	if (n + 1 >= STUCK && last->r == -EBADMSG)
		next.from_list = true;
	/* The token may just have been renewed, and a version may be too old at any time. */
	if (n == 0 && (last->r == -EKEYEXPIRED || last->r == -ESTALE))
		return next;
	next.wait_ms = back_off(n, last->chance);
	/* by chance as well, or all who were sent away would come back together */
	if (asked)
		next.wait_ms = asked + next.wait_ms / 2;
	return next;
}
