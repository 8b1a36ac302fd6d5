/*
 * peek.c
 *	  sqs.peek: messages of a subscription's queue, left where they are.
 *
 * A receive with a visibility timeout of zero locks no message and no group:
 * all that it leaves behind is a higher receive count, by which a queue with
 * a redrive policy may move messages to its dead-letter queue.  So whoever
 * looks is told.
 *
 * SQS hands out as much of one group as it can, then goes to the next, and a
 * group that was handed out goes to the back.  Since nothing is locked, the
 * same messages come again; it is asked until there are enough of them, or a
 * few answers in a row bring nothing new.  Of one group no more than the
 * first ten are ever seen.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "message.h"
#include "queue_call.h"
#include "redrive.h"
#include "report.h"

PG_FUNCTION_INFO_V1(sqs_peek);

#define PEEK_SECONDS 30			/* for everything */
#define PEEK_MAX 1000
#define PEEK_RECEIVE 10			/* SQS's limit for one call */
#define PEEK_IDLE 3				/* answers without news that end it */
#define PEEK_ID_LEN 128

typedef enum PeekColumn
{
	PEEK_MESSAGE_ID,
	PEEK_GROUP_ID,
	PEEK_DEDUP_ID,
	PEEK_SEQUENCE_NUMBER,
	PEEK_SENT_AT,
	PEEK_RECEIVE_COUNT,
	PEEK_ATTRIBUTES,
	PEEK_BODY,
	PEEK_BODY_BYTES,
	PEEK_COLUMNS
} PeekColumn;

typedef struct Peek
{
	QueueCall  *call;
	const char *queue_url;
	ReturnSetInfo *result;
	HTAB	   *seen;			/* message ids */
	int			wanted;			/* still */
} Peek;

static int
peek_count(FunctionCallInfo fcinfo)
{
	int			count = PG_ARGISNULL(1) ? PEEK_RECEIVE : PG_GETARG_INT32(1);

	if (count < 1 || count > PEEK_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n is out of range: %d", count),
				 errhint("Give a value from 1 to %d.", PEEK_MAX)));
	return count;
}

/* Does looking bring messages nearer to a dead-letter queue? */
static void
peek_notice(Peek *peek)
{
	AwsxError	error;
	AwsxSqsAttributes *attributes = queue_call_attributes(peek->call, peek->queue_url, &error);
	const char *policy = attributes ? awsx_sqs_attribute(attributes, "RedrivePolicy") : NULL;
	RedrivePolicy redrive;

	if (attributes == NULL)
		report_aws_error(ERROR, psprintf("read the state of queue \"%s\"", peek->queue_url),
						 &error);
	if (policy == NULL || !redrive_read(policy, &redrive))
		return;
	ereport(NOTICE,
			(errmsg("each look counts as a receive"),
			 errdetail("The queue moves messages that were received %d times to \"%s\".",
					   redrive.max_receive_count, report_clean(redrive.target_arn)),
			 errhint("Look seldom, or at what sqs.queue_state says.")));
}

static void
peek_free(void *messages)
{
	awsx_sqs_messages_free(messages);
}

/* One receive, in the current memory context. */
static AwsxSqsMessages *
peek_receive(Peek *peek)
{
	AwsxSqsReceive receive = {.max_messages = PEEK_RECEIVE};
	const AwsxService *service = &peek->call->connection->sqs;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxSqsMessages *messages = NULL;
	AwsxError	error;

	receive.max_messages = Min(peek->wanted, PEEK_RECEIVE);
	if (awsx_sqs_receive_request(service, peek->queue_url, &receive, &request, &error) &&
		queue_call_run(peek->call, service, &request, &answer, &error))
	{
		messages = awsx_sqs_receive_answer(&answer, &error);
		awsx_http_response_free(&answer);
	}
	if (messages == NULL)
		report_aws_error(ERROR, psprintf("receive from queue \"%s\"", peek->queue_url), &error);
	queue_call_keep(messages, peek_free);
	return messages;
}

