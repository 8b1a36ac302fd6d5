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
 * What AWS_MAX_ATTEMPTS and AWS_RETRY_MODE ask for, for max_attempts; 0 when
 * they say nothing.  Every mode is carried out as the standard one, "legacy"
 * with the five attempts that it has.  False and *error (CONFIG) for a number
 * or a mode that is none.
 */
extern bool awsx_retry_environment(int *max_attempts, AwsxError *error);

/*
 * After a failed attempt (1 = the first): milliseconds to wait before the
 * next one, or -1 to give up.  When it does not give up it takes tokens, and
 * *cost says how many.
 */
extern int	awsx_retry_delay_ms(AwsxRetry *retry, int attempt, const AwsxError *error, int *cost);

/* The same delay for a caller that must wait although it has given up. */
extern int	awsx_retry_pause_ms(const AwsxRetry *retry, int attempt, const AwsxError *error);

/* After a success: the cost of the call's last retry, 0 when there was none. */
extern void awsx_retry_success(AwsxRetry *retry, int cost);

/*
 * Full-jitter back-off for loops that never give up: chance * min(base *
 * 2^(failures-1), cap), but at least a tenth of that bound.
 */
extern int	awsx_backoff_ms(const AwsxClock *clock, int failures, int base_ms, int cap_ms);

#endif							/* AWSX_RETRY_H */
