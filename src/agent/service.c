/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"

/* A path, or, with an @ in front, a name of the abstract kind. */
static int parse_address(const char *text, struct sockaddr_un *ret, socklen_t *ret_size)
{
	size_t n = strlen(text);

	if (*text != '/' && *text != '@')
		return -EAFNOSUPPORT;
	if (n < 2 || n >= sizeof(ret->sun_path))
		return -EINVAL;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, text, n);
	if (*text == '@')
		ret->sun_path[0] = '\0';
	*ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return 0;
}

int service_notify(const char *state)
{
	const char *text = getenv("NOTIFY_SOCKET");
	_cleanup_(closep) int fd = -1;
	struct sockaddr_un address;
	socklen_t size;
	int r;

	if (!text)
		return 0;
	r = parse_address(text, &address, &size);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size) < 0)
		return -errno;
	return 0;
}
