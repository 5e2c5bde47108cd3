/* SPDX-License-Identifier: Apache-2.0 */
/* /dev/null, opened the wrong way round where a use has to be noticed. */
#include "base/standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

int standard_streams_complete(void)
{
	static const int modes[] = {
		[STDIN_FILENO] = O_RDONLY,
		[STDOUT_FILENO] = O_RDONLY, /* a write to it fails */
		[STDERR_FILENO] = O_WRONLY,
	};

	/* In this order: open() takes the lowest that is free. */
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (fcntl((int)i, F_GETFD) < 0 && open("/dev/null", modes[i] | O_CLOEXEC) < 0)
			return -errno;
	return 0;
}
