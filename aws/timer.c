/*
 * timer.c
 *	  What else the client's loop has to do at a time.
 *
 * There are one or two at most, so a list is searched.  A timer is taken out
 * before it fires; one that is started meanwhile has its turn in a later
 * drive, since it is due a millisecond from now at the earliest.
 */
#include "timer.h"

#include <limits.h>
#include <stddef.h>

#include "client_call.h"

void
awsx_timer_stop(AwsxTimer *timer)
{
	AwsxTimer **link;

	if (timer->client == NULL)
		return;
	for (link = &timer->client->timers; *link != timer; link = &(*link)->next)
		;
	*link = timer->next;
	timer->next = NULL;
	timer->client = NULL;
}

void
awsx_timer_start(AwsxTimer *timer, AwsxClient *client, int delay_ms)
{
	awsx_timer_stop(timer);
	timer->client = client;
	timer->due_ms = awsx_client_now_ms(client) + (delay_ms > 0 ? delay_ms : 1);
	timer->next = client->timers;
	client->timers = timer;
}

static AwsxTimer *
find_next(const AwsxClient *client)
{
	AwsxTimer  *best = client->timers;

	for (AwsxTimer *timer = best; timer != NULL; timer = timer->next)
	{
		if (timer->due_ms < best->due_ms)
			best = timer;
	}
	return best;
}

int
awsx_timer_next_ms(const AwsxClient *client)
{
	const AwsxTimer *next = find_next(client);
	int64_t		left_ms;

	if (next == NULL)
		return -1;
	left_ms = next->due_ms - awsx_client_now_ms(client);
	if (left_ms < 0)
		return 0;
	return left_ms < INT_MAX ? (int) left_ms : INT_MAX;
}

void
awsx_timer_fire_due(AwsxClient *client)
{
	int64_t		now_ms = awsx_client_now_ms(client);
	AwsxTimer  *timer;

	while ((timer = find_next(client)) != NULL && timer->due_ms <= now_ms)
	{
		awsx_timer_stop(timer);
		awsx_client_enter_provider(client);
		timer->fire(timer);
		awsx_client_leave_provider(client);
	}
}
