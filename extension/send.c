/*
 * send.c
 *	  sqs.send: a message onto a subscription's queue.
 *
 * It is sent when the function is called, whatever becomes of the
 * transaction.  A send whose answer is lost is made again; on a FIFO queue
 * the deduplication id keeps that from having an effect.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "digest.h"
#include "queue_call.h"
#include "report.h"
#include "send_attributes.h"

PG_FUNCTION_INFO_V1(sqs_send);

#define SEND_SECONDS 30			/* for everything */
#define SEND_COLUMNS 2			/* message_id, sequence_number */

typedef enum SendArgument
{
	SEND_SUBSCRIPTION,
	SEND_BODY,
	SEND_GROUP_ID,
	SEND_DEDUP_ID,
	SEND_ATTRIBUTES
} SendArgument;

/* In UTF-8, or null. */
static char *
send_text(FunctionCallInfo fcinfo, SendArgument argument)
{
	char	   *given;

	if (PG_ARGISNULL(argument))
		return NULL;
	given = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	return pg_server_to_any(given, strlen(given), PG_UTF8);
}

static void
send_required(const char *text, const char *name, const char *hint)
{
	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 errhint("%s", hint)));
}

/* What the queue would take where it deduplicates by content. */
static char *
send_content_id(const AwsxSqsSend *send)
{
	char	   *id = palloc(AWSX_SHA256_HEX_LEN + 1);

	if (!awsx_sha256_hex(send->body, send->body_len, id))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute SHA-256")));
	return id;
}

static void
send_read(FunctionCallInfo fcinfo, const Subscription *subscription, AwsxSqsSend *send)
{
	AwsxError	error;

	send->body = send_text(fcinfo, SEND_BODY);
	send_required(send->body, "body", "Give the message's text, such as a JSON object.");
	send->body_len = strlen(send->body);
	send->group_id = send_text(fcinfo, SEND_GROUP_ID);
	send->dedup_id = send_text(fcinfo, SEND_DEDUP_ID);
	if (subscription->fifo)
	{
		send_required(send->group_id, "group_id",
					  "Messages of one group are applied in order; give what they have in common.");
		if (send->dedup_id == NULL)
			send->dedup_id = send_content_id(send);
	}
	if (!PG_ARGISNULL(SEND_ATTRIBUTES))
		send->attributes = send_attributes_read(PG_GETARG_JSONB_P(SEND_ATTRIBUTES),
												&send->attribute_count);

	awsx_error_clear(&error);
	if (!awsx_sqs_send_check(send, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("SQS would not take the message: %s", error.message)));
}

/* The one entry's outcome; raises when it was not taken. */
static void
send_run(const Subscription *subscription, const AwsxSqsSend *send, AwsxSqsOutcome *outcome)
{
	QueueCall  *call = queue_call_open(subscription, SEND_SECONDS);
	const AwsxService *service = &call->connection->sqs;
	char	   *what = psprintf("send to queue \"%s\"", subscription->queue_url);
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;
	bool		done = false;

	if (awsx_sqs_send_batch_request(service, subscription->queue_url, send, 1, &request, &error) &&
		queue_call_run(call, service, &request, &answer, &error))
	{
		done = awsx_sqs_send_batch_answer(&answer, send, 1, outcome, &error);
		awsx_http_response_free(&answer);
	}
	queue_call_close(call);
	if (!done)
		report_aws_denial(ERROR, what, &error, "sqs:SendMessage on the queue");
	if (!outcome->ok)
		ereport(ERROR,
				(errcode(outcome->sender_fault ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_SYSTEM_ERROR),
				 errmsg("could not %s: %s", what, report_clean(outcome->message)),
				 errdetail("The entry failed with %s.", report_clean(outcome->code)),
				 outcome->sender_fault ? 0 : errhint("Send it again; with the same dedup_id it has no second effect.")));
}

static void
send_set(const char *text, int column, Datum *values, bool *nulls)
{
	nulls[column] = text[0] == '\0' || !queue_call_text(text, strlen(text), &values[column]);
}

/* sqs.send(subscription text, body text, group_id text, dedup_id text, attributes jsonb) */
Datum
sqs_send(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, SEND_SUBSCRIPTION);
	AwsxSqsSend send = {0};
	AwsxSqsOutcome outcome;
	Datum		values[SEND_COLUMNS] = {0};
	bool		nulls[SEND_COLUMNS];
	TupleDesc	tupdesc;

	subscription_check_operator(subscription);
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != SEND_COLUMNS)
		elog(ERROR, "sqs.send does not return what this library returns");
	send_read(fcinfo, subscription, &send);
	send_run(subscription, &send, &outcome);
	send_set(outcome.message_id, 0, values, nulls);
	send_set(outcome.sequence_number, 1, values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
