/*
 * load_poll.c
 *	  The long polls of the daemon.
 */
#include <string.h>
#include <sys/random.h>

#include "../aws/digest.h"
#include "../aws/retry.h"
#include "load_poll.h"
#include "log.h"

/* SQS remembers an id for five minutes. */
#define ATTEMPT_MS (4 * 60 * 1000)
#define BACKOFF_BASE_MS 500
#define BACKOFF_CAP_MS 30000

static int64_t
now_ms(const LoadPolls *polls)
{
	return polls->clock->monotonic_ms(polls->clock->arg);
}

void
load_polls_init(LoadPolls *polls, AwsxClient *client, const AwsxService *service,
				const char *queue_url, int visibility_seconds, int per_call, int count,
				LoadPollTake take, void *take_arg)
{
	memset(polls, 0, sizeof(*polls));
	polls->client = client;
	polls->service = service;
	polls->queue_url = queue_url;
	polls->clock = awsx_client_clock(client);
	polls->fifo = awsx_sqs_is_fifo(queue_url);
	polls->visibility_seconds = visibility_seconds;
	polls->per_call = per_call;
	polls->count = count < LOAD_POLL_MOST ? count : LOAD_POLL_MOST;
	polls->take = take;
	polls->take_arg = take_arg;
	for (int i = 0; i < LOAD_POLL_MOST; i++)
		polls->calls[i].polls = polls;
}

/* Without chance there is no id, and a lost answer costs its visibility. */
static void
new_attempt(LoadPollCall *poll)
{
	unsigned char bytes[LOAD_POLL_ID / 2];

	poll->attempt_id[0] = '\0';
	poll->attempt_ms = now_ms(poll->polls);
	if (getrandom(bytes, sizeof(bytes), 0) == (ssize_t) sizeof(bytes))
		awsx_hex(bytes, sizeof(bytes), poll->attempt_id);
}

/* May the call have received something all the same? */
static bool
may_be_lost(const AwsxError *error)
{
	return error->http_status == 0 || error->http_status >= 500 || error->kind == AWSX_ERR_PROTOCOL ||
		error->kind == AWSX_ERR_INTEGRITY;
}

static void
fail(LoadPollCall *poll, const AwsxError *error)
{
	const AwsxClock *clock = poll->polls->clock;

	poll->failures++;
	poll->not_before_ms = now_ms(poll->polls) +
		awsx_backoff_ms(clock, poll->failures, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
	if (!may_be_lost(error))
		poll->attempt_id[0] = '\0';
	log_error(poll->failures == 1 ? LOG_WARN : LOG_ERROR, "the queue could not be read; trying again", error);
}

static void
on_done(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	LoadPollCall *poll = arg;
	LoadPolls  *polls = poll->polls;
	AwsxSqsMessages *messages = NULL;
	AwsxError	own = *error;

	(void) call;
	poll->call = NULL;
	polls->under_way--;
	if (own.kind == AWSX_OK)
		messages = awsx_sqs_receive_answer(answer, &own);
	if (messages == NULL)
	{
		fail(poll, &own);
		return;
	}
	poll->failures = 0;
	poll->attempt_id[0] = '\0';
	if (messages->count > 0)
		polls->take(polls->take_arg, messages);
	else
		awsx_sqs_messages_free(messages);
}

static void
start(LoadPollCall *poll)
{
	LoadPolls  *polls = poll->polls;
	AwsxSqsReceive receive = {
		.max_messages = polls->per_call,
		.wait_seconds = AWSX_SQS_MAX_WAIT,
		.visibility_seconds = polls->visibility_seconds
	};
	AwsxHttpRequest request;
	AwsxError	error;

	if (poll->attempt_id[0] == '\0' || now_ms(polls) - poll->attempt_ms > ATTEMPT_MS)
		new_attempt(poll);
	if (polls->fifo && poll->attempt_id[0] != '\0')
		receive.attempt_id = poll->attempt_id;
	awsx_error_clear(&error);
	if (awsx_sqs_receive_request(polls->service, polls->queue_url, &receive, &request, &error))
		poll->call = awsx_client_start(polls->client, polls->service, &request, on_done, poll, &error);
	if (poll->call != NULL)
		polls->under_way++;
	else
		fail(poll, &error);
}

bool
load_polls_start(LoadPolls *polls)
{
	int64_t		now = now_ms(polls);

	for (int i = 0; i < polls->count; i++)
	{
		LoadPollCall *poll = &polls->calls[i];

		if (poll->call == NULL && now >= poll->not_before_ms)
		{
			start(poll);
			return poll->call != NULL;
		}
	}
	return false;
}

void
load_polls_stop(LoadPolls *polls)
{
	for (int i = 0; i < polls->count; i++)
	{
		if (polls->calls[i].call == NULL)
			continue;
		awsx_call_cancel(polls->calls[i].call);
		polls->calls[i].call = NULL;
		polls->under_way--;
	}
}
