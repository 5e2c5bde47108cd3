/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker: daemon and API names of container/container.go (config.v2.json, hostconfig.json). podman:
 * containers.json of containers/storage, and, newer ones, volatile-containers.json for --rm; the
 * bundle's config.json. containerd: runtime/v2/bundle.go, a folder for each namespace. CRI-O: the
 * bundle where its storage keeps what runs; its annotations are those of
 * internal/factory/container/container.go and server/sandbox_run_linux.go.
 */
#include "enrich/runtime_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "enrich/json_file.h"
#include "enrich/pod_marks.h"

#define ID CONTAINER_ID_LEN, f->id	/* for "%.*s" */
#define CAP_MAX_NEEDED "CAP_SYS_MODULE" /* nobody has it but whoever has all */

/* A file below the root; `format` gets the container's id. */
static int read_below(const char *root, const char *format, const struct container_facts *f,
		      json_t **ret)
{
	_cleanup_(freep) char *below = NULL, *path = NULL;

	if (asprintf(&below, format, ID) < 0)
		return -ENOMEM;
	if (asprintf(&path, "%s/%s", root, below) < 0)
		return -ENOMEM;
	return json_file_read(path, ret);
}

static int set_runtime(struct container_facts *f, const char *name)
{
	f->bits |= CONTAINER_IS_KNOWN;
	return container_facts_set(f, CONTAINER_RUNTIME, str_from(name));
}

static struct str without_slash(struct str name)
{
	if (name.n && name.p[0] == '/')
		return (struct str){ .p = name.p + 1, .n = name.n - 1 };
	return name;
}

static int take_docker(const json_t *config, struct container_facts *f)
{
	int r = set_runtime(f, "docker");

	if (r == 0)
		r = container_facts_set(f, CONTAINER_NAME,
					without_slash(JSON_TEXT(config, "Name")));
	if (r == 0)
		r = container_facts_set_image_id(f, JSON_TEXT(config, "Image"));
	if (r == 0)
		r = container_facts_set_image_name(f, JSON_TEXT(config, "Config", "Image"));
	if (r == 0)
		r = pod_marks_take(json_object_get(json_object_get(config, "Config"), "Labels"), f);
	return r;
}

/* Without it all that was read still stands: 0 or -ENOMEM. */
static int add_digest(struct image_list *images, enum image_list_form form, const char *path,
		      struct container_facts *f)
{
	return image_list_add(images, form, path, f) == -ENOMEM ? -ENOMEM : 0;
}

/* NULL where no folder has such a name, or memory ran out. */
static char *docker_images(const char *root, struct str driver, const char *what)
{
	char *path = NULL;

	if (!driver.n || *driver.p == '.' || memchr(driver.p, '/', driver.n))
		return NULL;
	if (asprintf(&path, "%s/image/%.*s/%s", root, (int)driver.n, driver.p, what) < 0)
		return NULL;
	return path;
}

static int add_docker_digest(const char *root, const json_t *config, struct image_list *images,
			     struct container_facts *f)
{
	_cleanup_(freep) char *path =
		docker_images(root, JSON_TEXT(config, "Driver"), "repositories.json");

	return path ? add_digest(images, IMAGE_LIST_DOCKER, path, f) : 0;
}

static int read_docker(const char *root, struct image_list *images, struct container_facts *f)
{
	_cleanup_(json_unrefp) json_t *config = NULL, *host = NULL;
	int r = read_below(root, "containers/%.*s/config.v2.json", f, &config);

	if (r < 0)
		return r;
	r = take_docker(config, f);
	if (r == 0)
		r = add_docker_digest(root, config, images, f);
	if (r == 0 && read_below(root, "containers/%.*s/hostconfig.json", f, &host) == 0 &&
	    json_is_true(json_object_get(host, "Privileged")))
		f->bits |= CONTAINER_IS_PRIVILEGED;
	return r;
}

/* A mark that says TRUE or true. */
static bool is_true(struct str text)
{
	return text.n == 4 && strncasecmp(text.p, "true", 4) == 0;
}

static bool has_all_capabilities(const json_t *config)
{
	const json_t *process = json_object_get(config, "process");
	const json_t *bounding =
		json_object_get(json_object_get(process, "capabilities"), "bounding");
	const json_t *name;
	size_t i;

	json_array_foreach(bounding, i, name) if (json_is_string(name) &&
						  strcmp(json_string_value(name), CAP_MAX_NEEDED) ==
							  0) return true;
	return false;
}

