/* SPDX-License-Identifier: Apache-2.0 */
/* What the table of options cannot say of a value, and what the text `none` comes to. */
#include "agent/settings_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/scalar.h"

/* Where a key stands: in the file, on the command line, or nowhere. */
struct source {
	const struct conf_node *map;
	struct diag *reterr;
};

static struct position position_of(const struct source *src, const char *key)
{
	const struct conf_node *node = conf_node_lookup(src->map, key);

	return node ? node->at : src->map->at;
}

#define finding(src, key, ...) \
	diag_add((src)->reterr, DIAG_ERROR, position_of((src), (key)), (key), __VA_ARGS__)

static bool is_instance_name(const char *name)
{
	size_t n = strlen(name);

	return n && n <= 64 && *name != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
		       n;
}

static bool is_port(const char *text)
{
	int64_t port = 0;

	return scalar_parse_int(text, &port) == 0 && port >= 1 && port <= 65535;
}

static bool is_loopback(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strcmp(address, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool is_address(const char *address)
{
	struct in6_addr any;

	return inet_pton(AF_INET, address, &any) == 1 || inet_pton(AF_INET6, address, &any) == 1;
}

/* ADDRESS:PORT or [ADDRESS]:PORT; of the loopback interface, or of any. */
static bool is_endpoint(const char *text, bool is_remote)
{
	_cleanup_(freep) char *address = NULL;
	const char *colon = strrchr(text, ':');
	bool has_brackets;

	if (!colon || colon == text || !is_port(colon + 1))
		return false;
	has_brackets = *text == '[' && colon[-1] == ']' && colon - text > 2;
	address = has_brackets ? strndup(text + 1, (size_t)(colon - text) - 2)
			       : strndup(text, (size_t)(colon - text));
	return address && (is_loopback(address) || (is_remote && is_address(address))) &&
	       (has_brackets || !strchr(address, ':'));
}

static void check_names(const struct agent_settings *s, const struct source *src)
{
	if (s->instance && !is_instance_name(s->instance))
		finding(src, "Instance",
			"expected 1 to 64 letters, digits, '-', '_' or '.', not '%s'", s->instance);
	if (s->node_name && (!*s->node_name || strlen(s->node_name) > 64))
		finding(src, "NodeName", "expected 1 to 64 bytes, not %zu", strlen(s->node_name));
}

static void check_folder(const char *path, const char *key, const struct source *src)
{
	if (path && *path != '/')
		finding(src, key, "expected an absolute path or none, not '%s'", path);
}

/* That it is a mount of the host nobody can tell; that it is a folder at least. */
static void check_host_root(const struct agent_settings *s, const struct source *src)
{
	struct stat st;

	if (!s->host_root || !*s->host_root)
		return;
	if (*s->host_root != '/')
		finding(src, "HostRoot", "expected an absolute path, not '%s'", s->host_root);
	else if (stat(s->host_root, &st) < 0)
		finding(src, "HostRoot", "there is no folder '%s': %s", s->host_root,
			strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		finding(src, "HostRoot", "'%s' is no folder", s->host_root);
}

static void check_places(const struct agent_settings *s, const struct source *src)
{
	if (s->ring_bytes & (s->ring_bytes - 1))
		finding(src, "RingSize", "expected a power of two such as 8MiB or 16MiB");
	check_folder(s->state_directory, "StateDirectory", src);
	check_folder(s->pin_directory, "PinDirectory", src);
	check_host_root(s, src);
	if (s->control_socket && *s->control_socket != '/')
		finding(src, "ControlSocket", "expected an absolute path or none, not '%s'",
			s->control_socket);
	if (s->control_socket && strlen(s->control_socket) > 107)
		finding(src, "ControlSocket",
			"too long: a socket's path may have at most 107 bytes");
	if (s->metrics_listen && !is_endpoint(s->metrics_listen, s->metrics_remote))
		finding(src, "MetricsListen",
			s->metrics_remote
				? "expected an address such as 0.0.0.0:9464 or [::]:9464, or none, not '%s'"
				: "expected an address of the loopback interface such as 127.0.0.1:9464, or none, not '%s'",
			s->metrics_listen);
}

static void drop_slashes(char *path)
{
	size_t n = path ? strlen(path) : 0;

	while (n && path[n - 1] == '/')
		path[--n] = '\0';
}

static void drop_none(char **text)
{
	_cleanup_(freep) char *none = NULL;

	if (*text && strcmp(*text, "none") == 0)
		none = TAKE_PTR(*text);
}

/* `none` stands alone, for a list without anybody. */
static void settle_sources(struct string_list *list, const struct source *src)
{
	_cleanup_(freep) char *none = NULL;
	bool has_none = false;

	for (size_t i = 0; i < list->n; i++)
		has_none |= strcmp(list->items[i], "none") == 0;
	if (has_none && list->n > 1)
		finding(src, "ContainerSources", "none and others exclude each other");
	else if (has_none)
		none = TAKE_PTR(list->items[--list->n]);
}

int settings_settle(struct agent_settings *s, const struct conf_node *map, struct diag *reterr)
{
	const struct source src = { .map = map, .reterr = reterr };
	size_t n_errors = reterr->n_errors;
	int r = 0;

	check_names(s, &src);
	if (!s->control_socket && s->instance && reterr->n_errors == n_errors)
		r = agent_control_socket(s->instance, &s->control_socket);
	if (r < 0)
		return r;
	drop_none(&s->control_socket);
	drop_none(&s->state_directory);
	drop_none(&s->pin_directory);
	drop_none(&s->metrics_listen);
	drop_slashes(s->host_root);
	settle_sources(&s->container_sources, &src);
	check_places(s, &src);
	return reterr->n_errors > n_errors ? -EINVAL : 0;
}
