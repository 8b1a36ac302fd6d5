/*
 * test_retry.c
 *	  Retry delays with a clock and chance of our own.
 */
#include "tap.h"

#include <stdlib.h>

#include "retry.h"

static double chance;

static int64_t
no_time(void *arg)
{
	(void) arg;
	return 0;
}

static double
chosen(void *arg)
{
	(void) arg;
	return chance;
}

static const AwsxClock test_clock = {no_time, no_time, chosen, NULL};

static AwsxError
failure(AwsxErrorKind kind)
{
	AwsxError	error;

	awsx_error_set(&error, kind, "test");
	return error;
}

static void
test_delays(void)
{
	AwsxError	service = failure(AWSX_ERR_SERVICE);
	AwsxError	throttled = failure(AWSX_ERR_THROTTLED);
	AwsxError	refused = failure(AWSX_ERR_REQUEST);
	AwsxRetry	retry;
	int			cost = 0;

	chance = 0.5;
	awsx_retry_init(&retry, &test_clock, 100);
	is_int(awsx_retry_delay_ms(&retry, 1, &service, &cost), 25, "half of 50 ms");
	is_int(awsx_retry_delay_ms(&retry, 2, &service, &cost), 50, "half of 100 ms");
	is_int(awsx_retry_delay_ms(&retry, 1, &throttled, &cost), 500, "throttled: half of 1 s");
	is_int(awsx_retry_delay_ms(&retry, 3, &throttled, &cost), 2000, "half of 4 s");
	is_int(awsx_retry_delay_ms(&retry, 60, &throttled, &cost), 10000, "never above half of 20 s");
	chance = 0;
	is_int(awsx_retry_delay_ms(&retry, 1, &service, &cost), 0, "no chance, no delay");
	is_int(awsx_retry_delay_ms(&retry, 1, &refused, &cost), -1, "a refusal is not repeated");
	throttled.retry_after_ms = 3000;
	is_int(awsx_retry_delay_ms(&retry, 1, &throttled, &cost), 3000, "the answer's wish");
	throttled.retry_after_ms = 30000;
	is_int(awsx_retry_delay_ms(&retry, 1, &throttled, &cost), 5000, "up to five seconds above ours");
}

static void
test_attempts(void)
{
	AwsxError	service = failure(AWSX_ERR_SERVICE);
	AwsxRetry	retry;
	int			cost = 0;

	awsx_retry_init(&retry, &test_clock, 0);
	ok(awsx_retry_delay_ms(&retry, 2, &service, &cost) >= 0, "the default allows a third attempt");
	is_int(awsx_retry_delay_ms(&retry, 3, &service, &cost), -1, "and no fourth");
	awsx_retry_init(&retry, &test_clock, 1);
	is_int(awsx_retry_delay_ms(&retry, 1, &service, &cost), -1, "one attempt means no retry");
}

static void
test_tokens(void)
{
	AwsxError	service = failure(AWSX_ERR_SERVICE);
	AwsxError	timeout = failure(AWSX_ERR_TIMEOUT);
	AwsxError	throttled = failure(AWSX_ERR_THROTTLED);
	AwsxRetry	retry;
	int			cost = 0;
	int			granted = 0;

	awsx_retry_init(&retry, &test_clock, 3);
	while (awsx_retry_delay_ms(&retry, 1, &throttled, &cost) >= 0)
		granted++;
	is_int(granted, 100, "500 tokens are a hundred retries of what was throttled");
	is_int(cost, 5, "at five tokens each");
	awsx_retry_init(&retry, &test_clock, 3);
	granted = 0;
	while (awsx_retry_delay_ms(&retry, 1, &service, &cost) >= 0)
		granted++;
	is_int(granted, 35, "but 35 of other failures");
	is_int(cost, 14, "at fourteen each");
	chance = 0.5;
	is_int(awsx_retry_pause_ms(&retry, 2, &service), 50, "an empty bucket does not make the pause shorter");
	retry.tokens = 0;
	awsx_retry_success(&retry, 5);
	ok(awsx_retry_delay_ms(&retry, 1, &timeout, &cost) < 0, "a timeout costs more than a throttled call gives back");
	ok(awsx_retry_delay_ms(&retry, 1, &throttled, &cost) >= 0, "which pays for another of its kind");
	for (int i = 0; i < 14; i++)
		awsx_retry_success(&retry, 0);
	ok(awsx_retry_delay_ms(&retry, 1, &timeout, &cost) >= 0, "fourteen plain successes pay for a timeout");
	for (int i = 0; i < 1000; i++)
		awsx_retry_success(&retry, 0);
	is_int(retry.tokens, 500, "the bucket does not overflow");
}

static void
test_backoff(void)
{
	chance = 0.999;
	is_int(awsx_backoff_ms(&test_clock, 1, 1000, 60000), 999, "the first failure");
	is_int(awsx_backoff_ms(&test_clock, 4, 1000, 60000), 7992, "the fourth");
	is_int(awsx_backoff_ms(&test_clock, 1000000, 1000, 60000), 59940, "the millionth");
	chance = 0;
	is_int(awsx_backoff_ms(&test_clock, 4, 1000, 60000), 800, "at least a tenth");
	chance = 0.05;
	is_int(awsx_backoff_ms(&test_clock, 4, 1000, 60000), 800, "also when chance is small but not zero");
	is_int(awsx_backoff_ms(&test_clock, 0, 1000, 60000), 100, "no failure counts as one");
	for (int i = 0; i < 1000; i++)
	{
		double		real = awsx_clock_real()->jitter(NULL);

		if (real < 0 || real >= 1)
			ok(false, "chance is in [0, 1)");
	}
	ok(awsx_clock_real()->wall_ms(NULL) > INT64_C(1600000000000), "the real clock tells the year");
}

static void
test_environment(void)
{
	static const struct
	{
		const char *mode;
		const char *attempts;
		int			expected;	/* -1: refused */
	}			cases[] = {
		{NULL, NULL, 0}, {"", "", 0}, {"standard", NULL, 0}, {"adaptive", NULL, 0}, {"Legacy", NULL, 5},
		{"legacy", "2", 2}, {NULL, "1", 1}, {NULL, "100", 100}, {"fast", NULL, -1},
		{NULL, "0", -1}, {NULL, "101", -1}, {NULL, "-1", -1}, {NULL, "3x", -1}, {NULL, "99999999999999999999", -1}
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		AwsxError	error = {0};
		int			attempts = -2;
		bool		read;

		unsetenv("AWS_RETRY_MODE");
		unsetenv("AWS_MAX_ATTEMPTS");
		if (cases[i].mode != NULL)
			setenv("AWS_RETRY_MODE", cases[i].mode, 1);
		if (cases[i].attempts != NULL)
			setenv("AWS_MAX_ATTEMPTS", cases[i].attempts, 1);
		read = awsx_retry_environment(&attempts, &error);
		ok(read ? attempts == cases[i].expected : cases[i].expected == -1 && error.kind == AWSX_ERR_CONFIG,
		   "environment number %zu: %d %s", i, attempts, error.message);
	}
}

int
main(void)
{
	test_environment();
	test_delays();
	test_attempts();
	test_tokens();
	test_backoff();
	return tap_done();
}