/* The bundle does not say so; but a privileged one has all capabilities, and sees all of /proc. */
static bool looks_privileged(const json_t *config)
{
	const json_t *masked = json_object_get(json_object_get(config, "linux"), "maskedPaths");

	return json_array_size(masked) == 0 && has_all_capabilities(config);
}

/* Relative to the bundle, or absolute; where the bundle is not said, only the latter. */
static int take_rootfs(const json_t *config, const char *bundle, struct container_facts *f)
{
	struct str path = JSON_TEXT(config, "root", "path");
	_cleanup_(freep) char *full = NULL;

	if (!path.n || (path.p[0] != '/' && !bundle))
		return 0;
	if (asprintf(&full, "%s%s%s", path.p[0] == '/' ? "" : bundle, path.p[0] == '/' ? "" : "/",
		     path.p) < 0)
		return -ENOMEM;
	return container_facts_set_rootfs(f, full);
}

/* JSON in a text; the caller's, or NULL. */
static json_t *parse_text(struct str text)
{
	return json_loadb(text.p, text.n, 0, NULL);
}

static int take_storage_metadata(const json_t *metadata, struct container_facts *f)
{
	int r = container_facts_set_image_name(f, JSON_TEXT(metadata, "image-name"));

	return r < 0 ? r : container_facts_set(f, CONTAINER_NAME, JSON_TEXT(metadata, "name"));
}

/* -ENOENT: it is CRI-O's, which has the same storage, and says more in its bundle. */
static int take_storage(const json_t *container, struct container_facts *f)
{
	_cleanup_(json_unrefp) json_t *metadata = parse_text(JSON_TEXT(container, "metadata"));
	const json_t *name = json_array_get(json_object_get(container, "names"), 0);
	int r;

	if (json_object_get(metadata, "pod-name"))
		return -ENOENT;
	r = set_runtime(f, "podman");
	if (r == 0)
		r = container_facts_set_image_id(f, JSON_TEXT(container, "image"));
	if (r == 0)
		r = take_storage_metadata(metadata, f);
	if (r == 0 && json_is_string(name) && !f->texts[CONTAINER_NAME])
		r = container_facts_set(f, CONTAINER_NAME, str_from(json_string_value(name)));
	return r;
}

/* From one of the storage's lists. *ret is the caller's. */
static int read_storage(const char *root, const char *list, const struct container_facts *f,
			json_t **ret)
{
	const struct str id = { .p = f->id, .n = CONTAINER_ID_LEN };
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%s/overlay-containers/%s", root, list) < 0)
		return -ENOMEM;
	return json_file_find(path, id, ret);
}

/* What is wrong with one list says nothing of the other. */
static int find_in_storage(const char *root, const struct container_facts *f, json_t **ret)
{
	int r = read_storage(root, "containers.json", f, ret), r2;

	if (r == 0)
		return 0;
	r2 = read_storage(root, "volatile-containers.json", f, ret);
	return r2 == 0 || r == -ENOENT ? r2 : r;
}

static int add_storage_digest(const char *root, struct image_list *images,
			      struct container_facts *f)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%s/overlay-images/images.json", root) < 0)
		return -ENOMEM;
	return add_digest(images, IMAGE_LIST_STORAGE, path, f);
}

static int read_podman(const char *root, struct image_list *images, struct container_facts *f)
{
	_cleanup_(json_unrefp) json_t *container = NULL, *config = NULL;
	int r = find_in_storage(root, f, &container);

	if (r == 0)
		r = take_storage(container, f);
	if (r == 0)
		r = add_storage_digest(root, images, f);
	if (r < 0 ||
	    read_below(root, "overlay-containers/%.*s/userdata/config.json", f, &config) < 0)
		return r;
	if (is_true(JSON_TEXT(config, "annotations", "io.podman.annotations.privileged")))
		f->bits |= CONTAINER_IS_PRIVILEGED;
	return take_rootfs(config, NULL, f);
}

static int take_containerd(const json_t *config, struct container_facts *f)
{
	const json_t *marks = json_object_get(config, "annotations");
	int r = pod_marks_take(marks, f);

	if (r == 0)
		r = container_facts_set_image_name(f, JSON_TEXT(marks,
								"io.kubernetes.cri.image-name"));
	/* CRI's metadata.name: of a sandbox it is the pod's */
	if (r == 0)
		r = container_facts_set(f, CONTAINER_NAME,
					JSON_TEXT(marks,
						  f->bits & CONTAINER_IS_SANDBOX
							  ? "io.kubernetes.cri.sandbox-name"
							  : "io.kubernetes.cri.container-name"));
	if (looks_privileged(config))
		f->bits |= CONTAINER_IS_PRIVILEGED;
	return r;
}

