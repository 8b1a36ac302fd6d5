/*
 * sqs_move.c
 *	  Message move tasks: StartMessageMoveTask, ListMessageMoveTasks and
 *	  CancelMessageMoveTask.
 *
 * Rules: those actions in AWS's SQS API reference.
 */
#include "sqs_move.h"

#include <stdlib.h>
#include <string.h>

#include "json_member.h"
#include "sqs_wire.h"

bool
awsx_sqs_move_start_request(const AwsxService *service, const char *source_arn, int rate,
							AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	awsx_sqs_begin(&json, out, "SourceArn", source_arn);
	if (rate < 0 || rate > AWSX_SQS_MOVE_RATE_MAX)
	{
		awsx_error_set(error, AWSX_ERR_CONFIG, "%d messages a second are not 1 to %d", rate,
					   AWSX_SQS_MOVE_RATE_MAX);
		return awsx_sqs_abandon(&json, out);
	}
	if (rate > 0)
		awsx_sqs_put_int(&json, "MaxNumberOfMessagesPerSecond", rate);
	return awsx_sqs_finish(&json, service, "StartMessageMoveTask", out, error);
}

char *
awsx_sqs_move_start_answer(const AwsxHttpResponse *answer, AwsxError *error)
{
	json_t	   *root = awsx_sqs_parse(answer, error);
	const char *handle;
	char	   *copy = NULL;

	if (root == NULL)
		return NULL;
	handle = awsx_json_member_text(root, "TaskHandle");
	if (handle == NULL || *handle == '\0')
		awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer of SQS has no TaskHandle");
	else if ((copy = strdup(handle)) == NULL)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a task's handle");
	json_decref(root);
	return copy;
}

bool
awsx_sqs_moves_request(const AwsxService *service, const char *source_arn, int count,
					   AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	awsx_sqs_begin(&json, out, "SourceArn", source_arn);
	if (count < 1 || count > AWSX_SQS_MOVES_MAX)
	{
		awsx_error_set(error, AWSX_ERR_CONFIG, "%d tasks are not 1 to %d", count,
					   AWSX_SQS_MOVES_MAX);
		return awsx_sqs_abandon(&json, out);
	}
	awsx_sqs_put_int(&json, "MaxResults", count);
	return awsx_sqs_finish(&json, service, "ListMessageMoveTasks", out, error);
}

/* A number that is not negative; the default where there is none. */
static int64_t
read_number(const json_t *object, const char *name, int64_t otherwise)
{
	json_t	   *member = json_object_get(object, name);

	if (!json_is_integer(member) || json_integer_value(member) < 0)
		return otherwise;
	return json_integer_value(member);
}

static void
read_text(const json_t *object, const char *name, char *out, size_t size)
{
	const char *text = awsx_json_member_text(object, name);

	awsx_sqs_copy(out, size, text != NULL ? text : "");
}

static bool
read_move(const json_t *object, AwsxSqsMove *move, AwsxError *error)
{
	const char *handle = awsx_json_member_text(object, "TaskHandle");
	int64_t		rate = read_number(object, "MaxNumberOfMessagesPerSecond", 0);

	memset(move, 0, sizeof(*move));
	read_text(object, "Status", move->status, sizeof(move->status));
	if (move->status[0] == '\0')
		return awsx_error_set(error, AWSX_ERR_PROTOCOL,
							  "a message move task in the answer of SQS has no status");
	/* half a handle names no task */
	if (handle != NULL && strlen(handle) < sizeof(move->handle))
		memcpy(move->handle, handle, strlen(handle));
	read_text(object, "SourceArn", move->source_arn, sizeof(move->source_arn));
	read_text(object, "DestinationArn", move->destination_arn, sizeof(move->destination_arn));
	read_text(object, "FailureReason", move->failure, sizeof(move->failure));
	move->moved = read_number(object, "ApproximateNumberOfMessagesMoved", 0);
	move->to_move = read_number(object, "ApproximateNumberOfMessagesToMove", -1);
	move->started_ms = read_number(object, "StartedTimestamp", 0);
	move->rate = rate <= AWSX_SQS_MOVE_RATE_MAX ? (int) rate : 0;
	return true;
}

bool
awsx_sqs_moves_answer(const AwsxHttpResponse *answer, AwsxSqsMoves *moves, AwsxError *error)
{
	json_t	   *root = awsx_sqs_parse(answer, error);
	json_t	   *results;
	bool		done = root != NULL &&
		awsx_sqs_member(root, "Results", JSON_ARRAY, &results, error);

	moves->count = 0;
	if (done && json_array_size(results) > AWSX_SQS_MOVES_MAX)
		done = awsx_error_set(error, AWSX_ERR_PROTOCOL,
							  "the answer of SQS has %zu message move tasks",
							  json_array_size(results));
	for (size_t i = 0; done && i < json_array_size(results); i++)
		done = read_move(json_array_get(results, i), &moves->items[moves->count++], error);
	if (!done)
		moves->count = 0;
	json_decref(root);
	return done;
}

bool
awsx_sqs_move_cancel_request(const AwsxService *service, const char *handle, AwsxHttpRequest *out,
							 AwsxError *error)
{
	AwsxBuf		json;

	awsx_sqs_begin(&json, out, "TaskHandle", handle);
	return awsx_sqs_finish(&json, service, "CancelMessageMoveTask", out, error);
}

int64_t
awsx_sqs_move_cancel_answer(const AwsxHttpResponse *answer, AwsxError *error)
{
	json_t	   *root = awsx_sqs_parse(answer, error);
	int64_t		moved;

	if (root == NULL)
		return -1;
	moved = read_number(root, "ApproximateNumberOfMessagesMoved", -1);
	if (moved < 0)
		awsx_error_set(error, AWSX_ERR_PROTOCOL,
					   "the answer of SQS does not say how many messages were moved");
	json_decref(root);
	return moved;
}
