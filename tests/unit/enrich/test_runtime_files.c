/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each runtime writes of a container, in the form that it writes it, and what may stand there
 * instead. CRI-O's files are written after its source; the others after files that were seen.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "enrich/json_file.h"
#include "enrich/runtime_files.h"

#include "file_tree.h"

#define SIXTEEN "aaaaaaaaaaaaaaaa"
#define ID SIXTEEN SIXTEEN SIXTEEN SIXTEEN
#define OTHER_ID "bbbbbbbbbbbbbbbb" SIXTEEN SIXTEEN SIXTEEN
#define IMAGE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define IMAGE_ID "sha256:" IMAGE
#define DIGEST "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

#define DOCKER "containers/" ID "/config.v2.json"
#define DOCKER_HOST "containers/" ID "/hostconfig.json"
#define STORAGE "overlay-containers/containers.json"
#define VOLATILE "overlay-containers/volatile-containers.json"
#define BUNDLE "overlay-containers/" ID "/userdata/config.json"
#define TASKS "io.containerd.runtime.v2.task"

#define ALL_CAPABILITIES                                                                           \
	"\"process\":{\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_SYS_MODULE\",\"CAP_SYS_" \
	"ADMIN\"]}}"
#define SOME_CAPABILITIES "\"process\":{\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"]}}"
#define MASKED "\"linux\":{\"maskedPaths\":[\"/proc/kcore\"]}"
#define UNMASKED "\"linux\":{}"

#define CONTAINERD(type, more)                                                 \
	"{\"annotations\":{\"io.kubernetes.cri.container-type\":\"" type "\"," \
	"\"io.kubernetes.cri.sandbox-id\":\"" OTHER_ID "\","                   \
	"\"io.kubernetes.cri.sandbox-name\":\"web-0\","                        \
	"\"io.kubernetes.cri.sandbox-namespace\":\"shop\","                    \
	"\"io.kubernetes.cri.sandbox-uid\":\"u-1\"" more "},\"root\":{\"path\":\"rootfs\"}"

#define CRIO(more)                                                                       \
	"{\"annotations\":{\"io.container.manager\":\"cri-o\","                          \
	"\"io.kubernetes.pod.name\":\"web-0\",\"io.kubernetes.pod.namespace\":\"shop\"," \
	"\"io.kubernetes.pod.uid\":\"u-1\"," more "},\"root\":{\"path\":\"/s/merged\"}"
#define CRIO_CONTAINER(images)                                                   \
	CRIO("\"io.kubernetes.cri-o.ContainerType\":\"container\","              \
	     "\"io.kubernetes.cri-o.Name\":\"k8s_main_web-0_shop_u-1_0\","       \
	     "\"io.kubernetes.cri-o.Metadata\":\"{\\\"name\\\":\\\"main\\\"}\"," \
	     "\"io.kubernetes.container.name\":\"main\"," images)

