/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the service manager how the agent fares. The protocol is one datagram and stable
 * (sd_notify(3)); libsystemd, which would do it too, brings six libraries and 1 MiB with it.
 */
#pragma once

/*
 * Sends lines of NAME=value ("READY=1") to $NOTIFY_SOCKET. 0, also where there is no manager; or a
 * negative errno.
 */
int service_notify(const char *state);
