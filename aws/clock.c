/*
 * clock.c
 *	  The machine's clocks.
 *
 * Chance is asked from the kernel at each call: it is needed a few times a
 * minute, and a generator's state would repeat itself in forked processes.
 */
#include "clock.h"

#include <stddef.h>
#include <sys/random.h>
#include <time.h>

static int64_t
clock_ms(clockid_t id)
{
	struct timespec now = {0, 0};

	(void) clock_gettime(id, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
real_wall_ms(void *arg)
{
	(void) arg;
	return clock_ms(CLOCK_REALTIME);
}

static int64_t
real_monotonic_ms(void *arg)
{
	(void) arg;
	return clock_ms(CLOCK_MONOTONIC);
}

static double
real_jitter(void *arg)
{
	uint64_t	bits;

	(void) arg;
	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t) sizeof(bits))
	{
		struct timespec now = {0, 0};

		(void) clock_gettime(CLOCK_MONOTONIC, &now);
		bits = (uint64_t) now.tv_nsec * UINT64_C(0x9E3779B97F4A7C15);
	}
	/* 53 bits are what a double holds exactly, so 1.0 is never reached. */
	return (double) (bits >> 11) / (double) (UINT64_C(1) << 53);
}

const AwsxClock *
awsx_clock_real(void)
{
	static const AwsxClock real = {real_wall_ms, real_monotonic_ms, real_jitter, NULL};

	return &real;
}
