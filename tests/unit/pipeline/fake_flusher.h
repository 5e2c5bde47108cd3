/* SPDX-License-Identifier: Apache-2.0 */
/* A flusher that does what a test says, for the tests of outlets. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "pipeline/outlet.h"

#define RECORD_SIZE 16
#define SECOND_NS 1000000000ULL
#define QUEUE_BYTES (8 * 1024 * 1024)

/* The allocation that fails, counted down; 0: none does. */
static atomic_uint fail_at;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	unsigned int at = atomic_load(&fail_at);

	if (at)
		atomic_store(&fail_at, at - 1);
	return at == 1 ? NULL : __real_calloc(n, size);
}

/* What the flusher does; under its lock. */
struct fake {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t part;	 /* bytes that one call takes; 0: all */
	size_t budget;	 /* bytes that it takes before it fails; SIZE_MAX: never */
	int error;	 /* how it fails then */
	bool is_shut;	 /* calls wait until it is opened */
	bool is_waiting; /* one does */
	struct buf got;
	struct buf steps; /* 'f' for each flush, 'r' for each reopen, 's' for stop */
	size_t n_flushes;
	int start_result;
	bool is_crooked; /* a payload did not add up */
};

static struct fake fake;

/* The ends are those of the records, and the last one is the end of the bytes. */
static inline bool is_straight(const struct payload *in)
{
	for (size_t i = 0; i < in->n; i++)
		if (in->ends[i] > in->bytes.n || in->bytes.p[in->ends[i] - 1] != '\n' ||
		    (i && in->ends[i] - in->ends[i - 1] != RECORD_SIZE))
			return false;
	return in->n && in->ends[in->n - 1] == in->bytes.n && in->ends[0] <= RECORD_SIZE;
}

static inline int fake_flush(struct instance *self, const struct payload *in, size_t *ret_done)
{
	struct fake *f = &fake;
	size_t n = in->bytes.n;
	int r = 0;

	(void)self;
	pthread_mutex_lock(&f->lock);
	buf_put_char(&f->steps, 'f');
	f->n_flushes++;
	f->is_crooked |= !is_straight(in);
	while (f->is_shut) {
		f->is_waiting = true;
		pthread_cond_broadcast(&f->changed);
		pthread_cond_wait(&f->changed, &f->lock);
	}
	f->is_waiting = false;
	if (f->part && f->part < n) {
		n = f->part;
		r = -EAGAIN;
	}
	if (f->budget < n) {
		n = f->budget;
		r = f->error;
	}
	buf_put(&f->got, in->bytes.p, n);
	if (f->budget != SIZE_MAX)
		f->budget -= n;
	*ret_done = n;
	pthread_mutex_unlock(&f->lock);
	return r;
}

