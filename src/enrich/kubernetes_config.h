/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kubeconfig: its current context's cluster and user. Understood are the server, the authority
 * (file or data), a token (text or file), the client's certificate and key (files or data), and
 * insecure-skip-tls-verify where it says so. A user that is found out by a command or an
 * authentication plugin is refused: the agent runs no programs.
 */
#pragma once

#include "conf/diag.h"
#include "enrich/kubernetes_access.h"

/*
 * Fills in *ret, which was initialised. 0; -EINVAL with the findings in diag; -ENOMEM, or why
 * something cannot be kept.
 */
int kubernetes_config_load(const char *path, struct diag *reterr, struct kubernetes_access *ret);
