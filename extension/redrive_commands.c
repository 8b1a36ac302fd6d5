/*
 * redrive_commands.c
 *	  sqs.redrive, redrive_state and redrive_cancel: a subscription's
 *	  dead-letter queue, taken back.
 *
 * SQS does the moving, as a task of its own; AWS allows one at a time and
 * dead-letter queue.  All that is needed here is the queue's name, which the
 * redrive policy of the subscription's queue tells.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "queue_call.h"
#include "redrive.h"
#include "report.h"
#include "sqs_move.h"

PG_FUNCTION_INFO_V1(sqs_redrive);
PG_FUNCTION_INFO_V1(sqs_redrive_state);
PG_FUNCTION_INFO_V1(sqs_redrive_cancel);

#define REDRIVE_SECONDS 30		/* for everything */
#define REDRIVE_COLUMNS 2		/* dead_letter_queue, task_handle */

typedef enum RedriveStateColumn
{
	STATE_STATUS,
	STATE_STARTED_AT,
	STATE_MOVED,
	STATE_TO_MOVE,
	STATE_MAX_PER_SECOND,
	STATE_FAILURE,
	STATE_DESTINATION,
	STATE_TASK_HANDLE,
	STATE_COLUMNS
} RedriveStateColumn;

/* A dead-letter queue that can be asked about. */
typedef struct Redrive
{
	QueueCall  *call;
	const AwsxService *service;
	RedrivePolicy policy;
} Redrive;

/* Raises unless the subscription's queue has a dead-letter queue. */
static void
redrive_open(Redrive *redrive, const Subscription *subscription)
{
	AwsxSqsAttributes *attributes;
	const char *policy;
	AwsxError	error;

	redrive->call = queue_call_open(subscription, REDRIVE_SECONDS);
	redrive->service = &redrive->call->connection->sqs;
	attributes = queue_call_attributes(redrive->call, subscription->queue_url, &error);
	if (attributes == NULL)
		report_aws_error(ERROR, psprintf("read the state of queue \"%s\"",
										 subscription->queue_url), &error);
	policy = awsx_sqs_attribute(attributes, "RedrivePolicy");
	if (policy == NULL || !redrive_read(policy, &redrive->policy))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the queue of subscription \"%s\" has no dead-letter queue",
						subscription->name),
				 errhint("Its attribute RedrivePolicy would name one; sqs.queue_state shows it.")));
}

/* The error of a call that concerns the dead-letter queue. */
static void
redrive_failed(const Redrive *redrive, const char *what, const AwsxError *error)
{
	report_aws_denial(ERROR, psprintf("%s \"%s\"", what, report_clean(redrive->policy.target_arn)),
					  error,
					  "sqs:StartMessageMoveTask, sqs:ListMessageMoveTasks, sqs:CancelMessageMoveTask, sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes on the dead-letter queue and sqs:SendMessage on the queue");
}

/* The tasks, in the current memory context; the newest first. */
static AwsxSqsMoves *
redrive_moves(Redrive *redrive)
{
	AwsxSqsMoves *moves = palloc(sizeof(AwsxSqsMoves));
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;
	bool		done = false;

	if (awsx_sqs_moves_request(redrive->service, redrive->policy.target_arn, AWSX_SQS_MOVES_MAX,
							   &request, &error) &&
		queue_call_run(redrive->call, redrive->service, &request, &answer, &error))
	{
		done = awsx_sqs_moves_answer(&answer, moves, &error);
		awsx_http_response_free(&answer);
	}
	if (!done)
		redrive_failed(redrive, "list the message move tasks of", &error);
	return moves;
}

/* The task under way, or null. */
static const AwsxSqsMove *
redrive_running(const AwsxSqsMoves *moves)
{
	for (int i = 0; i < moves->count; i++)
	{
		if (moves->items[i].handle[0] != '\0')
			return &moves->items[i];
	}
	return NULL;
}

static int
redrive_rate(FunctionCallInfo fcinfo)
{
	int			rate = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);

	if (!PG_ARGISNULL(1) && (rate < 1 || rate > AWSX_SQS_MOVE_RATE_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_per_second is out of range: %d", rate),
				 errhint("Give a value from 1 to %d, or leave it out: then SQS chooses.",
						 AWSX_SQS_MOVE_RATE_MAX)));
	return rate;
}

/* The handle of a new task, palloc'd. */
static char *
redrive_start(Redrive *redrive, int rate)
{
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;
	char	   *handle = NULL;

	if (awsx_sqs_move_start_request(redrive->service, redrive->policy.target_arn, rate,
									&request, &error) &&
		queue_call_run(redrive->call, redrive->service, &request, &answer, &error))
	{
		handle = awsx_sqs_move_start_answer(&answer, &error);
		awsx_http_response_free(&answer);
	}
	if (handle == NULL)
		redrive_failed(redrive, "start to move messages from", &error);
	queue_call_keep(handle, free);
	return handle;
}

