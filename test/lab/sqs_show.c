/*
 * sqs_show.c
 *		A message as ReceiveMessage tells it.
 *
 * Written as text at once: values made to be written and thrown away were a
 * third of what a message cost the lab.
 */
#include <string.h>

#include "json_text.h"
#include "sqs.h"

static const char *const system_names[SQS_SYSTEM_ATTRIBUTES] = {
	"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "MessageGroupId",
	"MessageDeduplicationId", "SequenceNumber", "AWSTraceHeader", "DeadLetterQueueSourceArn"
};

void
sqs_choose(const json_t *in, SqsChoice *choice)
{
	const json_t *names = json_object_get(in, "MessageSystemAttributeNames");
	const json_t *older_names = json_object_get(in, "AttributeNames");

	for (size_t i = 0; i < SQS_SYSTEM_ATTRIBUTES; i++)
		choice->system[i] = sqs_is_wanted(system_names[i], names) || sqs_is_wanted(system_names[i], older_names);
	choice->attributes = json_object_get(in, "MessageAttributeNames");
}

/* Appends a member, after a comma unless it is the first; a value that is none or "" is left out. */
static void
write_member(Buf *out, const char *name, const char *text, size_t len)
{
	if (len == 0)
		return;
	if (out->data[out->len - 1] != '{')
		buf_add(out, ",", 1);
	json_text_string(out, name, strlen(name));
	buf_add(out, ":", 1);
	json_text_string(out, text, len);
}

static void
write_text(Buf *out, const char *name, const char *text)
{
	write_member(out, name, text, text != NULL ? strlen(text) : 0);
}

/* Timestamps and counts are text on the wire; 0 is none. */
static void
write_number(Buf *out, const char *name, int64_t number)
{
	char		digits[24];
	size_t		at = sizeof(digits);

	for (uint64_t left = (uint64_t) number; left > 0; left /= 10)
		digits[--at] = (char) ('0' + left % 10);
	write_member(out, name, digits + at, sizeof(digits) - at);
}

static void
write_system_attributes(const SqsQueue *queue, const FifoMessage *message, const SqsChoice *choice, Buf *out)
{
	const struct
	{
		const char *text;
		int64_t		number;
	}			all[SQS_SYSTEM_ATTRIBUTES] = {
		{.text = "AIDAEXAMPLE"},
		{.number = message->sent_ms},
		{.number = message->receive_count},
		{.number = message->first_received_ms},
		{.text = message->group_id},
		{.text = message->dedup_id},
		{.text = queue->is_fifo ? message->sequence : NULL},
		{.text = message->trace_header},
		{.text = message->source_arn},
	};

	for (size_t i = 0; i < SQS_SYSTEM_ATTRIBUTES; i++)
	{
		if (!choice->system[i])
			continue;
		write_number(out, system_names[i], all[i].number);
		write_text(out, system_names[i], all[i].text);
	}
}

/* Ends the object that begins behind `start`; one without members goes, name and all. */
static void
end_object(Buf *out, size_t start)
{
	if (out->data[out->len - 1] != '{')
		buf_add(out, "}", 1);
	else
		out->data[out->len = start] = '\0';
}

static void
write_attributes(const FifoMessage *message, const json_t *names, Buf *out)
{
	json_t	   *chosen;
	const char *name;
	json_t	   *attribute;
	char		md5[MD5_HEX];

	if (message->attributes == NULL || names == NULL)
		return;
	chosen = json_object();
	json_object_foreach(message->attributes, name, attribute)
	{
		if (sqs_is_wanted(name, names))
			json_object_set(chosen, name, attribute);
	}
	if (json_object_size(chosen) > 0)
	{
		sqs_digest_attributes(chosen, md5);
		write_text(out, "MD5OfMessageAttributes", md5);
		buf_adds(out, ",\"MessageAttributes\":");
		json_to_text(out, chosen);
	}
	json_decref(chosen);
}

void
sqs_show(const SqsQueue *queue, const FifoMessage *message, const SqsChoice *choice, Buf *out)
{
	char		handle[SQS_HANDLE_TEXT];
	size_t		start;

	sqs_write_handle(queue, (FifoHandle) {message->serial, message->receive}, handle);
	buf_add(out, "{", 1);
	write_text(out, "MessageId", message->id);
	write_text(out, "ReceiptHandle", handle);
	write_text(out, "MD5OfBody", message->md5);
	write_member(out, "Body", message->body, message->body_len);
	start = out->len;
	buf_adds(out, ",\"Attributes\":{");
	write_system_attributes(queue, message, choice, out);
	end_object(out, start);
	write_attributes(message, choice->attributes, out);
	buf_add(out, "}", 1);
}
