/*
 * breaker.c
 *	  When too many messages fail alike, it is not the messages.
 *
 * Once tripped, the first failure alike trips it again, so that the messages
 * which wait are not used up by trying.  A streak is forgotten when a message
 * passes.  A share is not: nine of ten pass all the while; it takes as many
 * passes in a row as a streak has failures.
 */
#include "postgres.h"

#include "breaker.h"

static void
push(Breaker *breaker, uint32 outcome)
{
	breaker->window[breaker->at] = outcome;
	breaker->at = (breaker->at + 1) % BREAKER_WINDOW;
}

static int
share(const Breaker *breaker, uint32 signature)
{
	int			result = 0;

	for (int i = 0; i < BREAKER_WINDOW; i++)
		result += breaker->window[i] == signature;
	return result;
}

/* The failures that tripped it are explained: they count no longer. */
static void
reset_trip(Breaker *breaker)
{
	for (int i = 0; i < BREAKER_WINDOW; i++)
	{
		if (breaker->window[i] == breaker->tripped)
			breaker->window[i] = 0;
	}
	breaker->tripped = 0;
	breaker->by_share = false;
}

void
breaker_passed(Breaker *breaker, int count)
{
	if (count <= 0)
		return;
	for (int i = 0; i < Min(count, BREAKER_WINDOW); i++)
		push(breaker, 0);
	breaker->streak = 0;
	breaker->streak_of = 0;
	breaker->passes = Min(breaker->passes + count, BREAKER_STREAK);
	if (breaker->tripped != 0 && (!breaker->by_share || breaker->passes >= BREAKER_STREAK))
		reset_trip(breaker);
}

bool
breaker_failed(Breaker *breaker, uint32 signature)
{
	breaker->passes = 0;
	if (breaker->tripped == signature)
		return true;
	breaker->streak = breaker->streak_of == signature ? breaker->streak + 1 : 1;
	breaker->streak_of = signature;
	push(breaker, signature);
	if (breaker->streak >= BREAKER_STREAK)
	{
		breaker->tripped = signature;
		breaker->by_share = false;
	}
	else if (share(breaker, signature) >= BREAKER_SHARE)
	{
		breaker->tripped = signature;
		breaker->by_share = true;
	}
	return breaker->tripped == signature;
}

void
breaker_forgive(Breaker *breaker)
{
	memset(breaker, 0, sizeof(*breaker));
}