static const struct row {
	const char *what;
	enum runtime_layout layout;
	int r;
	struct {
		const char *path, *text; /* path NULL: there are no more */
	} files[4];
	const char *texts[_CONTAINER_TEXT_MAX];
	uint32_t bits;	    /* besides CONTAINER_IS_KNOWN */
	const char *rootfs; /* below the root if it has no slash before it */
} rows[] = {
	{ .what = "docker",
	  .layout = LAYOUT_DOCKER,
	  .files = { { DOCKER, "{\"ID\":\"" ID "\",\"Image\":\"" IMAGE_ID "\",\"Name\":\"/web\","
			       "\"Config\":{\"Image\":\"busybox:1.36\",\"Labels\":{\"a\":\"b\"}}}" },
		     { DOCKER_HOST, "{\"Privileged\":false}" } },
	  .texts = { [CONTAINER_NAME] = "web",
		     [CONTAINER_RUNTIME] = "docker",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID,
		     [CONTAINER_IMAGE_NAME] = "busybox:1.36",
		     [CONTAINER_IMAGE_TAG] = "1.36" } },
	{ .what = "docker, an image of a registry",
	  .layout = LAYOUT_DOCKER,
	  .files = { { DOCKER, "{\"Driver\":\"overlay2\",\"Image\":\"" IMAGE_ID "\","
			       "\"Name\":\"/web\",\"Config\":{\"Image\":\"busybox:1.36\"}}" },
		     { "image/overlay2/repositories.json",
		       "{\"Repositories\":{\"busybox\":{\"busybox:1.36\":\"" IMAGE_ID "\","
		       "\"busybox@" DIGEST "\":\"" IMAGE_ID "\"}}}" } },
	  .texts = { [CONTAINER_NAME] = "web",
		     [CONTAINER_RUNTIME] = "docker",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID,
		     [CONTAINER_IMAGE_NAME] = "busybox:1.36",
		     [CONTAINER_IMAGE_TAG] = "1.36",
		     [CONTAINER_IMAGE_DIGEST] = DIGEST } },
	{ .what = "podman, an image of a registry",
	  .layout = LAYOUT_PODMAN,
	  .files = { { STORAGE, "[{\"id\":\"" ID "\",\"names\":[\"web\"],\"image\":\"" IMAGE "\","
				"\"metadata\":\"{\\\"image-name\\\":\\\"h/b:1\\\"}\"}]" },
		     { "overlay-images/images.json", "[{\"id\":\"" IMAGE "\",\"digest\":\"" DIGEST
						     "\",\"names\":[\"h/b:1\"]}]" } },
	  .texts = { [CONTAINER_NAME] = "web",
		     [CONTAINER_RUNTIME] = "podman",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID,
		     [CONTAINER_IMAGE_NAME] = "h/b:1",
		     [CONTAINER_IMAGE_TAG] = "1",
		     [CONTAINER_IMAGE_DIGEST] = DIGEST } },
	{ .what = "docker, its list of images is a part of one",
	  .layout = LAYOUT_DOCKER,
	  .files = { { DOCKER, "{\"Driver\":\"overlay2\",\"Image\":\"" IMAGE_ID "\","
			       "\"Name\":\"/web\",\"Config\":{\"Image\":\"busybox:1.36\"}}" },
		     { "image/overlay2/repositories.json", "{\"Repositories\":{" } },
	  .texts = { [CONTAINER_NAME] = "web",
		     [CONTAINER_RUNTIME] = "docker",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID,
		     [CONTAINER_IMAGE_NAME] = "busybox:1.36",
		     [CONTAINER_IMAGE_TAG] = "1.36" } },
	{ .what = "docker, privileged, of a pod",
	  .layout = LAYOUT_DOCKER,
	  .files = { { DOCKER,
		       "{\"Name\":\"/k8s_main_web-0_shop_u-1_0\",\"Config\":{\"Image\":\"" IMAGE_ID
		       "\",\"Labels\":{\"io.kubernetes.pod.name\":\"web-0\","
		       "\"io.kubernetes.container.name\":\"main\"}}}" },
		     { DOCKER_HOST, "{\"Privileged\":true}" } },
	  .texts = { [CONTAINER_NAME] = "k8s_main_web-0_shop_u-1_0",
		     [CONTAINER_RUNTIME] = "docker",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID,
		     [CONTAINER_POD_NAME] = "web-0",
		     [CONTAINER_POD_CONTAINER] = "main" },
	  .bits = CONTAINER_IS_PRIVILEGED },
	{ .what = "docker, nothing but the name",
	  .layout = LAYOUT_DOCKER,
	  .files = { { DOCKER, "{\"Name\":\"web\"}" } },
	  .texts = { [CONTAINER_NAME] = "web", [CONTAINER_RUNTIME] = "docker" } },
	{ .what = "docker, wrong types",
	  .layout = LAYOUT_DOCKER,
	  .files = { { DOCKER, "{\"Name\":7,\"Image\":[],\"Config\":\"x\"}" },
		     { DOCKER_HOST, "{\"Privileged\":\"true\"}" } },
	  .texts = { [CONTAINER_RUNTIME] = "docker" } },
	{ .what = "docker, an image without a name of 64 digits",
	  .layout = LAYOUT_DOCKER,
	  .files = { { DOCKER, "{\"Name\":\"/\",\"Image\":\"sha256:12\"}" },
		     { DOCKER_HOST, "[]" } },
	  .texts = { [CONTAINER_RUNTIME] = "docker" } },
	{ .what = "docker, cut",
	  .layout = LAYOUT_DOCKER,
	  .r = -EBADMSG,
	  .files = { { DOCKER, "{\"Name\":\"/we" } } },
	{ .what = "docker, empty",
	  .layout = LAYOUT_DOCKER,
	  .r = -EBADMSG,
	  .files = { { DOCKER, "" } } },
	{ .what = "docker, the second file cut",
	  .layout = LAYOUT_DOCKER,
	  .files = { { DOCKER, "{\"Name\":\"/web\"}" }, { DOCKER_HOST, "{\"Privileged\":tr" } },
	  .texts = { [CONTAINER_NAME] = "web", [CONTAINER_RUNTIME] = "docker" } },
	{ .what = "docker, another container",
	  .layout = LAYOUT_DOCKER,
	  .r = -ENOENT,
	  .files = { { "containers/" OTHER_ID "/config.v2.json", "{\"Name\":\"/web\"}" } } },
	{ .what = "docker, a file for a folder",
	  .layout = LAYOUT_DOCKER,
	  .r = -ENOTDIR,
	  .files = { { "containers/" ID, "" } } },
	{ .what = "docker, nothing", .layout = LAYOUT_DOCKER, .r = -ENOENT },

	{ .what = "podman",
	  .layout = LAYOUT_PODMAN,
	  .files = { { STORAGE,
		       "[{\"id\":\"" OTHER_ID "\",\"names\":[\"other\"],\"image\":\"" IMAGE "\"},"
		       "{\"id\":\"" ID "\",\"names\":[\"web\"],\"image\":\"" IMAGE "\","
		       "\"metadata\":\"{\\\"image-name\\\":\\\"localhost/busybox:1.36\\\","
		       "\\\"name\\\":\\\"web\\\"}\"}]" },
		     { BUNDLE, "{\"annotations\":{\"io.podman.annotations.privileged\":\"FALSE\"},"
			       "\"root\":{\"path\":\"/s/merged\"}}" } },
	  .texts = { [CONTAINER_NAME] = "web",
		     [CONTAINER_RUNTIME] = "podman",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID,
		     [CONTAINER_IMAGE_NAME] = "localhost/busybox:1.36",
		     [CONTAINER_IMAGE_TAG] = "1.36" },
	  .rootfs = "/s/merged" },
	{ .what = "podman, with --rm, privileged",
	  .layout = LAYOUT_PODMAN,
	  .files = { { STORAGE, "[{\"id\":\"" OTHER_ID "\",\"names\":[\"other\"]}]" },
		     { VOLATILE,
		       "[{\"id\":\"" ID "\",\"names\":[\"web\"],\"image\":\"" IMAGE "\"}]" },
		     { BUNDLE,
		       "{\"annotations\":{\"io.podman.annotations.privileged\":\"TRUE\"}}" } },
	  .texts = { [CONTAINER_NAME] = "web",
		     [CONTAINER_RUNTIME] = "podman",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID },
	  .bits = CONTAINER_IS_PRIVILEGED },
	{ .what = "podman, with --rm alone",
	  .layout = LAYOUT_PODMAN,
	  .files = { { VOLATILE, "[{\"id\":\"" ID "\",\"names\":[\"web\"]}]" } },
	  .texts = { [CONTAINER_NAME] = "web", [CONTAINER_RUNTIME] = "podman" } },
	{ .what = "podman, one list is cut",
	  .layout = LAYOUT_PODMAN,
	  .files = { { STORAGE, "[{\"id\"" },
		     { VOLATILE, "[{\"id\":\"" ID "\",\"names\":[\"web\"]}]" } },
	  .texts = { [CONTAINER_NAME] = "web", [CONTAINER_RUNTIME] = "podman" } },
	{ .what = "podman, the list that would have it is cut",
	  .layout = LAYOUT_PODMAN,
	  .r = -EBADMSG,
	  .files = { { STORAGE, "[{\"id\"" }, { VOLATILE, "[]" } } },
	{ .what = "podman, the other list is cut",
	  .layout = LAYOUT_PODMAN,
	  .r = -EBADMSG,
	  .files = { { STORAGE, "[]" }, { VOLATILE, "[{" } } },
	{ .what = "podman, another container",
	  .layout = LAYOUT_PODMAN,
	  .r = -ENOENT,
	  .files = { { STORAGE, "[{\"id\":\"" OTHER_ID "\",\"names\":[\"web\"]},"
				"{\"id\":\"" SIXTEEN "\",\"names\":[\"web\"]}]" } } },
	{ .what = "podman, no list",
	  .layout = LAYOUT_PODMAN,
	  .r = -ENOENT,
	  .files = { { STORAGE, "{\"id\":\"" ID "\"}" } } },
	{ .what = "podman, nothing", .layout = LAYOUT_PODMAN, .r = -ENOENT },
	{ .what = "podman, wrong types",
	  .layout = LAYOUT_PODMAN,
	  .files = { { STORAGE, "[null,7,\"" ID "\",{\"id\":1},{\"id\":\"" ID "\",\"names\":\"web\","
				"\"image\":{},\"metadata\":\"{\\\"name\"}]" },
		     { BUNDLE, "{\"annotations\":[],\"root\":\"/\"}" } },
	  .texts = { [CONTAINER_RUNTIME] = "podman" } },
	{ .what = "podman, names that are none",
	  .layout = LAYOUT_PODMAN,
	  .files = { { STORAGE, "[{\"id\":\"" ID "\",\"names\":[7],\"metadata\":\"7\"}]" } },
	  .texts = { [CONTAINER_RUNTIME] = "podman" } },
	{ .what = "podman, a root that is not absolute",
	  .layout = LAYOUT_PODMAN,
	  .files = { { STORAGE, "[{\"id\":\"" ID "\"}]" },
		     { BUNDLE, "{\"root\":{\"path\":\"rootfs\"}}" } },
	  .texts = { [CONTAINER_RUNTIME] = "podman" } },
	/* It says more in its own place. */
	{ .what = "podman's storage, but CRI-O's container",
	  .layout = LAYOUT_PODMAN,
	  .r = -ENOENT,
	  .files = { { STORAGE, "[{\"id\":\"" ID "\",\"names\":[\"k8s_main_web-0_shop_u-1_0\"],"
				"\"metadata\":\"{\\\"pod-name\\\":\\\"k8s_web-0_shop_u-1_0\\\","
				"\\\"name\\\":\\\"k8s_main_web-0_shop_u-1_0\\\"}\"}]" } } },

	{ .what = "containerd, a container",
	  .layout = LAYOUT_CONTAINERD,
	  .files = { { TASKS "/k8s.io/" ID "/config.json",
		       CONTAINERD("container",
				  ",\"io.kubernetes.cri.container-name\":\"main\","
				  "\"io.kubernetes.cri.image-name\":\"r:5000/web:2@" DIGEST
				  "\"") "," SOME_CAPABILITIES "," MASKED "}" },
		     { TASKS "/default/" OTHER_ID "/config.json", "{}" } },
	  .texts = { [CONTAINER_NAME] = "main",
		     [CONTAINER_RUNTIME] = "containerd",
		     [CONTAINER_IMAGE_NAME] = "r:5000/web:2@" DIGEST,
		     [CONTAINER_IMAGE_TAG] = "2",
		     [CONTAINER_IMAGE_DIGEST] = DIGEST,
		     [CONTAINER_NAMESPACE] = "shop",
		     [CONTAINER_POD_NAME] = "web-0",
		     [CONTAINER_POD_UID] = "u-1",
		     [CONTAINER_POD_CONTAINER] = "main" },
	  .rootfs = TASKS "/k8s.io/" ID "/rootfs" },
	{ .what = "containerd, a sandbox",
	  .layout = LAYOUT_CONTAINERD,
	  .files = { { TASKS "/k8s.io/" ID "/config.json",
		       CONTAINERD("sandbox",
				  ",\"io.kubernetes.cri.sandbox-log-directory\":\"/l\"") "}" } },
	  .texts = { [CONTAINER_NAME] = "web-0",
		     [CONTAINER_RUNTIME] = "containerd",
		     [CONTAINER_NAMESPACE] = "shop",
		     [CONTAINER_POD_NAME] = "web-0",
		     [CONTAINER_POD_UID] = "u-1" },
	  .bits = CONTAINER_IS_SANDBOX,
	  .rootfs = TASKS "/k8s.io/" ID "/rootfs" },
	{ .what = "containerd, privileged",
	  .layout = LAYOUT_CONTAINERD,
	  .files = { { TASKS "/k8s.io/" ID "/config.json", "{" ALL_CAPABILITIES "," UNMASKED "}" } },
	  .texts = { [CONTAINER_RUNTIME] = "containerd" },
	  .bits = CONTAINER_IS_PRIVILEGED },
	{ .what = "containerd, all capabilities alone",
	  .layout = LAYOUT_CONTAINERD,
	  .files = { { TASKS "/k8s.io/" ID "/config.json", "{" ALL_CAPABILITIES "," MASKED "}" } },
	  .texts = { [CONTAINER_RUNTIME] = "containerd" } },
	{ .what = "containerd, an open /proc alone",
	  .layout = LAYOUT_CONTAINERD,
	  .files = { { TASKS "/k8s.io/" ID "/config.json",
		       "{" SOME_CAPABILITIES "," UNMASKED "}" } },
	  .texts = { [CONTAINER_RUNTIME] = "containerd" } },
	{ .what = "containerd, plain, an absolute root",
	  .layout = LAYOUT_CONTAINERD,
	  .files = { { TASKS "/default/" ID "/config.json", "{\"root\":{\"path\":\"/r\"}}" } },
	  .texts = { [CONTAINER_RUNTIME] = "containerd" },
	  .rootfs = "/r" },
	{ .what = "containerd, Docker's",
	  .layout = LAYOUT_CONTAINERD,
	  .files = { { TASKS "/moby/" ID "/config.json", "{\"root\":{\"path\":\"/d/merged\"}}" } },
	  .texts = { [CONTAINER_RUNTIME] = "docker" },
	  .rootfs = "/d/merged" },
	{ .what = "containerd, a file among the namespaces",
	  .layout = LAYOUT_CONTAINERD,
	  .files = { { TASKS "/a", "" },
		     { TASKS "/b", "" },
		     { TASKS "/k8s.io/" ID "/config.json", "{}" },
		     { TASKS "/z", "" } },
	  .texts = { [CONTAINER_RUNTIME] = "containerd" } },
	{ .what = "containerd, hidden",
	  .layout = LAYOUT_CONTAINERD,
	  .r = -ENOENT,
	  .files = { { TASKS "/.k8s.io/" ID "/config.json", "{}" } } },
	{ .what = "containerd, a bundle without the file",
	  .layout = LAYOUT_CONTAINERD,
	  .r = -ENOENT,
	  .files = { { TASKS "/k8s.io/" ID "/init.pid", "7" } } },
	{ .what = "containerd, cut",
	  .layout = LAYOUT_CONTAINERD,
	  .r = -EBADMSG,
	  .files = { { TASKS "/k8s.io/" ID "/config.json", CONTAINERD("container", "") } } },
	{ .what = "containerd, wrong types",
	  .layout = LAYOUT_CONTAINERD,
	  .files = { { TASKS "/k8s.io/" ID "/config.json",
		       "{\"annotations\":7,\"root\":[],\"process\":{\"capabilities\":{\"bounding\":"
		       "\"CAP_SYS_MODULE\"}},\"linux\":{\"maskedPaths\":7}}" } },
	  .texts = { [CONTAINER_RUNTIME] = "containerd" } },
	{ .what = "containerd, no namespace",
	  .layout = LAYOUT_CONTAINERD,
	  .r = -ENOENT,
	  .files = { { TASKS "/x", "" } } },
	{ .what = "containerd, a file for the folder",
	  .layout = LAYOUT_CONTAINERD,
	  .r = -ENOTDIR,
	  .files = { { TASKS, "" } } },
	{ .what = "containerd, nothing", .layout = LAYOUT_CONTAINERD, .r = -ENOENT },

	{ .what = "cri-o, a container",
	  .layout = LAYOUT_CRIO,
	  .files = { { BUNDLE,
		       CRIO_CONTAINER("\"io.kubernetes.cri-o.Image\":\"" IMAGE "\","
				      "\"io.kubernetes.cri-o.ImageName\":\"r.example/web:2\","
				      "\"io.kubernetes.cri-o.ImageRef\":\"" IMAGE "\"") "," MASKED
											"}" } },
	  .texts = { [CONTAINER_NAME] = "main",
		     [CONTAINER_RUNTIME] = "cri-o",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID,
		     [CONTAINER_IMAGE_NAME] = "r.example/web:2",
		     [CONTAINER_IMAGE_TAG] = "2",
		     [CONTAINER_NAMESPACE] = "shop",
		     [CONTAINER_POD_NAME] = "web-0",
		     [CONTAINER_POD_UID] = "u-1",
		     [CONTAINER_POD_CONTAINER] = "main" },
	  .rootfs = "/s/merged" },
	/* Formerly the reference was one of a repository, when there was one. */
	{ .what = "cri-o, an older one",
	  .layout = LAYOUT_CRIO,
	  .files = { { BUNDLE,
		       CRIO_CONTAINER("\"io.kubernetes.cri-o.Image\":\"" IMAGE "\","
				      "\"io.kubernetes.cri-o.ImageName\":\"r.example/web:2\","
				      "\"io.kubernetes.cri-o.ImageRef\":\"r.example/web@" DIGEST
				      "\"") "}" } },
	  .texts = { [CONTAINER_NAME] = "main",
		     [CONTAINER_RUNTIME] = "cri-o",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID,
		     [CONTAINER_IMAGE_NAME] = "r.example/web:2",
		     [CONTAINER_IMAGE_TAG] = "2",
		     [CONTAINER_IMAGE_DIGEST] = DIGEST,
		     [CONTAINER_NAMESPACE] = "shop",
		     [CONTAINER_POD_NAME] = "web-0",
		     [CONTAINER_POD_UID] = "u-1",
		     [CONTAINER_POD_CONTAINER] = "main" },
	  .rootfs = "/s/merged" },
	{ .what = "cri-o, an image without a name",
	  .layout = LAYOUT_CRIO,
	  .files = { { BUNDLE,
		       "{\"annotations\":{\"io.kubernetes.cri-o.ContainerType\":\"container\","
		       "\"io.kubernetes.cri-o.Image\":\"r.example/web@" DIGEST "\","
		       "\"io.kubernetes.cri-o.ImageName\":\"\","
		       "\"io.kubernetes.cri-o.ImageRef\":\"" IMAGE "\"}}" } },
	  .texts = { [CONTAINER_RUNTIME] = "cri-o",
		     [CONTAINER_IMAGE_ID] = IMAGE_ID,
		     [CONTAINER_IMAGE_NAME] = "r.example/web@" DIGEST,
		     [CONTAINER_IMAGE_DIGEST] = DIGEST } },
	/* One of a pod that uses the host's network, which is all that PrivilegedRuntime says. */
	{ .what = "cri-o, a sandbox",
	  .layout = LAYOUT_CRIO,
	  .files = { { BUNDLE,
		       CRIO("\"io.kubernetes.cri-o.ContainerType\":\"sandbox\","
			    "\"io.kubernetes.cri-o.ContainerName\":\"k8s_POD_web-0_shop_u-1_0\","
			    "\"io.kubernetes.cri-o.PrivilegedRuntime\":\"true\","
			    "\"io.kubernetes.cri-o.Image\":\"r.example/pause:3.9\","
			    "\"io.kubernetes.cri-o.KubeName\":\"web-0\","
			    "\"io.kubernetes.cri-o.Metadata\":\"{\\\"name\\\":\\\"web-0\\\","
			    "\\\"uid\\\":\\\"u-1\\\",\\\"namespace\\\":\\\"shop\\\"}\","
			    "\"io.kubernetes.container.name\":\"POD\"") "," MASKED "}" } },
	  .texts = { [CONTAINER_NAME] = "web-0",
		     [CONTAINER_RUNTIME] = "cri-o",
		     [CONTAINER_IMAGE_NAME] = "r.example/pause:3.9",
		     [CONTAINER_IMAGE_TAG] = "3.9",
		     [CONTAINER_NAMESPACE] = "shop",
		     [CONTAINER_POD_NAME] = "web-0",
		     [CONTAINER_POD_UID] = "u-1" },
	  .bits = CONTAINER_IS_SANDBOX,
	  .rootfs = "/s/merged" },
	{ .what = "cri-o, privileged",
	  .layout = LAYOUT_CRIO,
	  .files = { { BUNDLE,
		       "{\"annotations\":{\"io.kubernetes.cri-o.ContainerType\":\"container\","
		       "\"io.kubernetes.cri-o.Metadata\":\"{\"}," ALL_CAPABILITIES "," UNMASKED
		       "}" } },
	  .texts = { [CONTAINER_RUNTIME] = "cri-o" },
	  .bits = CONTAINER_IS_PRIVILEGED },
	{ .what = "cri-o, podman's bundle",
	  .layout = LAYOUT_CRIO,
	  .r = -ENOENT,
	  .files = { { BUNDLE,
		       "{\"annotations\":{\"io.podman.annotations.privileged\":\"TRUE\"}}" } } },
	{ .what = "cri-o, no annotations",
	  .layout = LAYOUT_CRIO,
	  .r = -ENOENT,
	  .files = { { BUNDLE, "{\"annotations\":7}" } } },
	{ .what = "cri-o, garbage",
	  .layout = LAYOUT_CRIO,
	  .r = -EBADMSG,
	  .files = { { BUNDLE, "\x7f"
			       "ELF" } } },
	{ .what = "cri-o, another container",
	  .layout = LAYOUT_CRIO,
	  .r = -ENOENT,
	  .files = { { "overlay-containers/" OTHER_ID "/userdata/config.json", "{}" } } },
	{ .what = "cri-o, nothing", .layout = LAYOUT_CRIO, .r = -ENOENT },
};

