/*
 * daemon.c
 *	  s3_to_sqs without Lambda.
 *
 * A long poll, then the messages one by one: each is given to the function's
 * own handler as an event and, when that succeeded, deleted.  A process that
 * dies in between has its messages come back when their visibility ends;
 * what it had sent is then sent again under the same ids, which SQS and the
 * consumers absorb.  An event that fails comes back after a growing pause; how
 * often is the queue's redrive policy to say.
 *
 * While an object is worked on, however large, the handler asks twice a second
 * whether to go on: that is when the visibility of all messages in hand is
 * extended, and where SIGTERM is heard.  Then what is in hand is given back
 * at once, for another process to take.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/retry.h"
#include "../aws/sqs.h"
#include "daemon.h"
#include "log.h"
#include "stop.h"

#define PAUSE_BASE_S 5
#define PAUSE_MOST_S 900
#define GIVE_BACK_MS 500

typedef struct Daemon
{
	const char *queue_url;
	const Config *config;
	AwsxClient *client;
	Ingest	   *ingest;
	const AwsxClock *clock;
	AwsxService service;
	const AwsxSqsMessages *messages;	/* in hand; null = none */
	int			next;			/* the first of them that is not settled */
	int64_t		leased_ms;		/* when their visibility was last set */
} Daemon;

/* ---- calls ---- */

static bool
run(Daemon *daemon, AwsxHttpRequest *request, int timeout_ms, AwsxHttpResponse *answer,
	AwsxError *error)
{
	if (timeout_ms > 0)
		request->timeout_ms = timeout_ms;
	return awsx_client_run(daemon->client, &daemon->service, request, answer, error);
}

/* Set the visibility of the messages in hand from first on; failures are logged. */
static void
set_visibility(Daemon *daemon, int first, int count, int seconds, int timeout_ms)
{
	const char *handles[AWSX_SQS_BATCH];
	int			all_seconds[AWSX_SQS_BATCH];
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;

	for (int i = 0; i < count; i++)
	{
		handles[i] = daemon->messages->items[first + i].receipt_handle;
		all_seconds[i] = seconds;
	}
	awsx_error_clear(&error);
	if (awsx_sqs_visibility_batch_request(&daemon->service, daemon->queue_url, handles, all_seconds,
										  count, &request, &error) &&
		run(daemon, &request, timeout_ms, &answer, &error))
	{
		if (awsx_sqs_batch_answer(&answer, count, outcomes, &error))
		{
			for (int i = 0; i < count && error.kind == AWSX_OK; i++)
			{
				if (!outcomes[i].ok)
					awsx_error_set(&error, AWSX_ERR_REQUEST, "%s: %s", outcomes[i].code,
								   outcomes[i].message);
			}
		}
		awsx_http_response_free(&answer);
	}
	if (error.kind != AWSX_OK)
		log_error(LOG_WARN, "the visibility of a message could not be changed; it may be given to another process, too",
				  &error);
}

static void
delete_message(Daemon *daemon, const AwsxSqsMessage *message)
{
	const char *handle = message->receipt_handle;
	AwsxSqsOutcome outcome;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;

	awsx_error_clear(&error);
	if (awsx_sqs_delete_batch_request(&daemon->service, daemon->queue_url, &handle, 1, &request,
									  &error) &&
		run(daemon, &request, 0, &answer, &error))
	{
		if (awsx_sqs_batch_answer(&answer, 1, &outcome, &error) && !outcome.ok)
			awsx_error_set(&error, AWSX_ERR_REQUEST, "%s: %s", outcome.code, outcome.message);
		awsx_http_response_free(&answer);
	}
	if (error.kind != AWSX_OK)
		log_error(LOG_WARN, "a message that is done could not be deleted; it will be done again, without effect",
				  &error);
}

/* ---- while an event is handled ---- */

/* The handler's question. */
static bool
go_on(void *arg)
{
	Daemon	   *daemon = arg;
	int64_t		now = daemon->clock->monotonic_ms(daemon->clock->arg);
	int			seconds = daemon->config->poll.visibility_seconds;

	if (stop_signal() != 0)
		return false;
	if (daemon->messages != NULL && now - daemon->leased_ms >= (int64_t) seconds * 1000 / 3)
	{
		daemon->leased_ms = now;
		set_visibility(daemon, daemon->next, daemon->messages->count - daemon->next, seconds, 0);
	}
	return true;
}

