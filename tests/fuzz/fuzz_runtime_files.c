/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as whatever a container runtime may have written: each place that is looked into is a
 * link to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "enrich/runtime_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIXTEEN "aaaaaaaaaaaaaaaa"
#define ID SIXTEEN SIXTEEN SIXTEEN SIXTEEN

static const char *const places[] = {
	"containers/" ID "/config.v2.json",
	"containers/" ID "/hostconfig.json",
	"overlay-containers/containers.json",
	"overlay-containers/" ID "/userdata/config.json",
	"io.containerd.runtime.v2.task/k8s.io/" ID "/config.json",
	"image/overlay2/repositories.json",
	"overlay-images/images.json",
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void path_of(const char *root, const char *below, char to[256])
{
	int n = snprintf(to, 256, "%s/%s", root, below);

	require(n > 0 && n < 256);
}

static void put_text(const char *root, const uint8_t *data, size_t size)
{
	_cleanup_(closep) int fd = -1;
	char path[256];

	path_of(root, "text", path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
}

static void put_link(const char *root, const char *below)
{
	char path[256], text[256];

	path_of(root, "text", text);
	path_of(root, below, path);
	for (char *p = path + strlen(root); (p = strchr(p + 1, '/')); *p = '/') {
		*p = '\0';
		require(mkdir(path, 0700) == 0 || errno == EEXIST);
	}
	require(symlink(text, path) == 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void read_all(const char *root)
{
	for (int layout = 0; layout < _LAYOUT_MAX; layout++) {
		_cleanup_(container_facts_done) struct container_facts f;
		_cleanup_(image_list_done) struct image_list images;
		int r;

		container_facts_init(&f, ID);
		image_list_init(&images);
		r = runtime_files_read((enum runtime_layout)layout, root, &images, &f);
		require(r <= 0 && (r < 0 || f.bits & CONTAINER_IS_KNOWN));
		require(memcmp(f.id, ID, CONTAINER_ID_LEN) == 0);
		for (int i = 0; i < _CONTAINER_TEXT_MAX; i++)
			require(!f.texts[i] ||
				(*f.texts[i] && strlen(f.texts[i]) <= CONTAINER_LABEL_BYTES));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char root[] = "/tmp/proctrail-fuzz-XXXXXX";

	require(mkdtemp(root) != NULL);
	put_text(root, data, size);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		put_link(root, places[i]);
	read_all(root);
	require(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
	return 0;
}
