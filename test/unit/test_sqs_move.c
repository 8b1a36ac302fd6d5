/*
 * test_sqs_move.c
 *	  Message move tasks: the exact requests, and answers whole, odd and
 *	  broken.
 */
#include <stdlib.h>

#include "answer.h"
#include "sqs_move.h"
#include "tap.h"

#define ARN "arn:aws:sqs:eu-west-1:123456789012:q-dlq.fifo"

static const AwsxService service = {
	.dialect = AWSX_DIALECT_JSON,
	.name = "sqs",
	.region = "eu-west-1",
	.endpoint = "https://sqs.eu-west-1.amazonaws.com"
};

static AwsxHttpResponse
answer_of(const char *body)
{
	return make_answer(body, strlen(body));
}

static void
is_request(bool made, AwsxHttpRequest *request, const char *target, const char *body)
{
	if (!ok(made, "%s: made", target))
		return;
	is_str(awsx_headers_get(&request->headers, "x-amz-target"), target, "target");
	is_str(request->body, body, "body");
	awsx_http_request_free(request);
}

static void
is_refused(bool made, AwsxHttpRequest *request, const AwsxError *error)
{
	ok(!made && error->kind == AWSX_ERR_CONFIG, "refused: %s", made ? "not" : error->message);
	ok(request->body == NULL, "and the request is empty");
	awsx_http_request_free(request);
}

static void
test_requests(void)
{
	AwsxHttpRequest request;
	AwsxError	error;

	is_request(awsx_sqs_move_start_request(&service, ARN, 0, &request, &error), &request,
			   "AmazonSQS.StartMessageMoveTask", "{\"SourceArn\":\"" ARN "\"}");
	is_request(awsx_sqs_move_start_request(&service, ARN, 500, &request, &error), &request,
			   "AmazonSQS.StartMessageMoveTask",
			   "{\"SourceArn\":\"" ARN "\",\"MaxNumberOfMessagesPerSecond\":500}");
	is_refused(awsx_sqs_move_start_request(&service, ARN, 501, &request, &error), &request, &error);
	is_refused(awsx_sqs_move_start_request(&service, ARN, -1, &request, &error), &request, &error);
	is_request(awsx_sqs_moves_request(&service, ARN, 10, &request, &error), &request,
			   "AmazonSQS.ListMessageMoveTasks", "{\"SourceArn\":\"" ARN "\",\"MaxResults\":10}");
	is_refused(awsx_sqs_moves_request(&service, ARN, 0, &request, &error), &request, &error);
	is_refused(awsx_sqs_moves_request(&service, ARN, 11, &request, &error), &request, &error);
	is_request(awsx_sqs_move_cancel_request(&service, "a\"b", &request, &error), &request,
			   "AmazonSQS.CancelMessageMoveTask", "{\"TaskHandle\":\"a\\\"b\"}");
}

static void
test_start(void)
{
	AwsxHttpResponse answer;
	AwsxError	error;
	char	   *handle;
	const char *bad[] = {"{}", "{\"TaskHandle\":\"\"}", "{\"TaskHandle\":7}", "[", "null", "{\"TaskHandle\":\"a\\u0000b\"}"};

	answer = answer_of("{\"TaskHandle\":\"eyJ0\"}");
	handle = awsx_sqs_move_start_answer(&answer, &error);
	is_str(handle, "eyJ0", "the handle");
	free(handle);
	awsx_http_response_free(&answer);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		awsx_error_clear(&error);
		answer = answer_of(bad[i]);
		handle = awsx_sqs_move_start_answer(&answer, &error);
		ok(handle == NULL && error.kind == AWSX_ERR_PROTOCOL, "no handle in %s", bad[i]);
		free(handle);
		awsx_http_response_free(&answer);
	}
}

