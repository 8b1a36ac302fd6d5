/*
 * load_poll.h
 *	  The long polls of the daemon: several under way, one beside another.
 *
 * Each has a ReceiveRequestAttemptId of its own.  A call whose answer got lost
 * is repeated under the same id, so that what it had received is received
 * again now and not when its visibility ends.
 */
#ifndef LOAD_POLL_H
#define LOAD_POLL_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/client.h"
#include "../aws/sqs.h"

#define LOAD_POLL_MOST 64
#define LOAD_POLL_ID 32			/* characters */

typedef struct LoadPolls LoadPolls;

/* Takes over what was received, one message at least. */
typedef void (*LoadPollTake) (void *arg, AwsxSqsMessages *messages);

typedef struct LoadPollCall
{
	LoadPolls  *polls;
	AwsxCall   *call;			/* null = not under way */
	char		attempt_id[LOAD_POLL_ID + 1];	/* "" = the next one is new */
	int64_t		attempt_ms;		/* monotonic: when that was first used */
	int64_t		not_before_ms;	/* after a failure */
	int			failures;		/* in a row */
} LoadPollCall;

struct LoadPolls
{
	AwsxClient *client;
	const AwsxService *service;
	const char *queue_url;
	const AwsxClock *clock;
	bool		fifo;
	int			visibility_seconds;
	int			per_call;		/* messages that one may bring */
	int			count;			/* of calls */
	int			under_way;
	LoadPollCall calls[LOAD_POLL_MOST];
	LoadPollTake take;
	void	   *take_arg;
};

/* Everything is borrowed.  count: how many may be under way at a time. */
extern void load_polls_init(LoadPolls *polls, AwsxClient *client, const AwsxService *service,
							const char *queue_url, int visibility_seconds, int per_call, int count,
							LoadPollTake take, void *take_arg);

/* Start one more, if there is one that may be started now. */
extern bool load_polls_start(LoadPolls *polls);

/* Stop what is under way. */
extern void load_polls_stop(LoadPolls *polls);

#endif							/* LOAD_POLL_H */
