/*
 * load_function.c
 *	  One invocation of sqs_to_redshift: an event of an SQS event source
 *	  mapping -> one batch for the loader -> the messages that stay.
 *
 * A damaged record is left out, and with it what is behind it in its group,
 * so that nothing overtakes it.  Lambda deletes what the answer does not
 * name; an answer with an id that is none of the event's, or with none, would
 * fail the whole batch.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "load_function.h"
#include "load_metrics.h"
#include "load_scope.h"
#include "loader.h"
#include "log.h"
#include "reply.h"
#include "sqs_event.h"

struct LoadFunction
{
	const LoadConfig *config;
	AwsxClient *client;
	const AwsxServiceOptions *services;
	Deadline   *deadline;
	Loader	   *loader;
	char	   *queue_arn;		/* whose scope is known; null = none's */
	LoadScope	scope;
};

/* One invocation. */
typedef struct Turn
{
	LoadFunction *function;
	const RuntimeInvocation *invocation;
	SqsEvent   *event;
	AwsxSqsMessage *messages;	/* that are to be loaded */
	int		   *records;		/* each message's place in the event */
	bool	   *loaded;			/* what the loader says of each */
	bool	   *done;			/* one a record: it may be deleted */
	int			count;			/* of messages */
	int			left;			/* records that stay */
	bool		faulty;			/* the loader has an error */
	AwsxError	fault;
} Turn;

/* ---- what is to be loaded ---- */

/* Does a record before it, of its group, have that fate? */
static bool
has_before(const Turn *turn, int n, bool (*fate) (const Turn *turn, int n))
{
	const char *group = turn->event->records[n].message.group_id;

	for (int i = 0; i < n && *group != '\0'; i++)
	{
		if (fate(turn, i) && strcmp(turn->event->records[i].message.group_id, group) == 0)
			return true;
	}
	return false;
}

static bool
is_damaged(const Turn *turn, int n)
{
	return turn->event->records[n].problem[0] != '\0';
}

static bool
is_left(const Turn *turn, int n)
{
	return !turn->done[n];
}

static bool
begin_turn(Turn *turn, AwsxError *error)
{
	size_t		room = (size_t) turn->event->count + 1;

	turn->messages = calloc(room, sizeof(AwsxSqsMessage));
	turn->records = calloc(room, sizeof(int));
	turn->loaded = calloc(room, sizeof(bool));
	turn->done = calloc(room, sizeof(bool));
	if (turn->messages != NULL && turn->records != NULL && turn->loaded != NULL && turn->done != NULL)
		return true;
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an event was read");
}

static void
pick_messages(Turn *turn)
{
	for (int i = 0; i < turn->event->count; i++)
	{
		const SqsEventRecord *record = &turn->event->records[i];

		if (is_damaged(turn, i))
			log_event(LOG_ERROR, "a message is damaged, it stays in the queue",
					  LOG_FIELDS(LOG_TEXT("messageId", record->id), LOG_TEXT("error", record->problem)));
		else if (!has_before(turn, i, is_damaged))
		{
			turn->messages[turn->count] = record->message;
			turn->records[turn->count++] = i;
		}
	}
}

/* What messages are known by, which the queue is asked once. */
static bool
find_scope(LoadFunction *function, const SqsEvent *event, LoadScope *scope, AwsxError *error)
{
	AwsxService queue;

	*scope = function->config->dedup_scope;
	if (*scope != LOAD_SCOPE_ASK)
		return true;
	if (function->queue_arn == NULL || strcmp(function->queue_arn, event->queue_arn) != 0)
	{
		char	   *arn = strdup(event->queue_arn);

		if (arn == NULL)
			return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a queue was asked");
		if (!awsx_sqs_service(&queue, event->queue_url, function->services, error) ||
			!load_scope_ask(function->client, &queue, event->queue_url, function->deadline, &function->scope, error))
		{
			free(arn);
			return false;
		}
		free(function->queue_arn);
		function->queue_arn = arn;
	}
	*scope = function->scope;
	return true;
}

