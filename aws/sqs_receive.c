/*
 * sqs_receive.c
 *	  ReceiveMessage: the request of one poll.
 */
#include "sqs.h"

#include <string.h>

#include "identity.h"
#include "sqs_wire.h"

/*
 * How long an answer may take beyond the wait asked for.  Long enough for
 * ten large messages, short enough to notice a dead connection soon.
 */
#define POLL_GRACE_MS 4500
#define POLL_MIN_MS 10000

/* A byte of a message may arrive as "\u00xx"; the rest is ids and handles. */
#define MESSAGE_ROOM ((size_t) AWSX_SQS_MAX_BYTES * 6 + 65536)

bool
awsx_sqs_receive_request(const AwsxService *service, const char *queue_url,
						 const AwsxSqsReceive *receive, AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	awsx_sqs_begin(&json, out, "QueueUrl", queue_url);
	if (receive->max_messages < 1 || receive->max_messages > AWSX_SQS_BATCH ||
		receive->wait_seconds < 0 || receive->wait_seconds > AWSX_SQS_MAX_WAIT ||
		receive->visibility_seconds < -1 || receive->visibility_seconds > 43200)
	{
		awsx_sqs_abandon(&json, out);
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "ReceiveMessage takes 1 to 10 messages, a wait of 0 to 20 s and a visibility timeout of 0 to 43200 s, not %d, %d and %d",
							  receive->max_messages, receive->wait_seconds, receive->visibility_seconds);
	}
	if (receive->attempt_id != NULL && !awsx_id_valid(receive->attempt_id, strlen(receive->attempt_id)))
	{
		awsx_sqs_abandon(&json, out);
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the receive attempt id is not 1 to %d printable ASCII characters without spaces",
							  AWSX_ID_MAX);
	}
	awsx_sqs_put_int(&json, "MaxNumberOfMessages", receive->max_messages);
	awsx_sqs_put_int(&json, "WaitTimeSeconds", receive->wait_seconds);
	if (receive->visibility_seconds >= 0)
		awsx_sqs_put_int(&json, "VisibilityTimeout", receive->visibility_seconds);
	awsx_buf_puts(&json, ",\"MessageSystemAttributeNames\":[\"All\"],\"MessageAttributeNames\":[\"All\"]");
	if (receive->attempt_id != NULL)
		awsx_sqs_put_text(&json, "ReceiveRequestAttemptId", receive->attempt_id,
						  strlen(receive->attempt_id));
	out->timeout_ms = receive->wait_seconds * 1000 + POLL_GRACE_MS;
	out->long_poll = true;
	if (out->timeout_ms < POLL_MIN_MS)
		out->timeout_ms = POLL_MIN_MS;
	out->max_response = (size_t) receive->max_messages * MESSAGE_ROOM;
	return awsx_sqs_finish(&json, service, "ReceiveMessage", out, error);
}
