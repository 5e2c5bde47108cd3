/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of control groups as the runtimes make them, and such as only look like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proc/container_id.h"

#define A "0213dd2a77e34ecbd5b3ab1f9d5ac0c7a3d6c1d7d7d6cbbf0f8f2ab9b8dd643d"
#define B "f1c15d4bffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static const struct {
	const char *path;
	const char *want; /* NULL: none */
} cases[] = {
	/* docker */
	{ "/docker/" A, A },
	{ "/system.slice/docker-" A ".scope", A },
	{ "/system.slice/docker-" A ".scope/init.scope", A },
	{ "/docker/" A "/system.slice/foo.service", A },
	{ "docker/" A, A },
	{ "/docker/" A "/", A },
	/* podman */
	{ "/libpod_parent/libpod-" A, A },
	{ "/machine.slice/libpod-" A ".scope", A },
	{ "/machine.slice/libpod-" A ".scope/container", A },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope/container",
	  A },
	{ "/system.slice/web.service/libpod-payload-" A, A },
	{ "/machine.slice/libpod-conmon-" A ".scope", NULL },
	/* containerd and CRI-O */
	{ "/kubepods/besteffort/pod5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a/" A, A },
	{ "/kubepods/burstable/pod5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a/" A, A },
	{ "/kubepods/pod5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a/" A, A },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod5f2a1b7e_93c4.slice/cri-containerd-" A
	  ".scope",
	  A },
	{ "/system.slice/containerd.service/kubepods-burstable-pod5f2a1b7e_93c4.slice:cri-containerd:" A,
	  A },
	{ "/kubepods.slice/kubepods-pod5f2a1b7e_93c4.slice/crio-" A ".scope", A },
	{ "/kubepods.slice/kubepods-pod5f2a1b7e_93c4.slice/crio-" A ".scope/container", A },
	{ "/kubepods/besteffort/pod5f2a1b7e/crio-" A, A },
	{ "/kubepods.slice/kubepods-pod5f2a1b7e_93c4.slice/crio-conmon-" A ".scope", NULL },
	{ "/kubepods/besteffort/pod5f2a1b7e/crio-conmon-" A, NULL },
	{ "/default/nerdctl-" A ".scope", A },
	/* a container in a container: the inner one; its conmon is in the outer one */
	{ "/docker/" A "/kubelet/kubepods/besteffort/pod5f2a1b7e/" B, B },
	{ "/docker/" A "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" B ".scope", B },
	{ "/docker/" A "/docker/" B "/child", B },
	{ "/docker/" A "/machine.slice/libpod-conmon-" B ".scope", A },
	/* none */
	{ "", NULL },
	{ "/", NULL },
	{ "//", NULL },
	{ "/user.slice/user-0.slice/session-1.scope", NULL },
	{ "/default/plain1", NULL },
	{ "/kubepods/besteffort/pod5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a", NULL },
	{ "/docker/0213dd2a77e34ecbd5b3ab1f9d5ac0c7", NULL },
	{ "/docker/" A "0", NULL },
	{ "/docker/0" A, NULL },
	{ "/docker/0213DD2A77E34ECBD5B3AB1F9D5AC0C7A3D6C1D7D7D6CBBF0F8F2AB9B8DD643D", NULL },
	{ "/docker/g213dd2a77e34ecbd5b3ab1f9d5ac0c7a3d6c1d7d7d6cbbf0f8f2ab9b8dd643d", NULL },
	{ "/docker/" A ".service", NULL },
	{ "/system.slice/build-" A ".scope", NULL },
	{ "/system.slice/x:other:" A, NULL },
	{ "/system.slice/docker:" A, NULL },
	{ "/system.slice/-" A, NULL },
	{ "/system.slice/:" A, NULL },
};

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char id[64];
		bool has = container_id_from_cgroup(str_from(cases[i].path), id);

		if (has != !!cases[i].want || (has && memcmp(id, cases[i].want, 64) != 0))
			fail_msg("'%s': %s %.64s", cases[i].path, has ? "is" : "has no id",
				 has ? id : "");
	}
}

#define UID "5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5a"
#define UID_ "5f2a1b7e_93c4_4d0e_9b6a_0f1e2d3c4b5a"
#define HASH "8a1d0c9b7e6f5a4b3c2d1e0f9a8b7c6d"

static const struct {
	const char *path;
	const char *want; /* "": none */
} pods[] = {
	{ "/kubepods/besteffort/pod" UID "/" A, UID },
	{ "/kubepods/pod" UID "/crio-" A, UID },
	{ "/kubepods/pod" UID "/" A "/init.scope", UID },
	{ "/kubepods/burstable/pod" HASH "/" A, HASH },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	  ".slice/cri-containerd-" A ".scope",
	  UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" A ".scope/container", UID },
	{ "/kubelet.slice/kubelet-kubepods-pod" HASH ".slice/docker-" A ".scope", HASH },
	{ "/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" A,
	  UID },
	/* that of the inner container */
	{ "/kubepods/pod" UID "/" A "/docker/" B, "" },
	{ "/docker/" A "/kubelet/kubepods/besteffort/pod" UID "/" B, UID },
	/* none */
	{ "", "" },
	{ "/", "" },
	{ A, "" },
	{ "/docker/" A, "" },
	{ "/kubepods/pod" UID, "" },
	{ "/kubepods/pod" UID "/crio-conmon-" A, "" },
	{ "/kubepods/besteffort/pod" UID_ "/" A, "" },
	{ "/kubepods.slice/kubepods-pod" UID ".slice/crio-" A ".scope", "" },
	{ "/kubepods/pod/" A, "" },
	{ "/kubepods/pod" UID "0/" A, "" },
	{ "/kubepods/pod5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5/" A, "" },
	{ "/kubepods/pod5f2a1b7e-93c4-4d0e-9b6a-0f1e2d3c4b5x/" A, "" },
	{ "/kubepods/pod8a1d0c9b7e6f5a4b3c2d1e0f9a8b7c6x/" A, "" },
	{ "/kubepods/xpod" UID "/" A, "" },
	{ "/kubepods.slice/pod.slice/crio-" A ".scope", "" },
	{ "/.slice/crio-" A ".scope", "" },
};

static void test_pods(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pods); i++) {
		char uid[CONTAINER_POD_UID_MAX];
		size_t n = container_id_pod_uid(str_from(pods[i].path), uid);

		if (n != strlen(pods[i].want) || memcmp(uid, pods[i].want, n) != 0)
			fail_msg("'%s': '%.*s'", pods[i].path, (int)n, uid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_pods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