static inline void fake_step(char step)
{
	struct fake *f = &fake;

	pthread_mutex_lock(&f->lock);
	buf_put_char(&f->steps, step);
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static inline void fake_resume(struct instance *self)
{
	(void)self;
	fake_step('t');
}

static inline void fake_reopen(struct instance *self)
{
	(void)self;
	fake_step('r');
}

static inline void fake_stop(struct instance *self)
{
	(void)self;
	fake_step('s');
}

static inline int fake_start(struct instance *self)
{
	(void)self;
	return fake.start_result;
}

static const struct flusher flusher_fake = {
	.base = { .name = "flusher_fake", .start = fake_start, .stop = fake_stop },
	.flush = fake_flush,
	.resume = fake_resume,
	.reopen = fake_reopen,
};
static const struct flusher flusher_plain = {
	.base = { .name = "flusher_plain" },
	.flush = fake_flush,
};

static inline struct outlet make_outlet(const struct flusher *flusher)
{
	return (struct outlet){
		.part = { .instance = { .plugin = &flusher->base, .name = strdup("fake") } },
		.flusher = flusher,
	};
}

static inline uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static inline uint64_t in_seconds(unsigned int n)
{
	return now_ns(CLOCK_MONOTONIC) + n * SECOND_NS;
}

static inline struct outlet *start(struct outlet *o)
{
	*o = make_outlet(&flusher_fake);
	assert_int_equal(outlet_start(o, "test"), 0);
	return o;
}

/* Changes what the flusher does. */
#define set_fake(member, value)                        \
	do {                                           \
		pthread_mutex_lock(&fake.lock);        \
		fake.member = (value);                 \
		pthread_cond_broadcast(&fake.changed); \
		pthread_mutex_unlock(&fake.lock);      \
	} while (0)

/* Until the flusher hangs in a call. */
static inline void wait_for_flush(void)
{
	pthread_mutex_lock(&fake.lock);
	while (!fake.is_waiting)
		pthread_cond_wait(&fake.changed, &fake.lock);
	pthread_mutex_unlock(&fake.lock);
}

/* Until it was called so often. */
static inline void wait_for_flushes(size_t n)
{
	uint64_t give_up = in_seconds(10);

	for (size_t is = 0; is < n;) {
		assert_true(now_ns(CLOCK_MONOTONIC) < give_up);
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
		pthread_mutex_lock(&fake.lock);
		is = fake.n_flushes;
		pthread_mutex_unlock(&fake.lock);
	}
}

static inline void wait_for_step(char step)
{
	pthread_mutex_lock(&fake.lock);
	while (!fake.steps.len || !memchr(fake.steps.data, step, fake.steps.len))
		pthread_cond_wait(&fake.changed, &fake.lock);
	pthread_mutex_unlock(&fake.lock);
}

/* Until everything that was pushed is dealt with. */
static inline void wait_until_idle(struct outlet *o)
{
	uint64_t give_up = in_seconds(10);

	while (outlet_pending(o) != UINT64_MAX) {
		assert_true(now_ns(CLOCK_MONOTONIC) < give_up);
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
	}
}

/* Records first … first + n - 1, which happened at that time. */
static inline struct chunk *make_chunk(uint64_t begin, unsigned int first, size_t n,
				       uint64_t time_ns)
{
	struct chunk *c = chunk_new(NULL, begin);

	for (size_t i = 0; i < n; i++) {
		char record[RECORD_SIZE + 1];

		snprintf(record, sizeof(record), "record %08u\n", first + (unsigned int)i);
		assert_true(chunk_grow(c, 1));
		buf_put(&c->own, record, RECORD_SIZE);
		c->times_ns[c->n] = time_ns;
		c->seqs[c->n] = begin;
		c->calls[c->n] = (uint8_t)((first + i) % 3); /* execve, exit, clone */
		c->ends[c->n++] = c->own.len;
	}
	return c;
}

static inline void push(struct outlet *o, uint64_t begin, unsigned int first, size_t n)
{
	_cleanup_(chunk_unrefp) struct chunk *c =
		make_chunk(begin, first, n, now_ns(CLOCK_BOOTTIME));

	outlet_push(o, c);
}

/* The flusher has got these records, whole and in order, and no others. */
static inline void assert_got(unsigned int first, size_t n)
{
	_cleanup_(chunk_unrefp) struct chunk *want = make_chunk(0, first, n, 0);

	assert_false(fake.is_crooked);
	assert_int_equal(fake.got.len, chunk_size(want));
	if (n)
		assert_memory_equal(fake.got.data, chunk_bytes(want).p, chunk_size(want));
}

static inline void assert_steps(const char *want)
{
	assert_int_equal(fake.steps.len, strlen(want));
	assert_memory_equal(fake.steps.data, want, strlen(want));
}

static inline void assert_counters(const struct outlet *o, uint64_t delivered, uint64_t dropped,
				   uint64_t overflowed)
{
	assert_int_equal(metric_get(&o->counters.delivered), delivered);
	assert_int_equal(metric_get(&o->counters.dropped), dropped);
	assert_int_equal(metric_get(&o->counters.overflowed), overflowed);
	assert_int_equal(metric_get(&o->counters.in), delivered + dropped + overflowed);
	assert_int_equal(metric_get(&o->counters.bytes), delivered * RECORD_SIZE);
	assert_int_equal(metric_get(&o->counters.queue_bytes), 0);
}

static inline int make_fake(void **state)
{
	(void)state;
	fake = (struct fake){ .budget = SIZE_MAX };
	pthread_mutex_init(&fake.lock, NULL);
	pthread_cond_init(&fake.changed, NULL);
	log_setup(LOG_LEVEL_ERR, LOG_FORMAT_TEXT);
	return 0;
}

static inline int drop_fake(void **state)
{
	(void)state;
	buf_done(&fake.got);
	buf_done(&fake.steps);
	pthread_cond_destroy(&fake.changed);
	pthread_mutex_destroy(&fake.lock);
	return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_fake, drop_fake)
