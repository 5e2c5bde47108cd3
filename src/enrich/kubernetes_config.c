/* SPDX-License-Identifier: Apache-2.0 */
/* Runs on the thread that starts the source. */
#include "enrich/kubernetes_config.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "conf/node.h"

struct config {
	const char *path; /* other files are named from its folder */
	const struct conf_node *root;
	struct diag *reterr;
	struct kubernetes_access *access;
};

static const struct {
	const char *section; /* "cluster" or "user" */
	const char *file, *data;
	unsigned int which;
} pems[] = {
	{ "cluster", "certificate-authority", "certificate-authority-data", KUBERNETES_PEM_CA },
	{ "user", "client-certificate", "client-certificate-data", KUBERNETES_PEM_CERTIFICATE },
	{ "user", "client-key", "client-key-data", KUBERNETES_PEM_KEY },
};

static int wrong(const struct config *c, const struct conf_node *node, const char *key,
		 const char *what)
{
	diag_add(c->reterr, DIAG_ERROR, node->at, key, "%s", what);
	return -EINVAL;
}

/* The text of a key; NULL where it has none. */
static const char *text_of(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = map && map->kind == CONF_MAP ? conf_node_lookup(map, key)
								    : NULL;

	return node && node->kind == CONF_SCALAR && *node->text ? node->text : NULL;
}

/* Of a list of {name: NAME, KIND: {...}} the KIND of that name. */
static const struct conf_node *find(const struct config *c, const char *list, const char *kind,
				    const char *name)
{
	const struct conf_node *all = conf_node_lookup(c->root, list);

	for (size_t i = 0; name && all && all->kind == CONF_LIST && i < all->n; i++) {
		const char *own = text_of(all->items[i], "name");
		const struct conf_node *found = own && strcmp(own, name) == 0
							? conf_node_lookup(all->items[i], kind)
							: NULL;

		if (found && found->kind == CONF_MAP)
			return found;
	}
	return NULL;
}

/* A path is from the folder of the kubeconfig. */
static int resolve(const struct config *c, const char *path, char **ret)
{
	const char *slash = *path == '/' ? NULL : strrchr(c->path, '/');
	char *full = NULL;

	if (asprintf(&full, "%.*s%s", slash ? (int)(slash + 1 - c->path) : 0, c->path, path) < 0)
		return -ENOMEM;
	*ret = full;
	return 0;
}

static int take_data(const struct config *c, const struct conf_node *map, const char *key,
		     unsigned int which)
{
	_cleanup_(buf_done) struct buf plain = { 0 };
	int r = base64_decode(str_from(text_of(map, key)), &plain);

	if (r == -EINVAL)
		return wrong(c, conf_node_lookup(map, key), key, "this is no base64");
	return r < 0 ? r : kubernetes_access_set_pem(c->access, which, buf_str(&plain));
}

/* Data goes before a file, as client-go has it. */
static int take_pems(const struct config *c, const struct conf_node *map, const char *section)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pems) && r == 0; i++) {
		const char *file = text_of(map, pems[i].file);

		if (strcmp(pems[i].section, section) != 0)
			continue;
		if (text_of(map, pems[i].data))
			r = take_data(c, map, pems[i].data, pems[i].which);
		else if (file)
			r = resolve(c, file, &c->access->pem[pems[i].which]);
	}
	return r;
}

static int take_cluster(const struct config *c, const struct conf_node *cluster)
{
	const char *server = text_of(cluster, "server");
	const char *insecure = text_of(cluster, "insecure-skip-tls-verify");
	int r;

	if (!server)
		return wrong(c, cluster, "server", "is missing");
	if (text_of(cluster, "proxy-url"))
		return wrong(c, conf_node_lookup(cluster, "proxy-url"), "proxy-url",
			     "a proxy of a cluster's own is not supported; set https_proxy");
	r = kubernetes_access_set_server(c->access, str_from(server));
	if (r == -EINVAL)
		return wrong(c, conf_node_lookup(cluster, "server"), "server",
			     "expected https://HOST:PORT");
	c->access->is_insecure = insecure && strcmp(insecure, "true") == 0;
	return r < 0 ? r : take_pems(c, cluster, "cluster");
}

static int take_token(const struct config *c, const struct conf_node *user)
{
	const char *token = text_of(user, "token"), *file = text_of(user, "tokenFile");

	if (file)
		return resolve(c, file, &c->access->token_file);
	c->access->token = token ? strdup(token) : NULL;
	return token && !c->access->token ? -ENOMEM : 0;
}

static int take_user(const struct config *c, const struct conf_node *user)
{
	static const char *const refused[] = { "exec", "auth-provider", "username" };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (conf_node_lookup(user, refused[i]))
			return wrong(
				c, conf_node_lookup(user, refused[i]), refused[i],
				"is not supported: give the agent a token, a tokenFile or a client certificate");
	r = take_token(c, user);
	return r < 0 ? r : take_pems(c, user, "user");
}

static int take(const struct config *c)
{
	const char *current = text_of(c->root, "current-context");
	const struct conf_node *context = find(c, "contexts", "context", current);
	const struct conf_node *cluster =
		find(c, "clusters", "cluster", text_of(context, "cluster"));
	const struct conf_node *user = find(c, "users", "user", text_of(context, "user"));
	int r;

	if (!current)
		return wrong(c, c->root, "current-context", "is missing");
	if (!context)
		return wrong(c, conf_node_lookup(c->root, "current-context"), "current-context",
			     "there is no such context");
	if (!cluster)
		return wrong(c, context, "cluster", "there is no such cluster");
	if (text_of(context, "user") && !user)
		return wrong(c, context, "user", "there is no such user");
	r = take_cluster(c, cluster);
	return r < 0 || !user ? r : take_user(c, user);
}

int kubernetes_config_load(const char *path, struct diag *reterr, struct kubernetes_access *ret)
{
	_cleanup_(conf_node_freep) struct conf_node *root = NULL;
	struct config c = { .path = path, .reterr = reterr, .access = ret };
	int r;

	r = conf_parse_file(path, reterr, &root);
	if (r < 0)
		return r;
	c.root = root;
	if (root->kind != CONF_MAP)
		return wrong(&c, root, "", "expected a kubeconfig");
	return take(&c);
}
