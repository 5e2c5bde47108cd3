/* SPDX-License-Identifier: Apache-2.0 */
#include "enrich/kubernetes_access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TOKEN_MAX ((size_t)64 * 1024)

void kubernetes_access_init(struct kubernetes_access *a)
{
	*a = (struct kubernetes_access){ 0 };
	for (unsigned int i = 0; i < _KUBERNETES_PEM_MAX; i++)
		a->pem_fd[i] = -1;
}

void kubernetes_access_done(struct kubernetes_access *a)
{
	free(a->server);
	free(a->token);
	free(a->token_file);
	for (unsigned int i = 0; i < _KUBERNETES_PEM_MAX; i++) {
		free(a->pem[i]);
		closep(&a->pem_fd[i]);
	}
	kubernetes_access_init(a);
}

static bool is_address(struct str server)
{
	return str_starts_with(server, STR("https://")) || str_starts_with(server, STR("http://"));
}

int kubernetes_access_set_server(struct kubernetes_access *a, struct str server)
{
	char *copy;

	if (!is_address(server))
		return -EINVAL;
	while (server.n && server.p[server.n - 1] == '/')
		server.n--;
	copy = strndup(server.p, server.n);
	if (!copy)
		return -ENOMEM;
	freep(&a->server);
	a->server = copy;
	return 0;
}

/* Set as the environment of a container is; an IPv6 address has colons. */
static int server_of_environment(char *to, size_t size)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool has_colons = host && strchr(host, ':');
	int n;

	if (!host || !*host)
		return -ENOENT;
	n = snprintf(to, size, "https://%s%s%s:%s", has_colons ? "[" : "", host,
		     has_colons ? "]" : "", port && *port ? port : "443");
	return n < 0 || (size_t)n >= size ? -ENOENT : 0;
}

static int join(const char *folder, const char *name, char **ret)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
}

bool kubernetes_access_is_in_cluster(const char *account)
{
	_cleanup_(freep) char *path = NULL;
	char server[512];

	return server_of_environment(server, sizeof(server)) == 0 &&
	       join(account, "token", &path) == 0 && access(path, R_OK) == 0;
}

int kubernetes_access_from_account(struct kubernetes_access *a, const char *account,
				   const char *server)
{
	_cleanup_(freep) char *ca = NULL;
	char own[512];
	int r;

	if (!server) {
		r = server_of_environment(own, sizeof(own));
		if (r < 0)
			return r;
		server = own;
	}
	r = kubernetes_access_set_server(a, str_from(server));
	if (r == 0)
		r = join(account, "token", &a->token_file);
	if (r == 0)
		r = join(account, "ca.crt", &ca);
	if (r == 0 && access(ca, R_OK) == 0)
		a->pem[KUBERNETES_PEM_CA] = TAKE_PTR(ca);
	return r;
}

int kubernetes_access_set_pem(struct kubernetes_access *a, unsigned int which, struct str text)
{
	_cleanup_(closep) int fd = memfd_create("kubernetes", MFD_CLOEXEC);
	char *path = NULL;

	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < text.n;) {
		ssize_t n = write(fd, text.p + done, text.n - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	if (asprintf(&path, "/proc/self/fd/%d", fd) < 0)
		return -ENOMEM;
	freep(&a->pem[which]);
	closep(&a->pem_fd[which]);
	a->pem[which] = path;
	a->pem_fd[which] = TAKE_FD(fd);
	return 0;
}

static int read_token(const char *path, char **ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(freep) char *text = fd < 0 ? NULL : malloc(TOKEN_MAX);
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (!text)
		return -ENOMEM;
	n = read(fd, text, TOKEN_MAX - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	text[strcspn(text, " \t\r\n")] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

static int get_token(const struct kubernetes_access *a, char **ret)
{
	char *copy;

	if (!str_starts_with(str_from(a->server), STR("https://")))
		return 0;
	if (!a->token)
		return a->token_file ? read_token(a->token_file, ret) : 0;
	copy = strdup(a->token);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int kubernetes_access_request(const struct kubernetes_access *a, const char *path,
			      struct http_request *q, char **ret_url, char **ret_token)
{
	_cleanup_(freep) char *url = NULL, *token = NULL;
	int r;

	if (asprintf(&url, "%s%s", a->server, path) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	r = get_token(a, &token);
	if (r < 0)
		return r;
	q->url = url;
	q->token = token && *token ? token : NULL;
	q->ca_file = a->pem[KUBERNETES_PEM_CA];
	q->certificate = a->pem[KUBERNETES_PEM_CERTIFICATE];
	q->key = a->pem[KUBERNETES_PEM_KEY];
	q->is_insecure = a->is_insecure;
	*ret_url = TAKE_PTR(url);
	*ret_token = TAKE_PTR(token);
	return 0;
}
