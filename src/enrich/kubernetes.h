/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Kubernetes knows of the pods of this node: names, labels, annotations, the workload, and
 * which container of the pod's specification a container is. A container_source.
 *
 * It lists the node's pods once and watches them from there on: the API server filters by the
 * node's name, and tells what has changed. Or it asks kubelet, in intervals. Threads of its own;
 * nothing of it runs on its caller's. What is known stays known while nobody can be asked.
 */
#pragma once

#include "enrich/container_source.h"

enum kubernetes_mode {
	KUBERNETES_AUTO, /* the API, where a kubeconfig or a service account says how to reach it */
	KUBERNETES_OFF,
	KUBERNETES_API,
	KUBERNETES_KUBELET,
};

struct kubernetes_options {
	enum kubernetes_mode mode;
	const char *node_name;	/* as in the pods' spec.nodeName */
	const char *kubeconfig; /* NULL: the service account of the pod that the agent runs in */
	const char *account;	/* folder of that; NULL: KUBERNETES_ACCOUNT */
	/*
	 * "https://HOST:PORT", and http where it is a read-only port; NULL: as the kubeconfig or
	 * the environment says, KUBERNETES_KUBELET_URL for kubelet
	 */
	const char *server;
	bool is_insecure; /* whatever certificate the server shows is taken for its own */
	/* Which annotations: names, or beginnings of names that end in '*'. */
	char *const *annotations;
	size_t n_annotations;
	size_t max_pods; /* 0: KUBERNETES_MAX_PODS; further ones are left out and counted */
};

#define KUBERNETES_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define KUBERNETES_KUBELET_URL "https://127.0.0.1:10250"
#define KUBERNETES_MAX_PODS 1000

struct kubernetes;

/*
 * Begins, unless there is nothing to ask: then its state is SOURCE_OFF. What is given is copied. 0;
 * -EINVAL, logged: it cannot be reached as it is said; -ENOMEM, another negative errno of a thread
 * that cannot be made. *ret is freed by kubernetes_source.free.
 */
int kubernetes_new(const struct kubernetes_options *options, const struct container_sink *sink,
		   struct kubernetes **ret);

extern const struct container_source kubernetes_source;
