/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container id in the path of a control group: 64 lower-case hex digits, as docker, containerd,
 * CRI-O and podman name theirs with either cgroup driver:
 *   /docker/<id>                        /kubepods/burstable/pod<uid>/<id>
 *   /libpod_parent/libpod-<id>          /machine.slice/libpod-<id>.scope/container
 *   /system.slice/docker-<id>.scope     …/cri-containerd-<id>.scope
 *   …/crio-<id>.scope                   …:cri-containerd:<id>
 * The innermost that fits counts, so that a process in a child group belongs to its container and a
 * container within a container to the inner one. conmon's own groups (libpod-conmon-<id>.scope,
 * crio-conmon-<id>.scope) are outside the container.
 *
 * And the uid of its pod, where the group around it is kubelet's, of either driver:
 *   /kubepods/burstable/pod<uid>/<id>
 *   /kubepods.slice/…/kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope
 *   …/kubepods-burstable-pod<uid>.slice:cri-containerd:<id>
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

bool container_id_from_cgroup(struct str path, char ret[64]);

#define CONTAINER_POD_UID_MAX 36
/*
 * Writes the uid of the pod that the innermost container is in, a UUID with its dashes, or the 32
 * digits that stand for a static pod's file. Returns its length; 0: the path names no pod.
 */
size_t container_id_pod_uid(struct str path, char ret[CONTAINER_POD_UID_MAX]);
/* Whether the path is that of the container's own group, not of one below it. */
bool container_id_is_last(struct str path);
