/*
 * retry.c
 *	  AWS's standard retry mode.
 *
 * Numbers of the standard mode in its 2026 revision (as in botocore):
 * throttling waits from 1 s on, everything else from 50 ms on, since a lost
 * answer should be asked for again soon; the quick retries cost more tokens.
 */
#include "retry.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define BUCKET_TOKENS 500
#define RETRY_COST 14
#define THROTTLED_RETRY_COST 5
#define BASE_MS 50
#define THROTTLED_BASE_MS 1000
#define CAP_MS 20000
#define ASKED_MORE_MS 5000		/* how far an answer's wish may exceed our delay */
#define DEFAULT_ATTEMPTS 3
#define LEGACY_ATTEMPTS 5
#define MOST_ATTEMPTS 100

void
awsx_retry_init(AwsxRetry *retry, const AwsxClock *clock, int max_attempts)
{
	retry->clock = clock != NULL ? clock : awsx_clock_real();
	retry->max_attempts = max_attempts > 0 ? max_attempts : DEFAULT_ATTEMPTS;
	retry->tokens = BUCKET_TOKENS;
}

/* 1 to MOST_ATTEMPTS; 0 for anything else. */
static int
read_attempts(const char *text)
{
	int			number = 0;

	for (; awsx_text_is_digit(*text) && number <= MOST_ATTEMPTS; text++)
		number = number * 10 + (*text - '0');
	return *text == '\0' && number <= MOST_ATTEMPTS ? number : 0;
}

bool
awsx_retry_environment(int *max_attempts, AwsxError *error)
{
	const char *mode = getenv("AWS_RETRY_MODE");
	const char *attempts = getenv("AWS_MAX_ATTEMPTS");

	*max_attempts = 0;
	if (mode != NULL && awsx_text_equal(mode, "legacy"))
		*max_attempts = LEGACY_ATTEMPTS;
	else if (mode != NULL && mode[0] != '\0' && !awsx_text_equal(mode, "standard") &&
			 !awsx_text_equal(mode, "adaptive"))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "AWS_RETRY_MODE is \"%.40s\": set legacy, standard or adaptive", mode);
	if (attempts == NULL || attempts[0] == '\0')
		return true;
	*max_attempts = read_attempts(attempts);
	return *max_attempts > 0 ||
		awsx_error_set(error, AWSX_ERR_CONFIG,
					   "AWS_MAX_ATTEMPTS is \"%.40s\": set a number from 1 to %d", attempts,
					   MOST_ATTEMPTS);
}

/* min(base * 2^doublings, cap) without overflow. */
static int
bound_ms(int doublings, int base_ms, int cap_ms)
{
	int64_t		bound = base_ms;

	for (int i = 0; i < doublings && bound < cap_ms; i++)
		bound *= 2;
	return bound < cap_ms ? (int) bound : cap_ms;
}

static int
jittered_ms(const AwsxClock *clock, int bound)
{
	return (int) (clock->jitter(clock->arg) * bound);
}

int
awsx_retry_pause_ms(const AwsxRetry *retry, int attempt, const AwsxError *error)
{
	int			base = error->kind == AWSX_ERR_THROTTLED ? THROTTLED_BASE_MS : BASE_MS;
	int			delay = jittered_ms(retry->clock, bound_ms(attempt - 1, base, CAP_MS));

	if (error->retry_after_ms > delay + ASKED_MORE_MS)
		return delay + ASKED_MORE_MS;
	return error->retry_after_ms > delay ? error->retry_after_ms : delay;
}

int
awsx_retry_delay_ms(AwsxRetry *retry, int attempt, const AwsxError *error, int *cost)
{
	int			price = error->kind == AWSX_ERR_THROTTLED ? THROTTLED_RETRY_COST : RETRY_COST;

	if (!error->retryable || attempt >= retry->max_attempts || retry->tokens < price)
		return -1;
	retry->tokens -= price;
	*cost = price;
	return awsx_retry_pause_ms(retry, attempt, error);
}

void
awsx_retry_success(AwsxRetry *retry, int cost)
{
	retry->tokens += cost > 0 ? cost : 1;
	if (retry->tokens > BUCKET_TOKENS)
		retry->tokens = BUCKET_TOKENS;
}

int
awsx_backoff_ms(const AwsxClock *clock, int failures, int base_ms, int cap_ms)
{
	int			bound = bound_ms(failures - 1, base_ms, cap_ms);
	int			delay = jittered_ms(clock, bound);

	return delay > bound / 10 ? delay : bound / 10;
}
