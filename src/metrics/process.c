/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Own costs. A number that the system does not tell stays what it was. Runs on whoever writes a
 * page.
 */
#include "metrics/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/clock.h"

static const struct metric table[] = {
	{ .name = "process_cpu_seconds_total",
	  .type = METRIC_COUNTER,
	  .offset = offsetof(struct process_metrics, cpu_ns),
	  .help = "CPU time of the agent, user and system.",
	  .scale = 1e-9 },
	{ .name = "process_resident_memory_bytes",
	  .type = METRIC_GAUGE,
	  .offset = offsetof(struct process_metrics, resident_bytes),
	  .help = "Resident memory of the agent, what it shares with the kernel included." },
	{ .name = "process_open_fds",
	  .type = METRIC_GAUGE,
	  .offset = offsetof(struct process_metrics, open_fds),
	  .help = "File descriptors that the agent has open." },
	{ .name = "process_start_time_seconds",
	  .type = METRIC_GAUGE,
	  .offset = offsetof(struct process_metrics, started_s),
	  .help = "When the agent was started, since the epoch." },
	{ .type = METRIC_END },
};

static void refresh_cpu(struct process_metrics *p)
{
	metric_set(&p->cpu_ns, clock_now_ns(CLOCK_PROCESS_CPUTIME_ID));
}

/* The second number of statm, in pages: proc_pid_statm(5). */
int process_resident_bytes(uint64_t *ret)
{
	_cleanup_(closep) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	uint64_t size, resident;
	char text[128];
	ssize_t n;

	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &size, &resident) != 2)
		return -EBADMSG;
	*ret = resident * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static void refresh_memory(struct process_metrics *p)
{
	uint64_t resident = 0;

	if (process_resident_bytes(&resident) == 0)
		metric_set(&p->resident_bytes, resident);
}

static void refresh_fds(struct process_metrics *p)
{
	_cleanup_(closedirp) DIR *d = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (!d)
		return;
	while (readdir(d))
		n++;
	metric_set(&p->open_fds, n > 3 ? n - 3 : 0); /* "." and ".." and the folder itself */
}

static void refresh(void *ctx)
{
	struct process_metrics *p = ctx;

	refresh_cpu(p);
	refresh_memory(p);
	refresh_fds(p);
}

int process_metrics_add(struct metrics *m, struct process_metrics *p)
{
	struct metric_set *set = NULL;
	int r;

	metric_set(&p->started_s, clock_now_ns(CLOCK_REALTIME) / CLOCK_SECOND_NS);
	r = metrics_on_page(m, refresh, p);
	if (r < 0)
		return r;
	return metrics_add(m, table, p, NULL, 0, &set);
}