/* False and *error: nothing can be told. */
static bool
load(Turn *turn, AwsxError *error)
{
	LoadFunction *function = turn->function;
	LoadScope	scope;
	bool	   *loaded = turn->loaded;
	const AwsxSqsMessage *messages = turn->messages;

	pick_messages(turn);
	if (turn->count == 0)
		return true;
	if (!find_scope(function, turn->event, &scope, error))
		return false;
	loader_set_request_id(function->loader, turn->invocation->request_id);
	awsx_error_clear(error);
	turn->faulty = !loader_load(function->loader, scope, messages, turn->count, false, loaded, error);
	turn->fault = *error;
	for (int i = 0; i < turn->count; i++)
		turn->done[turn->records[i]] = loaded[i];
	return true;
}

/* ---- the answer ---- */

static void
answer(Turn *turn, RuntimeReply *reply)
{
	awsx_buf_puts(&reply->body, "{\"batchItemFailures\":[");
	for (int i = 0; i < turn->event->count; i++)
	{
		if (turn->done[i] && has_before(turn, i, is_left))
			turn->done[i] = false;
		if (turn->done[i])
			continue;
		awsx_buf_puts(&reply->body, turn->left++ > 0 ? ",{" : "{");
		json_put_member(&reply->body, "itemIdentifier", turn->event->records[i].id);
		awsx_buf_putc(&reply->body, '}');
	}
	awsx_buf_puts(&reply->body, "]}");
	if (turn->faulty)
	{
		log_error(LOG_ERROR, "messages stay in the queue, they will be given again", &turn->fault);
		reply->leave = reply_must_leave(&turn->fault);
	}
}

static void
tell(const Turn *turn, const LoaderStats *stats, bool failed, int64_t milliseconds)
{
	const LoadOutcome outcome = {
		.messages = turn->event->count,
		.left = failed ? turn->event->count : turn->left,
		.faulty = failed || turn->faulty,
		.milliseconds = milliseconds,
		.stats = *stats
	};

	load_metrics_tell(turn->function->config, "the invocation is done", &outcome, turn->invocation->request_id);
}

static void
end_turn(Turn *turn)
{
	free(turn->messages);
	free(turn->records);
	free(turn->loaded);
	free(turn->done);
	sqs_event_free(turn->event);
}

void
load_function_handle(void *arg, const RuntimeInvocation *invocation, RuntimeReply *reply)
{
	LoadFunction *function = arg;
	const AwsxClock *clock = function->deadline->clock;
	int64_t		began_ms = clock->monotonic_ms(clock->arg);
	Turn		turn = {.function = function,.invocation = invocation};
	LoaderStats stats;
	AwsxError	error;

	deadline_begin(function->deadline, invocation->deadline_ms);
	turn.event = sqs_event_read(invocation->event, invocation->event_len, &error);
	if (turn.event == NULL)
	{
		reply_fail(reply, error.kind == AWSX_ERR_REQUEST ? "Function.BadEvent" : reply_error_type(error.kind), &error);
		return;
	}
	awsx_error_clear(&error);
	if (begin_turn(&turn, &error) && load(&turn, &error))
		answer(&turn, reply);
	else
		reply_fail(reply, reply_error_type(error.kind), &error);
	stats = loader_take_stats(function->loader);
	tell(&turn, &stats, reply->failed, clock->monotonic_ms(clock->arg) - began_ms);
	end_turn(&turn);
	awsx_client_forget_connections(function->client);
}

/* ---- setting up ---- */

LoadFunction *
load_function_create(const LoadConfig *config, AwsxClient *client, const AwsxServiceOptions *services,
					 Deadline *deadline, AwsxError *error)
{
	LoadFunction *function = calloc(1, sizeof(LoadFunction));
	LoaderOptions options = {.config = config,.client = client,.services = services,.deadline = deadline};

	if (function == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while the function was set up");
		return NULL;
	}
	*function = (LoadFunction) {.config = config,.client = client,.services = services,.deadline = deadline};
	function->loader = loader_create(&options, error);
	if (function->loader != NULL)
		return function;
	load_function_free(function);
	return NULL;
}

void
load_function_free(LoadFunction *function)
{
	if (function == NULL)
		return;
	loader_free(function->loader);
	free(function->queue_arn);
	free(function);
}
