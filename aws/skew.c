/*
 * skew.c
 *	  How far an endpoint's clock is from ours.
 *
 * Rule: a refused signature and a Date that is five minutes or more from
 * our clock, as the AWS SDKs have it.
 */
#include "skew.h"

#include <stdio.h>
#include <string.h>

#include "date.h"

#define NOTICEABLE_MS INT64_C(300000)

static int
find(const AwsxSkew *skew, const char *endpoint)
{
	for (int i = 0; i < skew->count; i++)
	{
		if (strcmp(skew->items[i].endpoint, endpoint) == 0)
			return i;
	}
	return -1;
}

int64_t
awsx_skew_get(const AwsxSkew *skew, const char *endpoint)
{
	int			i = find(skew, endpoint);

	return i >= 0 ? skew->items[i].ms : 0;
}

static void
set(AwsxSkew *skew, const char *endpoint, int64_t ms)
{
	int			i = find(skew, endpoint);

	if (i < 0 && skew->count < AWSX_SKEW_ENDPOINTS)
		i = skew->count++;
	else if (i < 0)
	{
		i = skew->oldest;
		skew->oldest = (skew->oldest + 1) % AWSX_SKEW_ENDPOINTS;
	}
	(void) snprintf(skew->items[i].endpoint, sizeof(skew->items[i].endpoint), "%s", endpoint);
	skew->items[i].ms = ms;
}

bool
awsx_skew_learn(AwsxSkew *skew, const char *endpoint, const char *date, int64_t now_ms,
				int64_t used_ms)
{
	int64_t		date_ms;
	int64_t		difference;

	if (!awsx_http_date_ms(date, &date_ms))
		return false;
	difference = date_ms - now_ms;
	if (!awsx_skew_differs(difference, 0))
		difference = 0;			/* our clock is right (again) */
	if (!awsx_skew_differs(difference, used_ms))
		return false;
	set(skew, endpoint, difference);
	return true;
}

bool
awsx_skew_differs(int64_t one_ms, int64_t other_ms)
{
	int64_t		difference = one_ms - other_ms;

	return difference <= -NOTICEABLE_MS || difference >= NOTICEABLE_MS;
}

void
awsx_skew_describe(int64_t ms, char *out, size_t size)
{
	long long	seconds = (ms < 0 ? -ms : ms) / 1000;

	if (ms == 0)
		(void) snprintf(out, size, "has the time that our clock has again");
	else
		(void) snprintf(out, size, "has a clock %lld s %s ours: requests are signed with its time",
						seconds, ms > 0 ? "ahead of" : "behind");
}
