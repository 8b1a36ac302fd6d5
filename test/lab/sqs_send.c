/*
 * sqs_send.c
 *		SendMessage, alone and as an entry of SendMessageBatch.
 *
 * Some faults of an entry fail the whole call (a missing group or dedup id, a
 * sum that is too long, ids), others only that entry, and then what follows in
 * the batch is still accepted (recorded).  A message keeps the JSON object it
 * came in; its body and attributes are not copied.
 */
#include "sqs.h"

#include <stdio.h>
#include <string.h>

#include "faults.h"

#define WRONG_KIND	"The request include parameter that is not valid for this queue type."

/* What of the ids must be there. */
static void
require_ids(SqsCall *call)
{
	const char *content = json_string_value(json_object_get(call->queue->attributes, "ContentBasedDeduplication"));

	sqs_text(call, "MessageGroupId", call->queue->is_fifo);
	if (sqs_text(call, "MessageDeduplicationId", false) == NULL && call->queue->is_fifo &&
		strcmp(content, "true") != 0)
		sqs_fail(call, "InvalidParameterValue", "The queue should either have ContentBasedDeduplication "
				 "enabled or MessageDeduplicationId provided explicitly");
}

void
sqs_check_send_batch(SqsCall *call, json_t *entries)
{
	json_t	   *whole = call->in;
	size_t		sum = 0;
	size_t		i;

	json_array_foreach(entries, i, call->in)
	{
		require_ids(call);
		sum += json_string_length(json_object_get(call->in, "MessageBody")) +
			sqs_size_attributes(json_object_get(call->in, "MessageAttributes"));
	}
	call->in = whole;
	if (sum > SQS_MESSAGE_MAX)
		sqs_fail(call, "BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have "
				 "sent %zu bytes.", SQS_MESSAGE_MAX, sum);
}

/* 1-128 printable ASCII characters without blanks; the id stays "" when absent. */
static void
read_id(SqsCall *call, const char *name, bool allowed, char id[FIFO_ID_MAX + 1])
{
	const char *text = sqs_text(call, name, false);
	size_t		len = text != NULL ? strlen(text) : 0;
	bool		valid = len >= 1 && len <= FIFO_ID_MAX;

	for (size_t i = 0; i < len; i++)
		valid = valid && text[i] > ' ' && text[i] <= '~';
	if (text == NULL)
		return;
	if (!allowed)
		sqs_fail_value(call, name, WRONG_KIND);
	else if (!valid)
		sqs_fail_value(call, name, "It can only include alphanumeric and punctuation characters. 1 to 128 in length.");
	else
		memcpy(id, text, len);
}

/* Returns the size that counts. */
static size_t
read_body(SqsCall *call, FifoMessage *message)
{
	json_t	   *body = json_object_get(call->in, "MessageBody");
	size_t		most = (size_t) sqs_setting(call->queue, "MaximumMessageSize");
	size_t		size;

	if (body != NULL && !json_is_string(body))
		sqs_fail(call, "SerializationException", "MessageBody must be a string");
	else if (json_string_length(body) == 0)
		sqs_fail(call, "MissingParameter", "The request must contain the parameter MessageBody.");
	else if (!sqs_is_content(json_string_value(body), json_string_length(body)))
		sqs_fail(call, "InvalidMessageContents", "Invalid characters were found in the message body.");
	message->body = json_string_value(body);
	message->body_len = json_string_length(body);
	message->attributes = sqs_map(call, "MessageAttributes");
	sqs_check_attributes(call, message->attributes);
	size = message->body_len + sqs_size_attributes(message->attributes);
	if (size > most)
		sqs_fail(call, "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must "
				 "be shorter than %zu bytes.", most);
	return size;
}

/* In seconds: of the message where it may have one, else of the queue. */
static int64_t
read_delay(SqsCall *call)
{
	int64_t		own = sqs_setting(call->queue, "DelaySeconds");
	int64_t		delay = sqs_integer(call, "DelaySeconds", 0, 900, own);

	if (!call->queue->is_fifo)
		return delay;
	if (delay > 0 && json_object_get(call->in, "DelaySeconds") != NULL)
		sqs_fail_value(call, "DelaySeconds", WRONG_KIND);
	return own;
}

/* Sends a message and journals it.  False: a duplicate, with the first one's id and sequence number. */
static bool
accept_message(SqsQueue *queue, FifoMessage *message, size_t size, int64_t delay_s)
{
	bool		sent = fifo_send(queue->fifo, message, delay_s * 1000, clock_now_ms());

	sqs_journal("sqs.sent", queue, message, "Ib", "bytes", (json_int_t) size, "duplicate", !sent);
	return sent;
}

/* By script: a success without a message. */
static void
pretend(SqsCall *call, FifoMessage *message)
{
	fifo_number(call->queue->fifo, message->sequence);
	sqs_journal_fault(call, "ignore", message->id);
}

static FifoMessage *
message_new(json_t *request)
{
	FifoMessage *message = mem_zalloc(sizeof(FifoMessage));
	json_t	   *trace = json_object_get(json_object_get(request, "MessageSystemAttributes"), "AWSTraceHeader");

	random_uuid(message->id);
	message->request = request;
	message->trace_header = json_string_value(json_object_get(trace, "StringValue"));
	return message;
}

void
sqs_send_message(SqsCall *call)
{
	FifoMessage *message = message_new(json_incref(call->in));
	char		md5[MD5_HEX] = "";
	size_t		size;
	int64_t		delay_s;
	bool		kept = false;

	require_ids(call);
	read_id(call, "MessageGroupId", true, message->group_id);
	read_id(call, "MessageDeduplicationId", call->queue->is_fifo, message->dedup_id);
	size = read_body(call, message);
	delay_s = read_delay(call);
	if (call->error == NULL)
	{
		if (call->queue->is_fifo && message->dedup_id[0] == '\0')
			sha256_hex(message->body, message->body_len, message->dedup_id);
		md5_hex(message->body, message->body_len, message->md5);
		sqs_digest_attributes(message->attributes, md5);
		if (faults_effect(call->x) == FAULT_EFFECT_IGNORE)
			pretend(call, message);
		else
			kept = accept_message(call->queue, message, size, delay_s);
		sqs_set_text(call->out, "MessageId", message->id);
		sqs_set_text(call->out, "MD5OfMessageBody", message->md5);
		sqs_set_text(call->out, "MD5OfMessageAttributes", md5);
		sqs_set_text(call->out, "SequenceNumber", call->queue->is_fifo ? message->sequence : NULL);
	}
	if (!kept)
		fifo_message_free(message);
}

void
sqs_deliver(SqsQueue *queue, const char *body)
{
	FifoMessage *message = message_new(json_pack("{s:s}", "MessageBody", body));

	message->body = json_string_value(json_object_get(message->request, "MessageBody"));
	message->body_len = strlen(body);
	md5_hex(body, message->body_len, message->md5);
	accept_message(queue, message, message->body_len, sqs_setting(queue, "DelaySeconds"));
	sqs_changed(queue);
}

void
sqs_send_on(SqsQueue *from, FifoMessage *message, SqsQueue *to)
{
	sqs_journal("sqs.redriven", from, message, "s", "to", to->name);
	fifo_take_out(from->fifo, message);
	random_uuid(message->id);
	if (!accept_message(to, message, message->body_len + sqs_size_attributes(message->attributes), 0))
		fifo_message_free(message);
	sqs_changed(from);
	sqs_changed(to);
}
