/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where Kubernetes is asked, and how the agent shows who it is: by the service account of its pod,
 * or as a kubeconfig says (kubernetes_config.h). Plain data; made once, then only read.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "net/http.h"

enum { KUBERNETES_PEM_CA, KUBERNETES_PEM_CERTIFICATE, KUBERNETES_PEM_KEY, _KUBERNETES_PEM_MAX };

struct kubernetes_access {
	char *server;	  /* no slash at its end */
	char *token;	  /* NULL: none, or the one in the file */
	char *token_file; /* read again for each request: it is renewed while we run */
	char *pem[_KUBERNETES_PEM_MAX];	 /* files */
	int pem_fd[_KUBERNETES_PEM_MAX]; /* what the file is, where it is in memory; else -1 */
	bool is_insecure;
};

void kubernetes_access_init(struct kubernetes_access *a);
void kubernetes_access_done(struct kubernetes_access *a);

/*
 * Whether a pod's environment and the folder of its service account say how to reach the API
 * server.
 */
bool kubernetes_access_is_in_cluster(const char *account);

/*
 * By the service account in this folder. `server` NULL: as the environment says. 0, -ENOENT: it
 * does not; -ENOMEM.
 */
int kubernetes_access_from_account(struct kubernetes_access *a, const char *account,
				   const char *server);

/* Another server for the same credentials. 0, -EINVAL: no http:// or https://; -ENOMEM. */
int kubernetes_access_set_server(struct kubernetes_access *a, struct str server);

/* Keeps text in memory and makes it one of the files. 0 or a negative errno. */
int kubernetes_access_set_pem(struct kubernetes_access *a, unsigned int which, struct str text);

/*
 * Fills in who is asked for `path`, and as whom; *ret_url and *ret_token are what it refers to, the
 * caller's. No token goes over a connection that everybody can read. 0, -ENOMEM, or why the token
 * cannot be read.
 */
int kubernetes_access_request(const struct kubernetes_access *a, const char *path,
			      struct http_request *q, char **ret_url, char **ret_token);
