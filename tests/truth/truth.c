/* SPDX-License-Identifier: Apache-2.0 */
/*
 * truth FILE: writes what the witness's programs see to FILE, as struct truth_event, and says
 * "ready". For each line on stdin everything that has happened until then is brought into the file
 * and "<events> <dropped>" is said. Ends with stdin.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "truth.h"
#include "truth.skel.h"

#define TURN_MS 5

struct witness {
	FILE *file;
	unsigned long n_events;
};

static int store(void *ctx, void *data, size_t size)
{
	struct witness *w = ctx;

	(void)size;
	w->n_events++;
	return fwrite(data, sizeof(struct truth_event), 1, w->file) == 1 ? 0 : -EIO;
}

static int say(struct witness *w, const struct truth_bpf *skel)
{
	char line[256];

	if (!fgets(line, sizeof(line), stdin))
		return -ENODATA;
	if (fflush(w->file) != 0)
		return -errno;
	printf("%lu %llu\n", w->n_events, (unsigned long long)skel->bss->n_dropped);
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* The question is looked at before the ring, so that the answer has all that came before it. */
static int serve(struct witness *w, const struct truth_bpf *skel, struct ring_buffer *ring)
{
	struct pollfd question = { .fd = STDIN_FILENO, .events = POLLIN };
	int r = 0;

	setvbuf(stdin, NULL, _IONBF, 0);
	printf("ready\n");
	fflush(stdout);
	while (r >= 0) {
		if (poll(&question, 1, TURN_MS) < 0 && errno != EINTR)
			return -errno;
		r = ring_buffer__consume(ring);
		if (r >= 0 && question.revents)
			r = say(w, skel);
	}
	return r == -ENODATA ? 0 : r;
}

static int watch(struct witness *w)
{
	struct truth_bpf *skel = truth_bpf__open_and_load();
	struct ring_buffer *ring = NULL;
	int r = -errno;

	if (skel)
		ring = ring_buffer__new(bpf_map__fd(skel->maps.truth_ring), store, w, NULL);
	if (ring)
		r = truth_bpf__attach(skel);
	if (ring && r == 0)
		r = serve(w, skel, ring);
	ring_buffer__free(ring);
	truth_bpf__destroy(skel);
	return r;
}

int main(int argc, char **argv)
{
	struct witness w = { 0 };
	int r;

	if (argc != 2)
		return 2;
	w.file = fopen(argv[1], "wb");
	if (!w.file)
		return 2;
	r = watch(&w);
	return fclose(w.file) == 0 && r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
