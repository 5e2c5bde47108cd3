/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, which takes the questions in their order. A disk that hangs holds up this source
 * alone: who waits for it gives up after a while, at the end as well. Then what the thread has in
 * its hands is left to it, and it tells nobody anything any more.
 */
#include "enrich/container_files.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/rooted_path.h"
#include "enrich/runtime_desk.h"

#define LOG_UNIT "container_files"
#define FAREWELL_S 1

struct root {
	enum runtime_layout layout;
	char *path; /* as the host has it */
	struct image_list images;
};

struct container_files {
	struct runtime_desk desk;
	bool has_desk;
	char *host_root;
	struct root *roots;
	size_t n_roots;
	pthread_t thread;
	bool has_thread;
};

/* A path that the runtime wrote is one of the host; one below the root is as the agent finds it. */
static int put_below_host(const struct container_files *s, const char *root,
			  struct container_facts *f)
{
	_cleanup_(freep) char *full = NULL;

	if (!f->rootfs || !*s->host_root || str_starts_with(str_from(f->rootfs), str_from(root)))
		return 0;
	if (rooted_path_resolve(s->host_root, f->rootfs, &full) < 0)
		return -ENOMEM;
	return container_facts_set_rootfs(f, full);
}

/* Each time: what is a link now, or not there, may be another one later. */
static int read_below(const struct container_files *s, struct root *root, struct container_facts *f)
{
	_cleanup_(freep) char *path = NULL;
	int r = rooted_path_resolve(s->host_root, root->path, &path);

	if (r == 0)
		r = runtime_files_read(root->layout, path, &root->images, f);
	return r < 0 ? r : put_below_host(s, path, f);
}

/* From the first root that has it. */
static bool read_facts(struct container_files *s, struct container_facts *f)
{
	for (size_t i = 0; i < s->n_roots; i++) {
		int r = read_below(s, &s->roots[i], f);

		if (r == 0)
			return true;
		if (r == -ENOENT || r == -ENOTDIR)
			continue;
		runtime_desk_count_failure(&s->desk, r);
		log_debug("cannot read what is below '%s' of %.*s: %s", s->roots[i].path,
			  CONTAINER_ID_LEN, f->id, strerror(-r));
	}
	return false;
}

static void answer(struct container_files *s, const char id[CONTAINER_ID_LEN])
{
	_cleanup_(container_facts_done) struct container_facts f;
	bool is_known;

	container_facts_init(&f, id);
	is_known = read_facts(s, &f);
	if (runtime_desk_is_ending(&s->desk))
		return; /* after a long time, perhaps: who asked may be gone */
	/* The desk would keep it, and answer by it whoever begins anew with the same id. */
	if (is_known)
		s->desk.sink.tell(s->desk.sink.ctx, s->desk.sink.source, &f);
	runtime_desk_answered(&s->desk, id, is_known);
}

static void *work(void *self)
{
	struct container_files *s = self;
	char id[CONTAINER_ID_LEN];
	bool is_waited_for;

	pthread_setname_np(pthread_self(), "files");
	while (runtime_desk_wait(&s->desk, 0, id, &is_waited_for) == RUNTIME_QUESTION)
		answer(s, id);
	return NULL;
}

static bool has_ended(const struct container_files *s)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until); /* as pthread_timedjoin_np() has it */
	until.tv_sec += FAREWELL_S;
	if (pthread_timedjoin_np(s->thread, NULL, &until) == 0)
		return true;
	log_warn("a disk that container runtimes write to hangs, leaving it alone");
	return false;
}

static void *files_free(void *self)
{
	struct container_files *s = self;

	if (!s)
		return NULL;
	if (s->has_desk)
		runtime_desk_end(&s->desk);
	if (s->has_thread && !has_ended(s))
		return NULL;
	if (s->has_desk)
		runtime_desk_done(&s->desk);
	for (size_t i = 0; i < s->n_roots; i++) {
		image_list_done(&s->roots[i].images);
		free(s->roots[i].path);
	}
	free(s->roots);
	free(s->host_root);
	free(s);
	return NULL;
}

static void files_freep(struct container_files **s)
{
	files_free(*s);
}

static int add_roots(struct container_files *s, enum runtime_layout layout,
		     const struct container_roots *roots)
{
	for (size_t i = 0; i < roots->n; i++) {
		struct root *root = &s->roots[s->n_roots];

		root->layout = layout;
		root->path = strdup(roots->paths[i]);
		if (!root->path)
			return -ENOMEM;
		image_list_init(&root->images);
		s->n_roots++;
	}
	return 0;
}

static int set_up(struct container_files *s, const char *host_root,
		  const struct container_roots roots[_LAYOUT_MAX],
		  const struct container_sink *sink)
{
	static const char *const no_sockets[] = { NULL };
	size_t n = 0;
	int r = 0;

	for (int i = 0; i < _LAYOUT_MAX; i++)
		n += roots[i].n;
	s->roots = calloc(n ? n : 1, sizeof(*s->roots));
	s->host_root = strdup(host_root);
	if (!s->roots || !s->host_root)
		return -ENOMEM;
	for (int i = 0; r == 0 && i < _LAYOUT_MAX; i++)
		r = add_roots(s, i, &roots[i]);
	if (r == 0)
		r = runtime_desk_init(&s->desk, "files", no_sockets, sink);
	if (r < 0)
		return r;
	s->has_desk = true;
	r = -pthread_create(&s->thread, NULL, work, s);
	s->has_thread = r == 0;
	return r;
}

int container_files_new(const char *host_root, const struct container_roots roots[_LAYOUT_MAX],
			const struct container_sink *sink, struct container_files **ret)
{
	_cleanup_(files_freep) struct container_files *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = set_up(s, host_root, roots, sink);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

static void files_ask(void *self, const struct container_facts *known)
{
	struct container_files *s = self;

	runtime_desk_ask(&s->desk, known->id);
}

static void files_state(void *self, struct source_state *ret)
{
	struct container_files *s = self;

	runtime_desk_get_state(&s->desk, ret);
	ret->status = SOURCE_READY; /* there is nobody to connect to */
}

const struct container_source container_files_source = {
	.name = "files",
	.ask = files_ask,
	.state = files_state,
	.free = files_free,
};