static void
redrive_notice_ids(const Subscription *subscription)
{
	if (!subscription->fifo || subscription->dedup_key != NULL)
		return;
	ereport(NOTICE,
			(errmsg("messages come back with other deduplication ids"),
			 errdetail("SQS replaces the ids of messages that went to a FIFO dead-letter queue, so the ledger does not know those that were applied before: they are applied again."),
			 errhint("Upsert routes do not mind. For others, create the subscription with a dedup_key: an attribute or a member of the body that identifies the message.")));
}

/* sqs.redrive(subscription text, max_per_second integer) */
Datum
sqs_redrive(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, 0);
	int			rate = redrive_rate(fcinfo);
	Redrive		redrive;
	Datum		values[REDRIVE_COLUMNS];
	bool		nulls[REDRIVE_COLUMNS];
	TupleDesc	tupdesc;
	char	   *handle;

	subscription_check_operator(subscription);
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != REDRIVE_COLUMNS)
		elog(ERROR, "sqs.redrive does not return what this library returns");

	redrive_open(&redrive, subscription);
	if (redrive_running(redrive_moves(&redrive)) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("messages are being moved from \"%s\" already",
						report_clean(redrive.policy.target_arn)),
				 errhint("sqs.redrive_state shows how far that is; sqs.redrive_cancel ends it.")));
	redrive_notice_ids(subscription);
	handle = redrive_start(&redrive, rate);
	nulls[0] = !queue_call_text(redrive.policy.target_arn, strlen(redrive.policy.target_arn), &values[0]);
	nulls[1] = !queue_call_text(handle, strlen(handle), &values[1]);
	queue_call_close(redrive.call);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

static void
redrive_set_text(const char *text, RedriveStateColumn column, Datum *values, bool *nulls)
{
	nulls[column] = text[0] == '\0' || !queue_call_text(text, strlen(text), &values[column]);
}

static void
redrive_put(ReturnSetInfo *result, const AwsxSqsMove *move)
{
	Datum		values[STATE_COLUMNS] = {0};
	bool		nulls[STATE_COLUMNS] = {0};

	redrive_set_text(move->status, STATE_STATUS, values, nulls);
	nulls[STATE_STARTED_AT] = move->started_ms == 0;
	values[STATE_STARTED_AT] =
		TimestampTzGetDatum(time_t_to_timestamptz(move->started_ms / 1000) +
							move->started_ms % 1000 * 1000);
	values[STATE_MOVED] = Int64GetDatum(move->moved);
	nulls[STATE_TO_MOVE] = move->to_move < 0;
	values[STATE_TO_MOVE] = Int64GetDatum(move->to_move);
	nulls[STATE_MAX_PER_SECOND] = move->rate == 0;
	values[STATE_MAX_PER_SECOND] = Int32GetDatum(move->rate);
	redrive_set_text(move->failure, STATE_FAILURE, values, nulls);
	redrive_set_text(move->destination_arn, STATE_DESTINATION, values, nulls);
	redrive_set_text(move->handle, STATE_TASK_HANDLE, values, nulls);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* sqs.redrive_state(subscription text) */
Datum
sqs_redrive_state(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, 0);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Redrive		redrive;
	AwsxSqsMoves *moves;

	subscription_check_viewer(subscription);
	InitMaterializedSRF(fcinfo, 0);
	if (result->setDesc->natts != STATE_COLUMNS)
		elog(ERROR, "sqs.redrive_state does not return what this library returns");
	redrive_open(&redrive, subscription);
	moves = redrive_moves(&redrive);
	queue_call_close(redrive.call);
	for (int i = 0; i < moves->count; i++)
		redrive_put(result, &moves->items[i]);
	return (Datum) 0;
}

/* sqs.redrive_cancel(subscription text) */
Datum
sqs_redrive_cancel(PG_FUNCTION_ARGS)
{
	Subscription *subscription = subscription_argument(fcinfo, 0);
	const AwsxSqsMove *running;
	Redrive		redrive;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;
	int64		moved = -1;

	subscription_check_operator(subscription);
	redrive_open(&redrive, subscription);
	running = redrive_running(redrive_moves(&redrive));
	if (running == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no messages are being moved from \"%s\"",
						report_clean(redrive.policy.target_arn)),
				 errhint("sqs.redrive_state shows the tasks that ended.")));
	if (awsx_sqs_move_cancel_request(redrive.service, running->handle, &request, &error) &&
		queue_call_run(redrive.call, redrive.service, &request, &answer, &error))
	{
		moved = awsx_sqs_move_cancel_answer(&answer, &error);
		awsx_http_response_free(&answer);
	}
	if (moved < 0)
		redrive_failed(&redrive, "stop moving messages from", &error);
	queue_call_close(redrive.call);
	PG_RETURN_INT64(moved);
}