/* The longer the more often it failed. */
static int
pause_of(int receive_count)
{
	int			seconds = PAUSE_BASE_S;

	for (int i = 1; i < receive_count && seconds < PAUSE_MOST_S; i++)
		seconds *= 2;
	return seconds < PAUSE_MOST_S ? seconds : PAUSE_MOST_S;
}

/* A message id is the id of its invocation, if it can be one. */
static const char *
request_id_of(const AwsxSqsMessage *message)
{
	size_t		len = strlen(message->message_id);

	if (len == 0 || len > 128 ||
		strspn(message->message_id,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != len)
		return "no-message-id";
	return message->message_id;
}

/* False: the daemon is to stop, and the message is still in hand. */
static bool
serve_message(Daemon *daemon, const AwsxSqsMessage *message)
{
	RuntimeInvocation invocation = {
		.request_id = request_id_of(message),
		.trace_id = "",
		.function_arn = "",
		.event = message->body,
		.event_len = message->body_len
	};
	RuntimeReply reply;

	memset(&reply, 0, sizeof(reply));
	awsx_buf_init(&reply.body, 0);
	log_set_request_id(invocation.request_id);
	ingest_handle(daemon->ingest, &invocation, &reply);
	awsx_buf_free(&reply.body);
	if (!reply.failed)
		delete_message(daemon, message);
	else if (stop_signal() == 0)
		set_visibility(daemon, daemon->next, 1, pause_of(message->receive_count), 0);
	log_set_request_id(NULL);
	return !reply.failed || stop_signal() == 0;
}

/* ---- the loop ---- */

/* Null: nothing came, or *error. */
static AwsxSqsMessages *
receive(Daemon *daemon, AwsxError *error)
{
	const ConfigPoll *poll = &daemon->config->poll;
	AwsxSqsReceive receive = {
		.max_messages = poll->max_messages,
		.wait_seconds = poll->wait_seconds,
		.visibility_seconds = poll->visibility_seconds
	};
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxSqsMessages *messages;

	awsx_error_clear(error);
	if (!awsx_sqs_receive_request(&daemon->service, daemon->queue_url, &receive, &request, error) ||
		!run(daemon, &request, 0, &answer, error))
		return NULL;
	messages = awsx_sqs_receive_answer(&answer, error);
	awsx_http_response_free(&answer);
	return messages;
}

/* What is in hand when a signal comes is visible again at once. */
static void
give_back(Daemon *daemon)
{
	stop_overrule();
	set_visibility(daemon, daemon->next, daemon->messages->count - daemon->next, 0, GIVE_BACK_MS);
}

static void
serve_messages(Daemon *daemon, AwsxSqsMessages *messages)
{
	daemon->messages = messages;
	daemon->leased_ms = daemon->clock->monotonic_ms(daemon->clock->arg);
	for (daemon->next = 0; daemon->next < messages->count; daemon->next++)
	{
		if (!go_on(daemon) || !serve_message(daemon, &messages->items[daemon->next]))
		{
			give_back(daemon);
			break;
		}
	}
	daemon->messages = NULL;
}

/* After a failed poll: how many came before it decides how long it rests. */
static bool
rest_after(Daemon *daemon, int failures, const AwsxError *error)
{
	if (stop_signal() != 0)
		return false;
	log_error(failures == 1 ? LOG_WARN : LOG_ERROR, "the queue could not be read; trying again", error);
	return stop_nap(awsx_backoff_ms(daemon->clock, failures, 1000, 30000));
}

int
daemon_run(const char *queue_url, const Config *config, AwsxClient *client,
		   const AwsxServiceOptions *service, Ingest *ingest)
{
	Daemon		daemon = {.queue_url = queue_url,.config = config,.client = client,.ingest = ingest};
	AwsxError	error;
	int			failures = 0;

	awsx_error_clear(&error);
	if (!awsx_sqs_service(&daemon.service, queue_url, service, &error))
	{
		log_error(LOG_FATAL, "the queue cannot be used", &error);
		return 1;
	}
	daemon.clock = awsx_client_clock(client);
	ingest_watch(ingest, go_on, &daemon);
	log_event(LOG_INFO, "serving the queue", LOG_FIELDS(LOG_TEXT("queue", queue_url)));
	while (stop_signal() == 0)
	{
		AwsxSqsMessages *messages = receive(&daemon, &error);

		if (messages == NULL && !rest_after(&daemon, ++failures, &error))
			break;
		if (messages == NULL)
			continue;
		failures = 0;
		serve_messages(&daemon, messages);
		awsx_sqs_messages_free(messages);
	}
	log_event(LOG_INFO, "stopped by a signal", NULL);
	return 0;
}
