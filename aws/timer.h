/*
 * timer.h
 *	  What else the client's loop has to do at a time; inside aws/ only.
 *
 * A provider of credentials that waits for something other than a call (a
 * child process, its turn to try again) lets itself be called back from
 * awsx_client_drive, which the owner calls in time because
 * awsx_client_timeout_ms tells it to.
 */
#ifndef AWSX_TIMER_H
#define AWSX_TIMER_H

#include <stdint.h>

#include "credentials.h"

typedef struct AwsxTimer AwsxTimer;

/* All zero is a timer that does not run; its owner keeps it until it does not. */
struct AwsxTimer
{
	void		(*fire) (AwsxTimer *timer); /* once; may start it again */
	void	   *arg;			/* the owner's */

	/* The client's: */
	AwsxClient *client;			/* null = does not run */
	int64_t		due_ms;
	AwsxTimer  *next;
};

/* Fire in delay_ms, at least 1; one that runs is set anew. */
extern void awsx_timer_start(AwsxTimer *timer, AwsxClient *client, int delay_ms);

/* Allowed when it does not run. */
extern void awsx_timer_stop(AwsxTimer *timer);

/* Milliseconds until the next one of a client is due, or -1 without one. */
extern int	awsx_timer_next_ms(const AwsxClient *client);

/* Fire all that are due. */
extern void awsx_timer_fire_due(AwsxClient *client);

#endif							/* AWSX_TIMER_H */
