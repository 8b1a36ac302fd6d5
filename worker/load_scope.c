/*
 * load_scope.c
 *	  What a message is known by within its queue.
 */
#include <string.h>

#include "load_scope.h"

bool
load_scope_ask(AwsxClient *client, const AwsxService *queue, const char *queue_url,
			   const Deadline *deadline, LoadScope *scope, AwsxError *error)
{
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxSqsAttributes *attributes;
	const char *word;

	if (!awsx_sqs_attributes_request(queue, queue_url, &request, error))
		return false;
	request.timeout_ms = deadline_left_ms(deadline);
	if (request.timeout_ms <= 0)
	{
		awsx_http_request_free(&request);
		return awsx_error_set(error, AWSX_ERR_CANCELLED, "the time is over");
	}
	if (!awsx_client_run(client, queue, &request, &answer, error))
		return false;
	attributes = awsx_sqs_attributes_answer(&answer, error);
	awsx_http_response_free(&answer);
	if (attributes == NULL)
		return false;
	/* a queue without high throughput does not name it, and has one scope */
	word = awsx_sqs_attribute(attributes, "DeduplicationScope");
	*scope = word != NULL && strcmp(word, "messageGroup") == 0 ? LOAD_SCOPE_GROUP : LOAD_SCOPE_QUEUE;
	awsx_sqs_attributes_free(attributes);
	return true;
}