static struct file_tree tree;

static void make(const struct row *row)
{
	file_tree_make(&tree);
	for (size_t i = 0; i < ARRAY_SIZE(row->files) && row->files[i].path; i++)
		file_tree_put(&tree, row->files[i].path, row->files[i].text);
}

static void assert_same(const char *what, const char *have, const char *want)
{
	if (!have != !want || (have && strcmp(have, want) != 0))
		fail_msg("%s: '%s' instead of '%s'", what, have ? have : "", want ? want : "");
}

static void assert_row(const struct row *row, const struct container_facts *f)
{
	const char *rootfs = row->rootfs;

	for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
		assert_same(row->what, f->texts[i], row->texts[i]);
	if (f->bits != (row->bits | CONTAINER_IS_KNOWN))
		fail_msg("%s: bits %#x", row->what, f->bits);
	if (rootfs && *rootfs != '/')
		rootfs = file_tree_path(&tree, rootfs);
	assert_same(row->what, f->rootfs, rootfs);
}

static int read_files(enum runtime_layout layout, const char *root, struct container_facts *f)
{
	_cleanup_(image_list_done) struct image_list images;

	image_list_init(&images);
	return runtime_files_read(layout, root, &images, f);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(container_facts_done) struct container_facts f;
		int r;

		make(&rows[i]);
		container_facts_init(&f, ID);
		r = read_files(rows[i].layout, tree.root, &f);
		if (r != rows[i].r)
			fail_msg("%s: %d", rows[i].what, r);
		if (r == 0)
			assert_row(&rows[i], &f);
		file_tree_remove(&tree);
	}
}