static void
test_list(void)
{
	AwsxHttpResponse answer;
	AwsxSqsMoves moves;
	AwsxError	error;

	answer = answer_of("{\"Results\":[{\"TaskHandle\":\"h1\",\"Status\":\"RUNNING\",\"SourceArn\":\"" ARN "\","
				"\"MaxNumberOfMessagesPerSecond\":50,\"ApproximateNumberOfMessagesMoved\":3,"
				"\"ApproximateNumberOfMessagesToMove\":12,\"StartedTimestamp\":1795352046141},"
				"{\"Status\":\"FAILED\",\"SourceArn\":\"" ARN "\",\"DestinationArn\":\"arn:x\",\"FailureReason\":\"CouldNotDetermine\\nMessageSource\"}]}");
	ok(awsx_sqs_moves_answer(&answer, &moves, &error), "two tasks");
	is_int(moves.count, 2, "are two");
	is_str(moves.items[0].handle, "h1", "handle");
	is_str(moves.items[0].status, "RUNNING", "status");
	is_str(moves.items[0].source_arn, ARN, "source");
	is_str(moves.items[0].destination_arn, "", "no destination");
	is_int(moves.items[0].rate, 50, "rate");
	is_int(moves.items[0].moved, 3, "moved");
	is_int(moves.items[0].to_move, 12, "to move");
	is_int(moves.items[0].started_ms, 1795352046141, "started");
	is_str(moves.items[1].handle, "", "a task that ended has no handle");
	is_str(moves.items[1].failure, "CouldNotDetermine MessageSource", "failure, in one line");
	is_str(moves.items[1].destination_arn, "arn:x", "destination");
	is_int(moves.items[1].moved, 0, "nothing moved");
	is_int(moves.items[1].to_move, -1, "not said how many");
	awsx_http_response_free(&answer);

	answer = answer_of("{}");
	ok(awsx_sqs_moves_answer(&answer, &moves, &error) && moves.count == 0, "no task at all");
	awsx_http_response_free(&answer);
}

static void
test_list_broken(void)
{
	const char *bad[] = {"{\"Results\":{}}", "{\"Results\":[7]}", "{\"Results\":[{}]}", "{\"Results\":[{\"Status\":\"\"}]}", "{\"Results\":[{\"Status\":\"COMP"};
	AwsxHttpResponse answer;
	AwsxSqsMoves moves;
	AwsxError	error;
	char		many[1024] = "{\"Results\":[";
	char		lengthy[6000] = "{\"Results\":[{\"Status\":\"RUNNING\",\"ApproximateNumberOfMessagesMoved\":-4,\"MaxNumberOfMessagesPerSecond\":99999999999,\"TaskHandle\":\"";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		awsx_error_clear(&error);
		answer = answer_of(bad[i]);
		ok(!awsx_sqs_moves_answer(&answer, &moves, &error) && error.kind == AWSX_ERR_PROTOCOL && moves.count == 0,
		   "not understood: %s", bad[i]);
		awsx_http_response_free(&answer);
	}
	for (int i = 0; i < 11; i++)
		strcat(many, i == 0 ? "{\"Status\":\"COMPLETED\"}" : ",{\"Status\":\"COMPLETED\"}");
	strcat(many, "]}");
	answer = answer_of(many);
	ok(!awsx_sqs_moves_answer(&answer, &moves, &error) && error.kind == AWSX_ERR_PROTOCOL, "more than can be");
	awsx_http_response_free(&answer);

	for (size_t i = strlen(lengthy); i < 4000; i++)
		lengthy[i] = 'h';
	strcat(lengthy, "\"}]}");
	answer = answer_of(lengthy);
	ok(awsx_sqs_moves_answer(&answer, &moves, &error), "an endless handle");
	is_str(moves.items[0].handle, "", "is none");
	is_int(moves.items[0].moved, 0, "a negative number is none");
	is_int(moves.items[0].rate, 0, "nor is a rate that cannot be");
	awsx_http_response_free(&answer);
}

static void
test_cancel(void)
{
	const char *bad[] = {"{}", "{\"ApproximateNumberOfMessagesMoved\":\"7\"}", "{\"ApproximateNumberOfMessagesMoved\":-7}", "{"};
	AwsxHttpResponse answer;
	AwsxError	error;

	answer = answer_of("{\"ApproximateNumberOfMessagesMoved\":7}");
	is_int(awsx_sqs_move_cancel_answer(&answer, &error), 7, "moved before the end");
	awsx_http_response_free(&answer);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		awsx_error_clear(&error);
		answer = answer_of(bad[i]);
		ok(awsx_sqs_move_cancel_answer(&answer, &error) == -1 && error.kind == AWSX_ERR_PROTOCOL, "not said in %s", bad[i]);
		awsx_http_response_free(&answer);
	}
}

int
main(void)
{
	test_requests();
	test_start();
	test_list();
	test_list_broken();
	test_cancel();
	return tap_done();
}