static void
peek_set_text(const char *text, PeekColumn column, Datum *values, bool *nulls)
{
	nulls[column] = text[0] == '\0' || !queue_call_text(text, strlen(text), &values[column]);
}

static void
peek_put(Peek *peek, const AwsxSqsMessage *message)
{
	Datum		values[PEEK_COLUMNS] = {0};
	bool		nulls[PEEK_COLUMNS] = {0};
	ApplyMessage form = {0};

	message_fill(&form, message, false);
	peek_set_text(message->message_id, PEEK_MESSAGE_ID, values, nulls);
	peek_set_text(message->group_id, PEEK_GROUP_ID, values, nulls);
	peek_set_text(message->dedup_id, PEEK_DEDUP_ID, values, nulls);
	peek_set_text(message->sequence_number, PEEK_SEQUENCE_NUMBER, values, nulls);
	nulls[PEEK_SENT_AT] = message->sent_ms == 0;
	values[PEEK_SENT_AT] = TimestampTzGetDatum(time_t_to_timestamptz(message->sent_ms / 1000) +
											   message->sent_ms % 1000 * 1000);
	nulls[PEEK_RECEIVE_COUNT] = message->receive_count == 0;
	values[PEEK_RECEIVE_COUNT] = Int32GetDatum(message->receive_count);
	values[PEEK_ATTRIBUTES] = CStringGetTextDatum(form.attributes);
	nulls[PEEK_BODY] = !queue_call_text(message->body, message->body_len, &values[PEEK_BODY]);
	values[PEEK_BODY_BYTES] = Int32GetDatum((int32) message->body_len);
	tuplestore_putvalues(peek->result->setResult, peek->result->setDesc, values, nulls);
}

/* Put what was not seen before; returns how many that were. */
static int
peek_take(Peek *peek, const AwsxSqsMessages *messages)
{
	int			news = 0;

	for (int i = 0; i < messages->count && peek->wanted > 0; i++)
	{
		char		id[PEEK_ID_LEN] = {0};
		bool		found;

		strlcpy(id, messages->items[i].message_id, sizeof(id));
		(void) hash_search(peek->seen, id, HASH_ENTER, &found);
		if (found)
			continue;
		peek_put(peek, &messages->items[i]);
		peek->wanted--;
		news++;
	}
	return news;
}

static HTAB *
peek_seen(void)
{
	HASHCTL		control = {.keysize = PEEK_ID_LEN,.entrysize = PEEK_ID_LEN,
		.hcxt = CurrentMemoryContext
	};

	return hash_create("sqs.peek", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* Ask until there are enough, or nothing new comes. */
static void
peek_run(Peek *peek)
{
	MemoryContext turn = AllocSetContextCreate(CurrentMemoryContext, "sqs.peek",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(turn);

	for (int idle = 0; peek->wanted > 0 && idle < PEEK_IDLE;)
	{
		AwsxSqsMessages *messages = peek_receive(peek);

		idle = peek_take(peek, messages) > 0 ? 0 : idle + 1;
		if (messages->count == 0)
			break;
		MemoryContextReset(turn);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(turn);
}

/* sqs.peek(subscription text, n integer) */
Datum
sqs_peek(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, 0);
	Peek		peek = {.queue_url = subscription->queue_url,.wanted = peek_count(fcinfo)};

	subscription_check_operator(subscription);
	InitMaterializedSRF(fcinfo, 0);
	peek.result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (peek.result->setDesc->natts != PEEK_COLUMNS)
		elog(ERROR, "sqs.peek does not return what this library returns");

	peek.call = queue_call_open(subscription, PEEK_SECONDS);
	peek.seen = peek_seen();
	peek_notice(&peek);
	peek_run(&peek);
	queue_call_close(peek.call);
	return (Datum) 0;
}
