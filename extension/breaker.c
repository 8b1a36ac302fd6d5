/*
 * breaker.c
 *	  When too many messages fail alike, it is not the messages.
 *
 * A message that is blocked, or could not be put into the quarantine, comes back
 * and fails again; in a streak it counts once, for it is still one message.
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

/* Is it one of the streak already, and was only tried again? */
static bool
is_counted(const Breaker *breaker, uint64 message)
{
	for (int i = 0; i < breaker->streak; i++)
	{
		if (breaker->streak_messages[i] == message)
			return true;
	}
	return false;
}

bool
breaker_failed(Breaker *breaker, uint32 signature, uint64 message)
{
	breaker->passes = 0;
	if (breaker->tripped == signature)
		return true;
	if (breaker->streak_of != signature)
		breaker->streak = 0;
	breaker->streak_of = signature;
	if (is_counted(breaker, message))
		return false;
	breaker->streak_messages[breaker->streak++] = message;
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