/* Docker has a containerd of its own, whose bundles say nothing that Docker's folder does not. */
static int read_bundle(const char *tasks, const char *namespace, struct container_facts *f)
{
	_cleanup_(json_unrefp) json_t *config = NULL;
	_cleanup_(freep) char *bundle = NULL;
	int r;

	if (asprintf(&bundle, "%s/%s/%.*s", tasks, namespace, ID) < 0)
		return -ENOMEM;
	r = read_below(bundle, "config.json", f, &config);
	if (r < 0)
		return r == -ENOTDIR ? -ENOENT : r; /* not all that lies there is a namespace */
	r = set_runtime(f, strcmp(namespace, "moby") == 0 ? "docker" : "containerd");
	if (r == 0)
		r = take_containerd(config, f);
	return r < 0 ? r : take_rootfs(config, bundle, f);
}

static int read_containerd(const char *root, struct image_list *images, struct container_facts *f)
{
	_cleanup_(closedirp) DIR *dir = NULL;
	_cleanup_(freep) char *tasks = NULL;
	const struct dirent *entry;
	int r = -ENOENT;

	(void)images; /* they are in a database */
	if (asprintf(&tasks, "%s/io.containerd.runtime.v2.task", root) < 0)
		return -ENOMEM;
	dir = opendir(tasks);
	if (!dir)
		return -errno;
	while (r == -ENOENT && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = read_bundle(tasks, entry->d_name, f);
	return r;
}

/*
 * Each replaces what the one before says: ImageRef is an id, formerly a repository with a digest;
 * Image what was asked for, which for kubelet is mostly either; ImageName has the tag.
 */
static const char *const crio_images[] = {
	"io.kubernetes.cri-o.ImageRef",
	"io.kubernetes.cri-o.Image",
	"io.kubernetes.cri-o.ImageName",
};

/* CRI's metadata, as JSON in a text; of a sandbox it has the pod's name. */
static int take_crio_name(const json_t *marks, struct container_facts *f)
{
	_cleanup_(json_unrefp)
		json_t *metadata = parse_text(JSON_TEXT(marks, "io.kubernetes.cri-o.Metadata"));

	return container_facts_set(f, CONTAINER_NAME, JSON_TEXT(metadata, "name"));
}

/* That its pod's PrivilegedRuntime is true says only that it shares something of the host. */
static int take_crio(const json_t *config, struct container_facts *f)
{
	const json_t *marks = json_object_get(config, "annotations");
	int r = set_runtime(f, "cri-o");

	if (r == 0)
		r = pod_marks_take(marks, f);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(crio_images); i++)
		r = container_facts_set_image_name(f, JSON_TEXT(marks, crio_images[i]));
	if (r == 0)
		r = take_crio_name(marks, f);
	if (looks_privileged(config))
		f->bits |= CONTAINER_IS_PRIVILEGED;
	return r;
}

static int read_crio(const char *root, struct image_list *images, struct container_facts *f)
{
	_cleanup_(json_unrefp) json_t *config = NULL;
	int r = read_below(root, "overlay-containers/%.*s/userdata/config.json", f, &config);

	(void)images; /* they lie elsewhere */
	if (r < 0)
		return r;
	/* podman's bundles may lie there as well */
	if (!json_object_get(json_object_get(config, "annotations"),
			     "io.kubernetes.cri-o.ContainerType"))
		return -ENOENT;
	r = take_crio(config, f);
	return r < 0 ? r : take_rootfs(config, NULL, f);
}

static int (*const readers[])(const char *root, struct image_list *images,
			      struct container_facts *f) = {
	[LAYOUT_DOCKER] = read_docker,
	[LAYOUT_PODMAN] = read_podman,
	[LAYOUT_CONTAINERD] = read_containerd,
	[LAYOUT_CRIO] = read_crio,
};
_Static_assert(ARRAY_SIZE(readers) == _LAYOUT_MAX, "every layout has a reader");

int runtime_files_read(enum runtime_layout layout, const char *root, struct image_list *images,
		       struct container_facts *f)
{
	return readers[layout](root, images, f);
}

bool runtime_files_have_images(enum runtime_layout layout, const char *root, struct str driver)
{
	_cleanup_(freep) char *path = NULL;

	if (layout == LAYOUT_DOCKER)
		path = docker_images(root, driver, "imagedb");
	else if (layout == LAYOUT_PODMAN && asprintf(&path, "%s/overlay-images", root) < 0)
		return false;
	return path && access(path, R_OK) == 0;
}