/* Whatever the layout: what is no file of a size that one reads is refused, without waiting. */
static void test_no_files(void **state)
{
	static const struct {
		enum runtime_layout layout;
		const char *path;
	} places[] = {
		{ LAYOUT_DOCKER, DOCKER },
		{ LAYOUT_PODMAN, STORAGE },
		{ LAYOUT_PODMAN, VOLATILE },
		{ LAYOUT_CONTAINERD, TASKS "/k8s.io/" ID "/config.json" },
		{ LAYOUT_CRIO, BUNDLE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_(container_facts_done) struct container_facts f;
		const char *path;

		file_tree_make(&tree);
		container_facts_init(&f, ID);
		path = file_tree_path(&tree, places[i].path);
		assert_int_equal(mkfifo(path, 0600), 0);
		assert_int_equal(read_files(places[i].layout, tree.root, &f), -EINVAL);
		unlink(path);
		assert_int_equal(symlink("/dev/zero", path), 0);
		assert_int_equal(read_files(places[i].layout, tree.root, &f), -EINVAL);
		unlink(path);
		file_tree_put(&tree, places[i].path, "");
		assert_int_equal(truncate(path, JSON_FILE_MAX + 1), 0);
		assert_int_equal(read_files(places[i].layout, tree.root, &f), -EFBIG);
		file_tree_remove(&tree);
	}
}

/* A runtime's folder is often kept elsewhere, and linked. */
static void test_links(void **state)
{
	_cleanup_(container_facts_done) struct container_facts f;

	(void)state;
	file_tree_make(&tree);
	file_tree_put(&tree, "real/" DOCKER, "{\"Name\":\"/web\"}");
	assert_int_equal(symlink("real", file_tree_path(&tree, "link")), 0);
	container_facts_init(&f, ID);
	assert_int_equal(read_files(LAYOUT_DOCKER, file_tree_path(&tree, "link"), &f), 0);
	assert_string_equal(f.texts[CONTAINER_NAME], "web");
	file_tree_remove(&tree);
}

/* No root at all: that runtime is not on this machine. */
static void test_no_root(void **state)
{
	(void)state;
	for (int layout = 0; layout < _LAYOUT_MAX; layout++) {
		_cleanup_(container_facts_done) struct container_facts f;

		container_facts_init(&f, ID);
		assert_int_equal(read_files(layout, "/nowhere", &f), -ENOENT);
		assert_int_equal(f.bits, 0);
	}
}

/* Whether an image's digest is to be found there. */
static void test_have_images(void **state)
{
	static const struct {
		enum runtime_layout layout;
		const char *driver;
		bool want;
	} cases[] = {
		{ LAYOUT_DOCKER, "overlay2", true },
		{ LAYOUT_DOCKER, "overlayfs", false },
		{ LAYOUT_DOCKER, "", false },
		{ LAYOUT_DOCKER, "..", false },
		{ LAYOUT_DOCKER, "x/../overlay2", false },
		{ LAYOUT_PODMAN, "overlay", true },
		{ LAYOUT_CONTAINERD, "overlay2", false },
		{ LAYOUT_CRIO, "overlay", false },
	};

	(void)state;
	file_tree_make(&tree);
	file_tree_put(&tree, "image/overlay2/imagedb/x", "");
	file_tree_put(&tree, "overlay-images/x", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(runtime_files_have_images(cases[i].layout, tree.root,
							   str_from(cases[i].driver)),
				 cases[i].want);
	file_tree_remove(&tree);
	assert_false(runtime_files_have_images(LAYOUT_PODMAN, tree.root, STR("overlay")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_have_images), cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_files),    cmocka_unit_test(test_links),
		cmocka_unit_test(test_no_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
