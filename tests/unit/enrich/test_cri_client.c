/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "enrich/cri_client.h"
#include <cmocka.h>

#include "cri_peer.h"

static void test_version(void **state)
{
	static const struct {
		const char *package;
		bool is_garbage;
		int r;
	} cases[] = {
		{ "runtime.v1", false, 0 },
		{ "runtime.v1alpha2", false, 0 },
		{ "runtime.v1", true, -EBADMSG },
		{ NULL, false, -EOPNOTSUPP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cri_peer p = { .package = cases[i].package,
				      .is_garbage = cases[i].is_garbage };
		_cleanup_(cri_version_freep) Cri__VersionResponse *version = NULL;
		_cleanup_(http2_closep) struct http2 *g = NULL;
		struct cri_client c = { .call_ms = 2000 };

		cri_peer_start(&p);
		assert_int_equal(http2_open(p.peer.path, &g), 0);
		assert_int_equal(cri_client_init(&c, g, &version), cases[i].r);
		if (cases[i].r == 0) {
			assert_string_equal(version->runtime_name, "containerd");
			assert_string_equal(c.package, cases[i].package);
		}
		g = http2_close(g);
		peer_stop(&p.peer);
	}
}

static void test_questions(void **state)
{
	struct cri_peer p = {
		.package = "runtime.v1", .containers = "ab", .sandboxes = "cde", .image_ref = "x"
	};
	_cleanup_(cri_containers_freep) Cri__ListContainersResponse *all = NULL, *one = NULL;
	_cleanup_(cri_sandboxes_freep) Cri__ListPodSandboxResponse *pods = NULL, *none = NULL;
	_cleanup_(cri_status_freep) Cri__ContainerStatusResponse *status = NULL;
	_cleanup_(cri_image_freep) Cri__ImageStatusResponse *image = NULL;
	_cleanup_(http2_closep) struct http2 *g = NULL;
	struct cri_client c = { .package = "runtime.v1", .call_ms = 2000 };
	char id[CONTAINER_ID_LEN + 1] = "";

	(void)state;
	cri_peer_start(&p);
	assert_int_equal(http2_open(p.peer.path, &g), 0);
	c.connection = g;
	memcpy(id, container_id('b'), CONTAINER_ID_LEN);
	assert_int_equal(cri_client_list(&c, NULL, &all), 0);
	assert_int_equal(all->n_containers, 2);
	assert_int_equal(cri_client_list(&c, id, &one), 0);
	assert_int_equal(one->n_containers, 1);
	assert_string_equal(one->containers[0]->id, id);
	assert_int_equal(cri_client_list_sandboxes(&c, NULL, &pods), 0);
	assert_int_equal(pods->n_items, 3);
	assert_int_equal(cri_client_list_sandboxes(&c, id, &none), 0);
	assert_int_equal(none->n_items, 0);
	assert_int_equal(cri_client_status(&c, id, &status), 0);
	assert_int_equal(status->status->started_at, 7);
	assert_int_equal(cri_client_image(&c, "x", &image), 0);
	assert_non_null(image->image);
	g = http2_close(g);
	peer_stop(&p.peer);
}

static void test_is_lost(void **state)
{
	static const int kept[] = { 0, -ESRCH, -EOPNOTSUPP, -EACCES, -EREMOTEIO };
	static const int lost[] = { -ETIMEDOUT, -ECONNRESET, -EBADMSG, -ECANCELED, -EPIPE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		assert_false(cri_client_is_lost(kept[i]));
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++)
		assert_true(cri_client_is_lost(lost[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
