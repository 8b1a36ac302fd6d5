/*
 * retry.h
 *	  When to try again: AWS's standard retry mode, with an injected clock.
 *
 * A token bucket per client keeps a broken service from being hammered: a
 * retry takes tokens, a success gives some back, and an empty bucket means
 * no retry.  The delay is full jitter: chance times min(base * 2^n, cap).
 */
#ifndef AWSX_RETRY_H
#define AWSX_RETRY_H

#include <stdbool.h>

#include "clock.h"
#include "error.h"

typedef struct AwsxRetry
{
	const AwsxClock *clock;
	int			max_attempts;	/* counts the first one; 1 = never retry */
	int			tokens;
} AwsxRetry;

extern void awsx_retry_init(AwsxRetry *retry, const AwsxClock *clock, int max_attempts);

/*
 * After a failed attempt (1 = the first): milliseconds to wait before the
 * next one, or -1 to give up.  Takes tokens when it does not give up.
 */
extern int	awsx_retry_delay_ms(AwsxRetry *retry, int attempt, const AwsxError *error);

/* After a success that took this many attempts. */
extern void awsx_retry_success(AwsxRetry *retry, int attempts);

/*
 * Full-jitter back-off for loops that never give up: chance * min(base *
 * 2^(failures-1), cap), but at least a tenth of that bound.
 */
extern int	awsx_backoff_ms(const AwsxClock *clock, int failures, int base_ms, int cap_ms);

#endif							/* AWSX_RETRY_H */
