/*
 * clock.h
 *	  Time and chance behind function pointers, so that tests move both.
 *
 * wall_ms is for signatures and lease arithmetic against AWS's times,
 * monotonic_ms for deadlines and back-off.  jitter returns a number in
 * [0, 1).
 */
#ifndef AWSX_CLOCK_H
#define AWSX_CLOCK_H

#include <stdint.h>

typedef struct AwsxClock
{
	int64_t		(*wall_ms) (void *arg); /* Unix epoch, milliseconds */
	int64_t		(*monotonic_ms) (void *arg);
	double		(*jitter) (void *arg);
	void	   *arg;
} AwsxClock;

/* The machine's clocks and a generator seeded from getrandom(2). */
extern const AwsxClock *awsx_clock_real(void);

#endif							/* AWSX_CLOCK_H */
